import ApusCore

extension LayeredModel {
  /// The model up to one of its layers, to build another one on: Keras's `Model(base.input, base.get_layer(…).output)`.
  ///
  /// Layers keep their names. If this model was trained, models with this part in them begin with its weights:
  ///
  ///     let features = try trained.ending(at: "flatten", name: "features")
  ///     let model = try Sequential(input: [28, 28, 1]) {
  ///       features
  ///       Dense(5, activation: .softmax)
  ///     }
  ///     let trainer = try model.frozen(layers: ["features"]).compile(loss: .sparseCategoricalCrossEntropy)
  ///
  /// - Parameters:
  ///   - layer: the name of the last layer, as `summary()` shows it.
  ///   - name: of the part; nil for this model's.
  /// - Throws: `ApusError` with the layers if there is none of that name.
  public func ending(at layer: String, name: String? = nil) throws -> Self {
    let names = try ModelAssembly.names(of: structure)
    let calls = LayerCall.reachable(from: structure.outputs.map(\.call))
    guard let last = calls.last(where: { names[$0.layerIdentity] == layer }) else {
      let all = calls.compactMap { names[$0.layerIdentity] }
      throw ApusError.input(
        "model '\(self.name)' has no layer '\(layer)'",
        help: (Suggestion.didYouMean(layer, among: all).map { $0 + " " } ?? "")
          + "its layers: \(all.joined(separator: ", "))")
    }
    guard !last.isInput else { throw ApusError.input("'\(layer)' is an input of model '\(self.name)', not a layer") }
    return try Self(name: name ?? self.name, structure: structure.part(of: last, names: names))
  }
}

extension ModelStructure {
  /// The layers up to a call.
  fileprivate func part(of last: LayerCall, names: [ObjectIdentifier: String]) -> ModelStructure {
    let calls = LayerCall.reachable(from: [last])
    var part = ModelStructure(
      inputs: inputs.filter { input in calls.contains { $0 === input } }.map { SymbolicTensor($0) },
      outputs: last.outputs)
    part.hidesInput = hidesInput
    part.isFrozen = isFrozen
    part.frozenLayers = frozenLayers.intersection(calls.compactMap { names[$0.layerIdentity] })
    part.names = names
    part.whole = weights
    return part
  }
}
