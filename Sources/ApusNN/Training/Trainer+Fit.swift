import ApusCore
import ApusData
import ApusGraph
import ApusPresentation
import Foundation

extension Trainer {
  /// Goes through the samples `epochs` times.
  /// - Parameters:
  ///   - inputs: samples along axis 0; reshaped to the model's input where the element counts agree.
  ///   - targets: class numbers or values, along axis 0.
  ///   - validationSplit: the last part of the samples, taken before shuffling, on which each epoch is evaluated.
  ///   - validationData: other samples to evaluate on; goes before `validationSplit`.
  ///   - shuffle: a new order in each epoch, from the trainer's seed and the epoch.
  ///   - onNonFiniteLoss: what to do if a loss is NaN or infinite.
  /// - Returns: the history of these epochs; `history` has all.
  /// - Throws: `ApusError` if data and model do not fit, before anything is trained; or, unless `onNonFiniteLoss` is
  ///   `continue` or a callback has stopped training by then, if a loss is not finite: the epoch is not in the history
  ///   then, and nothing is saved.
  @discardableResult
  public func fit(
    _ inputs: Tensor, _ targets: Tensor, batchSize: Int = 32, epochs: Int = 1, validationSplit: Double = 0,
    validationData: (inputs: Tensor, targets: Tensor)? = nil, shuffle: Bool = true, verbose: Verbosity = .auto,
    callbacks: [any Callback] = [], onNonFiniteLoss: NonFiniteLoss = .stop, output: ProgressOutput = .standard
  ) throws -> History {
    let inputs = try fitted(inputs)
    try check(inputs, targets)
    guard epochs >= 0, epochs <= Limits.magnitude else {
      throw ApusError.input("the number of epochs cannot be \(epochs)")
    }
    var trainingRows = 0..<inputs.dimensions[0]
    var validation: (inputs: Tensor, targets: Tensor)?
    if let validationData {
      validation = (try fitted(validationData.inputs), validationData.targets)
      try check(validationData.inputs, validationData.targets)
    } else if validationSplit != 0 {
      let split = try ValidationSplit(count: inputs.dimensions[0], validation: validationSplit)
      trainingRows = split.train
      validation = (try inputs.gather(rows: split.validation), try targets.gather(rows: split.validation))
      if loss.takesClassNumbers { try warnOfMissingLabels(split, targets) }
    }
    let batches = try BatchSequence(count: trainingRows.count, batchSize: batchSize)
    for callback in callbacks { try (callback as? any Component)?.checkSettings() }
    // Targets that do not fit the loss are refused now, those for validation too.
    try prepare(inputs, targets)
    if let validation { try prepare(validation.inputs, validation.targets) }

    fitSettings = FitSettings(
      batchSize: batchSize, validationSplit: validationData == nil ? validationSplit : 0, shuffle: shuffle)
    start(verbose == .silent ? nil : output)
    defer { start(nil) }
    for callback in callbacks { try callback.trainingBegins(self) }
    var result = History()
    let first = nextEpoch
    let last = first + epochs
    for epoch in first..<last {
      if verbose != .silent, epochs > 1 || first > 0 { output.write(ProgressBar.epochHeader(epoch + 1, of: last)) }
      for callback in callbacks { try callback.epochBegins(epoch, self) }
      let order =
        shuffle ? Shuffle.permutation(count: trainingRows.count, seed: seed, epoch: epoch) : Array(trainingRows)
      var bar = ProgressBar(
        target: batches.count, verbosity: verbose, isTerminal: output.isTerminal, write: output.write)
      var means = RunningMeans()
      var watch = LossWatch()
      var cause: String?
      let isByOne = !callbacks.isEmpty
      let isExplained = onNonFiniteLoss == .explain
      try runBatches(batches, order, isByOne: isByOne) { done, rows, size in
        let before = isExplained ? session.values : []
        let logs = try trainingSteps(rows, batchSize: size, inputs, targets)
        watch.check(logs.losses, afterStep: stepCount - logs.losses.count, afterBatch: done)
        if isExplained, watch.fault != nil || !variablesStayFinite(since: before) {
          let found = try explainNonFinite(from: before, rows, batchSize: size, inputs, targets)
          // A variable can be infinite a step before the loss is.
          guard watch.fault != nil else { throw ApusError.input(found) }
          cause = found
        }
        return logs
      } report: { done, logs, weight in
        means.add(logs.means, weight: weight)
        bar.update(done, logs: means.sorted)
        if !callbacks.isEmpty {
          let values = means.values
          for callback in callbacks { try callback.batchEnds(done - 1, values, self) }
        }
        return !isStopped && (watch.fault == nil || onNonFiniteLoss == .continue)
      }
      if let fault = watch.fault, onNonFiniteLoss != .continue, !isStopped {
        bar.finish(at: fault.batch, logs: means.sorted, mark: fault.mark)
        throw LossWatch.error(fault, epoch: epoch, cause: cause)
      }
      var logs = means.values
      if let validation {
        for (name, value) in try evaluateBatches(validation.inputs, validation.targets, batchSize: batchSize).values {
          logs["val_\(name)"] = value
        }
      }
      bar.finish(logs: logs.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, mark: watch.fault?.mark ?? "")
      if callbacks.contains(where: \.logsLearningRate) { logs["learning_rate"] = learningRate }
      history.append(epoch: epoch, logs)
      result.append(epoch: epoch, logs)
      for callback in callbacks { try callback.epochEnds(epoch, logs, self) }
      if isStopped { break }
      if let value = logs["val_loss"], !value.isFinite, onNonFiniteLoss != .continue {
        throw LossWatch.validationError(value, epoch: epoch)
      }
    }
    for callback in callbacks { try callback.trainingEnds(self) }
    return result
  }

  /// Runs an epoch's steps, many of them in one call: as long as a tenth of a second, so that progress can be seen.
  /// - Parameters:
  ///   - steps: runs batches of a size, given how many were done before; gives what they log.
  ///   - report: gets the number of batches done, the logs of the last ones and their samples; says whether to go on.
  private func runBatches(
    _ batches: BatchSequence, _ order: [Int], isByOne: Bool = false,
    _ steps: (_ done: Int, _ rows: [Int], _ batchSize: Int) throws -> StepLogs,
    report: (_ done: Int, _ logs: StepLogs, _ weight: Int) throws -> Bool
  ) throws {
    let clock = ContinuousClock()
    let ranges = Array(batches)
    var chunk = 1
    var next = 0
    while next < ranges.count {
      // Only the last batch can be shorter: it goes alone.
      let size = ranges[next].count
      var end = min(next + chunk, ranges.count)
      while end > next + 1, ranges[end - 1].count != size { end -= 1 }
      let rows = ranges[next..<end].flatMap { order[$0] }
      let start = clock.now
      let logs = try steps(next, rows, size)
      next = end
      if !isByOne, clock.now - start < .milliseconds(100) { chunk = min(chunk * 2, 1 << 16) }
      guard try report(next, logs, rows.count) else { return }
    }
  }

  /// Loss and metrics over all samples: means over samples.
  public func evaluate(
    _ inputs: Tensor, _ targets: Tensor, batchSize: Int = 32, verbose: Verbosity = .silent,
    output: ProgressOutput = .standard
  ) throws -> [String: Double] {
    let inputs = try fitted(inputs)
    try check(inputs, targets)
    var bar = ProgressBar(
      target: try BatchSequence(count: inputs.dimensions[0], batchSize: batchSize).count, verbosity: verbose,
      isTerminal: output.isTerminal, write: output.write)
    let means = try evaluateBatches(inputs, targets, batchSize: batchSize) { bar.update($0, logs: $1.sorted) }
    bar.finish(logs: means.sorted)
    return means.values
  }

  private func evaluateBatches(
    _ inputs: Tensor, _ targets: Tensor, batchSize: Int, _ progress: (Int, RunningMeans) -> Void = { _, _ in }
  ) throws -> RunningMeans {
    var means = RunningMeans()
    let batches = try BatchSequence(count: inputs.dimensions[0], batchSize: batchSize)
    try runBatches(batches, Array(0..<inputs.dimensions[0])) { _, rows, size in
      try evaluationSteps(rows, batchSize: size, inputs, targets)
    } report: { done, logs, weight in
      means.add(logs.means, weight: weight)
      progress(done, means)
      return true
    }
    return means
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
        help: "the split is made before shuffling; shuffle the samples first, or give validationData"))
  }
}
