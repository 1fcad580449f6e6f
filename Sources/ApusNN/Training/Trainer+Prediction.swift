import ApusCore
import ApusData
import ApusGraph
import ApusPresentation

/// What a model makes of samples.
extension Trainer {
  /// The model's output for each sample.
  /// - Parameters:
  ///   - inputs: samples along axis 0; reshaped to the model's input where the element counts agree.
  ///   - batchSize: nil for 32, or the fixed size of a model with states.
  public func predict(_ inputs: Tensor, batchSize: Int? = nil) throws -> Tensor {
    _ = try model.singleOutput()
    return try run(model, single(inputs), batchSize: batchSize)[0]
  }

  /// The model's outputs for each sample, by name.
  /// - Parameter inputs: samples along axis 0, for each input.
  public func predict(inputs: ByName<Tensor>, batchSize: Int? = nil) throws -> [String: Tensor] {
    let outputs = try run(model, fitted(inputs), batchSize: batchSize)
    return Dictionary(uniqueKeysWithValues: zip(outputNames, outputs))
  }

  /// What a layer makes of samples on the way to the model's output, while predicting. States that the model keeps are read
  /// and stay as they are: batches follow each other as in `predict`, but the next call begins where this one did.
  /// - Parameter layer: its name, as `summary()` shows it; or the name of a value of the graph.
  /// - Throws: `ApusError` with a suggestion if nothing has this name.
  public func outputs(of layer: String, for inputs: Tensor, batchSize: Int? = nil) throws -> Tensor {
    try keepingStates { try run(model.ending(at: layer), single(inputs), batchSize: batchSize)[0] }
  }

  /// As above, for a model with several inputs.
  public func outputs(of layer: String, inputs: ByName<Tensor>, batchSize: Int? = nil) throws -> Tensor {
    try keepingStates { try run(model.ending(at: layer), fitted(inputs), batchSize: batchSize)[0] }
  }

  private func single(_ inputs: Tensor) throws -> [Tensor] {
    _ = try model.singleInput()
    return [try fitted(inputs)]
  }

  /// Runs a graph with the model's inputs, bound to inference, batch by batch.
  private func run(_ graph: Graph, _ inputs: [Tensor], batchSize: Int?) throws -> [Tensor] {
    let count = inputs[0].dimensions[0]
    let forward = try session.load(graph.accepting(inputs.map(\.dtype)).bound(to: .inference))
    var results = try graph.outputTypes.map { type in
      let sample = type.shape.dims.dropFirst()
      guard type.shape.dims.first == inputTypes[0].shape.dims.first, sample.allSatisfy({ $0.number != nil }) else {
        throw ApusError.input("the value is a \(type), which has no row for each sample")
      }
      return try Tensor(uninitialized: type.dtype, [count] + sample.map { $0.number ?? 0 })
    }
    var offsets = results.map { _ in 0 }
    for batch in try BatchSequence(count: count, batchSize: self.batchSize(batchSize, of: count)) {
      for (position, part) in try forward.run(inputs.map { try $0.gather(rows: batch) }).enumerated() {
        let start = offsets[position]
        results[position].withUnsafeMutableBytes { to in
          part.withUnsafeBytes { from in to[start..<start + from.count].copyBytes(from: from) }
        }
        offsets[position] += part.byteCount
      }
    }
    return results
  }
}

extension Graph {
  /// This graph up to a layer's result, or to a value of this name.
  fileprivate func ending(at layer: String) throws -> Graph {
    let last = nodes.last { $0.origin.name == layer && !($0.op is Variable || $0.op is Constant) }
    if let last { return try fetching([label(of: last.results[0])]) }
    let named = nodes.flatMap(\.results).first { name(of: $0) == layer }
    if let named { return try fetching([label(of: named)]) }
    var layers: [String] = []
    for case let name? in nodes.map(\.origin.name) where !layers.contains(name) { layers.append(name) }
    let all = "its layers: \(layers.prefix(40).joined(separator: ", "))\(layers.count > 40 ? ", …" : "")"
    throw ApusError.input(
      "the model has no layer '\(layer)'",
      help: (Suggestion.didYouMean(layer, among: layers).map { $0 + " " } ?? "") + all)
  }
}
