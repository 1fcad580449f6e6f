import ApusCore
import ApusData
import ApusGraph
import ApusPresentation

extension Trainer {
  /// Goes through the samples `epochs` times.
  /// - Parameters:
  ///   - inputs: samples along axis 0; reshaped to the model's input where the element counts agree.
  ///   - targets: class numbers or values, along axis 0.
  ///   - batchSize: samples a step; nil for 32, or the fixed size of a model with states.
  ///   - epochs: how many epochs are trained; with `initialEpoch`, the epoch at which training ends, as in Keras.
  ///   - validationSplit: the last part of the samples, taken before shuffling, on which each epoch is evaluated.
  ///   - validationData: other samples to evaluate on; goes before `validationSplit`.
  ///   - shuffle: a new order in each epoch, from the trainer's seed and the epoch.
  ///   - callbacks: what watches and steers training, in this order.
  ///   - classWeights: what the losses of a class's samples are multiplied by in training; 1 for a class that is missing.
  ///   - sampleWeights: what each sample's loss is multiplied by; the divisor of the mean stays the number of samples.
  ///   - validationWeights: the same for `validationData`.
  ///   - initialEpoch: the number of the first epoch, from 0; nil to go on counting.
  ///   - stepsPerEpoch: how many batches an epoch has; nil for one pass through the samples. The next epoch begins where
  ///     this one ended.
  ///   - validationSteps: how many batches an evaluation has at most; nil for all.
  ///   - validationBatchSize: nil for `batchSize`.
  ///   - validationFrequency: 2 evaluates after each second epoch.
  ///   - onNonFiniteLoss: what to do if a loss is NaN or infinite.
  /// - Returns: the history of these epochs; `history` has all.
  /// - Throws: `ApusError` if data and model do not fit, before anything is trained; or, unless `onNonFiniteLoss` is
  ///   `continue` or a callback has stopped training by then, if a loss is not finite: the epoch is not in the history
  ///   then, and nothing is saved.
  @discardableResult
  public func fit(
    _ inputs: Tensor, _ targets: Tensor, batchSize: Int? = nil, epochs: Int = 1, validationSplit: Double = 0,
    validationData: (inputs: Tensor, targets: Tensor)? = nil, shuffle: Bool = true, verbose: Verbosity = .auto,
    callbacks: [any Callback] = [], classWeights: [Int: Double] = [:], sampleWeights: Tensor? = nil,
    validationWeights: Tensor? = nil, initialEpoch: Int? = nil, stepsPerEpoch: Int? = nil, validationSteps: Int? = nil,
    validationBatchSize: Int? = nil, validationFrequency: Int = 1, onNonFiniteLoss: NonFiniteLoss = .stop,
    output: ProgressOutput = .standard
  ) throws -> History {
    let data = SplitData(
      all: try samples(inputs, targets, weights: sampleWeights, classWeights: classWeights),
      unweighted: classWeights.isEmpty ? nil : try samples(inputs, targets, weights: sampleWeights),
      validation: try validationData.map { try samples($0.inputs, $0.targets, weights: validationWeights) },
      split: validationSplit, classWeights: classWeights.isEmpty ? nil : classWeights)
    return try fit(
      data,
      BatchOptions(
        batchSize: batchSize, shuffle: shuffle, stepsPerEpoch: stepsPerEpoch, validationSteps: validationSteps,
        validationBatchSize: validationBatchSize),
      FitOptions(
        epochs: epochs, initialEpoch: initialEpoch, validationFrequency: validationFrequency, verbose: verbose,
        callbacks: callbacks, onNonFiniteLoss: onNonFiniteLoss, output: output))
  }

  /// Trains a model with several inputs or targets.
  /// - Parameters:
  ///   - inputs: samples along axis 0 for each input, by name or in order.
  ///   - targets: for each of `targetNames`; none for a joint loss without targets.
  ///   - sampleWeights: for those targets whose samples are weighted.
  ///   - validationWeights: the same for `validationData`.
  /// - Returns: the history of these epochs; `history` has all.
  /// - Throws: as above.
  @discardableResult
  public func fit(
    inputs: ByName<Tensor>, targets: ByName<Tensor> = [:], batchSize: Int? = nil, epochs: Int = 1,
    validationSplit: Double = 0, validationData: (inputs: ByName<Tensor>, targets: ByName<Tensor>)? = nil,
    shuffle: Bool = true, verbose: Verbosity = .auto, callbacks: [any Callback] = [],
    sampleWeights: ByName<Tensor> = [:], validationWeights: ByName<Tensor> = [:], initialEpoch: Int? = nil,
    stepsPerEpoch: Int? = nil, validationSteps: Int? = nil, validationBatchSize: Int? = nil,
    validationFrequency: Int = 1, onNonFiniteLoss: NonFiniteLoss = .stop, output: ProgressOutput = .standard
  ) throws -> History {
    let data = SplitData(
      all: try samples(inputs: inputs, targets: targets, weights: sampleWeights),
      validation: try validationData.map {
        try samples(inputs: $0.inputs, targets: $0.targets, weights: validationWeights)
      },
      split: validationSplit)
    return try fit(
      data,
      BatchOptions(
        batchSize: batchSize, shuffle: shuffle, stepsPerEpoch: stepsPerEpoch, validationSteps: validationSteps,
        validationBatchSize: validationBatchSize),
      FitOptions(
        epochs: epochs, initialEpoch: initialEpoch, validationFrequency: validationFrequency, verbose: verbose,
        callbacks: callbacks, onNonFiniteLoss: onNonFiniteLoss, output: output))
  }

  /// Trains on batches that a data set makes while it is being trained on.
  /// - Parameters:
  ///   - stepsPerEpoch: how many batches an epoch has; nil for one pass through the data.
  ///   - validation: what each epoch is evaluated on.
  /// - Returns: the history of these epochs; `history` has all.
  /// - Throws: as above; what is wrong with a batch is said with its number.
  @discardableResult
  public func fit(
    _ data: any StreamedDataset, epochs: Int = 1, validation: (any StreamedDataset)? = nil,
    verbose: Verbosity = .auto, callbacks: [any Callback] = [], initialEpoch: Int? = nil, stepsPerEpoch: Int? = nil,
    validationSteps: Int? = nil, validationFrequency: Int = 1, onNonFiniteLoss: NonFiniteLoss = .stop,
    output: ProgressOutput = .standard
  ) throws -> History {
    try fit(
      FitPlan(
        training: source(data, .steps(stepsPerEpoch)),
        validation: validation.map { try source($0, .atMost(validationSteps)) },
        settings: (data as? ArrayStream)?.settings(stepsPerEpoch: stepsPerEpoch),
        options: FitOptions(
          epochs: epochs, initialEpoch: initialEpoch, validationFrequency: validationFrequency, verbose: verbose,
          callbacks: callbacks, onNonFiniteLoss: onNonFiniteLoss, output: output)))
  }

  /// Samples in memory, and the part of them that is left out of training.
  private struct SplitData {
    let all: Samples
    /// Without the weights of classes, which count in training only; nil if there are none.
    var unweighted: Samples?
    let validation: Samples?
    let split: Double
    /// The weights of classes that `all` holds; nil if there are none.
    var classWeights: [Int: Double]?
  }

  private func fit(_ data: SplitData, _ batches: BatchOptions, _ options: FitOptions) throws -> History {
    var rows = 0..<data.all.count
    var validation = data.validation
    if validation == nil, data.split != 0 {
      let split = try ValidationSplit(count: data.all.count, validation: data.split)
      rows = split.train
      validation = try (data.unweighted ?? data.all).gathered(split.validation)
      for (position, part) in objective.trained.enumerated()
      where objective.parts[part].loss?.takesClassNumbers ?? false {
        try warnOfMissingLabels(split, data.all.targets[position])
      }
    }
    let batchSize = try self.batchSize(batches.batchSize, of: rows.count)
    let training = try ArraySource(
      data.all, rows: rows, batchSize: batchSize, isShuffled: batches.shuffle,
      length: .steps(batches.stepsPerEpoch))
    // Targets that do not fit the loss are refused now, those for validation too.
    try prepare(data.all)
    if let validation { try prepare(validation) }
    return try fit(
      FitPlan(
        training: training,
        validation: validation.map {
          try ArraySource(
            $0, batchSize: self.batchSize(batches.validationBatchSize ?? batches.batchSize, of: $0.count),
            length: .atMost(batches.validationSteps))
        },
        settings: FitSettings(
          batchSize: batchSize, validationSplit: data.validation == nil ? data.split : 0,
          shuffle: batches.shuffle, stepsPerEpoch: batches.stepsPerEpoch, classWeights: data.classWeights),
        options: options))
  }

  private func source(_ data: any StreamedDataset, _ length: EpochLength) throws -> any SampleSource {
    if let data = data as? any WindowedDataset {
      return try WindowSource(
        data, length,
        fit: { [unowned self] in
          try samples(inputs: $0.inputs, targets: $0.targets, weights: $0.sampleWeights)
        }, checkSize: { [unowned self] in try checkBatch(size: $0) })
    }
    return try StreamSource(data, length) { [unowned self] in
      try batch(of: samples(inputs: $0.inputs, targets: $0.targets, weights: $0.sampleWeights))
    }
  }

  private func warnOfMissingLabels(_ split: ValidationSplit, _ targets: Tensor) throws {
    // Samples with several labels each have no class of their own.
    guard targets.count == targets.dimensions[0] else { return }
    let missing = try split.labelsMissingFromTraining(targets)
    guard !missing.isEmpty else { return }
    warningHandler(
      Diagnostic(
        .warning,
        "the validation part, the last \(split.validation.count) samples, holds labels that the training part lacks: \(missing.map(String.init).joined(separator: ", "))",
        help: "the split is made before shuffling; shuffle the samples first, or give validationData",
        commandHelp:
          "the split is made before shuffling; --mix shuffles the samples first, --validation-data gives others"))
  }

  // MARK: Evaluation

  /// Loss and metrics over all samples: means over samples.
  public func evaluate(
    _ inputs: Tensor, _ targets: Tensor, batchSize: Int? = nil, sampleWeights: Tensor? = nil,
    verbose: Verbosity = .silent, output: ProgressOutput = .standard
  ) throws -> [String: Double] {
    try evaluate(samples(inputs, targets, weights: sampleWeights), batchSize, verbose, output)
  }

  /// Loss and metrics of a model with several inputs or targets.
  public func evaluate(
    inputs: ByName<Tensor>, targets: ByName<Tensor> = [:], batchSize: Int? = nil, sampleWeights: ByName<Tensor> = [:],
    verbose: Verbosity = .silent, output: ProgressOutput = .standard
  ) throws -> [String: Double] {
    try evaluate(samples(inputs: inputs, targets: targets, weights: sampleWeights), batchSize, verbose, output)
  }

  /// Loss and metrics over all batches of a stream.
  public func evaluate(
    _ data: any StreamedDataset, verbose: Verbosity = .silent, output: ProgressOutput = .standard
  ) throws -> [String: Double] {
    try evaluate(source(data, .pass), verbose, output)
  }

  private func evaluate(
    _ samples: Samples, _ batchSize: Int?, _ verbose: Verbosity, _ output: ProgressOutput
  ) throws -> [String: Double] {
    try evaluate(
      ArraySource(samples, batchSize: self.batchSize(batchSize, of: samples.count)), verbose, output)
  }

  /// - Parameter run: what gives the logs of steps; the evaluation's program if nil.
  func evaluate(
    _ source: any SampleSource, _ verbose: Verbosity, _ output: ProgressOutput, run: ((Chunk) throws -> StepLogs)? = nil
  ) throws -> [String: Double] {
    var bar = ProgressBar(
      target: source.stepCount, verbosity: verbose, isTerminal: output.isTerminal, write: output.write)
    let means = try evaluate(source, run: run ?? evaluationSteps) { bar.update($0, logs: $1.sorted) }
    bar.finish(logs: means.sorted)
    return means.values
  }
}
