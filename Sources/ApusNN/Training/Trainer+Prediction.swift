import ApusCore
import ApusData
import ApusGraph
import ApusPresentation

/// What a model makes of samples.
extension Trainer {
  /// The model's output for each sample.
  /// - Parameter inputs: samples along axis 0; reshaped to the model's input where the element counts agree.
  public func predict(_ inputs: Tensor, batchSize: Int = 32) throws -> Tensor {
    _ = try model.singleOutput()
    return try run(model, single(inputs), batchSize: batchSize)[0]
  }

  /// The model's outputs for each sample, by name.
  /// - Parameter inputs: samples along axis 0, for each input.
  public func predict(inputs: ByName<Tensor>, batchSize: Int = 32) throws -> [String: Tensor] {
    let outputs = try run(model, fitted(inputs), batchSize: batchSize)
    return Dictionary(uniqueKeysWithValues: zip(outputNames, outputs))
  }

  /// How often samples of each class are taken for which: the largest output, or one output on a side of the loss's
  /// threshold, against the truth.
  /// - Parameters:
  ///   - inputs: samples along axis 0.
  ///   - targets: class numbers, or rows with a 1 at the class.
  /// - Throws: `ApusError` if the model's outputs are not one class for each sample.
  public func confusionMatrix(_ inputs: Tensor, _ targets: Tensor, batchSize: Int = 32) throws -> ConfusionMatrix {
    let reader = try AnswerReader(model, loss: loss)
    let outputs = try predict(inputs, batchSize: batchSize)
    let numbers = outputs.doubles()
    let count = inputs.dimensions[0]
    guard numbers.count == count * reader.width else {
      throw ApusError.input("a confusion matrix needs one class for each sample, but the outputs are \(outputs.type)")
    }
    let answers = try (0..<count).map { row -> Int32 in
      switch reader.answer(numbers[row * reader.width..<(row + 1) * reader.width]) {
      case .label(let label, let score) where !score.isNaN: return Int32(label)
      case .decision(let isYes, let score) where !score.isNaN: return isYes ? 1 : 0
      case .label, .decision: throw ApusError.input("the outputs of sample \(row) are NaN")
      case .labels, .value:
        throw ApusError.input(
          "a confusion matrix needs one class for each sample, which outputs of \(outputs.type) do not say",
          help: "it is for models that end in softmax, or in one sigmoid")
      }
    }
    // Data may have fewer classes than the model has outputs.
    let names = classNames + (classNames.count..<max(classNames.count, reader.width, 2)).map(String.init)
    return try ConfusionMatrix(labels: targets, predictions: Tensor(answers), classNames: names)
  }

  /// What a layer makes of samples on the way to the model's output, while predicting.
  /// - Parameter layer: its name, as `summary()` shows it; or the name of a value of the graph.
  /// - Throws: `ApusError` with a suggestion if nothing has this name.
  public func outputs(of layer: String, for inputs: Tensor, batchSize: Int = 32) throws -> Tensor {
    try run(model.ending(at: layer), single(inputs), batchSize: batchSize)[0]
  }

  /// As above, for a model with several inputs.
  public func outputs(of layer: String, inputs: ByName<Tensor>, batchSize: Int = 32) throws -> Tensor {
    try run(model.ending(at: layer), fitted(inputs), batchSize: batchSize)[0]
  }

  private func single(_ inputs: Tensor) throws -> [Tensor] {
    _ = try model.singleInput()
    return [try fitted(inputs)]
  }

  /// Runs a graph with the model's inputs, bound to inference, batch by batch.
  private func run(_ graph: Graph, _ inputs: [Tensor], batchSize: Int) throws -> [Tensor] {
    let count = inputs[0].dimensions[0]
    let forward = try session.load(graph.accepting(inputs.map(\.dtype)).bound(to: .inference))
    var results = try graph.outputTypes.map { type in
      let sample = type.shape.dims.dropFirst()
      guard type.shape.dims.first?.symbol != nil, sample.allSatisfy({ $0.number != nil }) else {
        throw ApusError.input("the value is a \(type), which has no row for each sample")
      }
      return try Tensor(uninitialized: type.dtype, [count] + sample.map { $0.number ?? 0 })
    }
    var offsets = results.map { _ in 0 }
    for batch in try BatchSequence(count: count, batchSize: batchSize) {
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
