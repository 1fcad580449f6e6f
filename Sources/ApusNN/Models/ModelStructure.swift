/// The layers of a model as they were applied, from its inputs to its outputs. A model inside another one is built from it.
public struct ModelStructure: Sendable {
  /// What its trainers leave behind. Copies share it, frozen ones too.
  let weights = ModelWeights()
  let inputs: [LayerCall]
  let outputs: [SymbolicTensor]
  /// Whether the table of the model leaves out its input, as that of a sequence does.
  var hidesInput = false
  /// Whether training changes none of the model's variables.
  var isFrozen = false
  /// Layers whose variables training leaves alone, by their names in this model.
  var frozenLayers: Set<String> = []
  /// Names that layers have already, by the layers' identities: those of a part of another model.
  var names: [ObjectIdentifier: String] = [:]
  /// The weights of the model of which this is a part.
  var whole: ModelWeights?

  init(inputs: [SymbolicTensor], outputs: [SymbolicTensor]) {
    self.inputs = inputs.map(\.call)
    self.outputs = outputs
  }
}

extension LayeredModel {
  public var weights: ModelWeights { structure.weights }

  /// The model with variables that training leaves alone: a pretrained part of another model. Batch normalization in it
  /// uses its moving averages, and leaves them as they are, in training, too.
  /// - Parameter layers: the names of the layers to freeze; nil freezes all of them, those of models inside it, too.
  /// - Throws: `ApusError` with a suggestion if no layer has that name.
  public func frozen(layers: [String]? = nil) throws -> Self {
    try withStructure {
      guard let layers else {
        $0.isFrozen = true
        return
      }
      $0.frozenLayers.formUnion(layers)
    }
  }

  /// The model with all its variables trained again, but for those of layers that were frozen before they were put into
  /// it.
  /// - Parameter layers: the names of the layers to train; nil for all of them. A model that was frozen as a whole stays
  ///   frozen but for them.
  /// - Throws: `ApusError` with a suggestion if no layer has that name.
  public func unfrozen(layers: [String]? = nil) throws -> Self {
    let all = summaryTable.rows.map(\.name)
    return try withStructure {
      if $0.isFrozen { $0.frozenLayers.formUnion(all) }
      $0.isFrozen = false
      guard let layers else {
        $0.frozenLayers = []
        return
      }
      try ModelAssembly.requireLayers(layers, among: all, model: name)
      $0.frozenLayers.subtract(layers)
    }
  }

  private func withStructure(_ change: (inout ModelStructure) throws -> Void) throws -> Self {
    var structure = structure
    try change(&structure)
    return try Self(name: name, structure: structure)
  }
}
