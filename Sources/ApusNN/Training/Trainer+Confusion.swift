import ApusCore
import ApusData
import ApusGraph
import ApusPresentation

/// Which classes a model takes for which.
extension Trainer {
  /// How often samples of each class are taken for which: the largest output, or one output on a side of the loss's
  /// threshold, against the truth.
  /// - Parameters:
  ///   - inputs: samples along axis 0.
  ///   - targets: class numbers, or rows with a 1 at the class.
  /// - Throws: `ApusError` if the model's outputs are not one class for each sample.
  public func confusionMatrix(_ inputs: Tensor, _ targets: Tensor, batchSize: Int? = nil) throws -> ConfusionMatrix {
    try confusionMatrix(of: predict(inputs, batchSize: batchSize), targets)
  }

  /// Loss and metrics over all samples, and the confusion matrix, of one run of the model.
  /// - Throws: as `evaluate` and `confusionMatrix`.
  public func evaluateWithConfusionMatrix(
    _ inputs: Tensor, _ targets: Tensor, batchSize: Int? = nil, sampleWeights: Tensor? = nil,
    verbose: Verbosity = .silent, output: ProgressOutput = .standard
  ) throws -> (logs: [String: Double], matrix: ConfusionMatrix?) {
    _ = try model.singleOutput()
    let samples = try samples(inputs, targets, weights: sampleWeights)
    let program = try session.load(
      model.accepting(samples.inputs.map(\.dtype))
        .evaluation(objective, targets: targetFeeds(samples), givesOutputs: true))
    let source = try ArraySource(samples, batchSize: self.batchSize(batchSize, of: samples.count))
    var outputs: [Tensor] = []
    let logs = try evaluate(source, verbose, output) { chunk in
      let series = try chunk.run(program)
      // The outputs of all batches, one batch after the other.
      if let all = series.last { outputs.append(try all.reshaped([chunk.sampleCount] + all.dimensions.dropFirst(2))) }
      return StepLogs(self.logs, Array(series.dropLast()))
    }
    return (logs, try confusionMatrix(of: Tensor.joiningRows(outputs), targets))
  }

  /// - Parameter outputs: the model's, for each sample.
  private func confusionMatrix(of outputs: Tensor, _ targets: Tensor) throws -> ConfusionMatrix {
    let reader = try AnswerReader(model, loss: loss)
    let numbers = outputs.doubles()
    let count = outputs.dimensions[0]
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
}
