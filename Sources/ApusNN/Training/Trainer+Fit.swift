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
  /// - Returns: the history of these epochs; `history` has all.
  /// - Throws: `ApusError` if data and model do not fit, before anything is trained.
  @discardableResult
  public func fit(
    _ inputs: Tensor, _ targets: Tensor, batchSize: Int = 32, epochs: Int = 1, validationSplit: Double = 0,
    validationData: (inputs: Tensor, targets: Tensor)? = nil, shuffle: Bool = true, verbose: Verbosity = .auto,
    callbacks: [any Callback] = [], output: ProgressOutput = .standard
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
      let isByOne = !callbacks.isEmpty
      try runBatches(batches, order, isByOne: isByOne) { rows, size in
        try trainingSteps(rows, batchSize: size, inputs, targets)
      } report: { done, logs, weight in
        means.add(logs, weight: weight)
        bar.update(done, logs: means.sorted)
        if !callbacks.isEmpty {
          let values = means.values
          for callback in callbacks { try callback.batchEnds(done - 1, values, self) }
        }
        return !isStopped
      }
      var logs = means.values
      if let validation {
        for (name, value) in try evaluateBatches(validation.inputs, validation.targets, batchSize: batchSize).values {
          logs["val_\(name)"] = value
        }
      }
      bar.finish(logs: logs.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
      if callbacks.contains(where: \.logsLearningRate) { logs["learning_rate"] = learningRate }
      history.append(epoch: epoch, logs)
      result.append(epoch: epoch, logs)
      for callback in callbacks { try callback.epochEnds(epoch, logs, self) }
      if isStopped { break }
    }
    for callback in callbacks { try callback.trainingEnds(self) }
    return result
  }

  /// Runs an epoch's steps, many of them in one call: as long as a tenth of a second, so that progress can be seen.
  /// - Parameters:
  ///   - steps: runs batches of a size; gives the means over them.
  ///   - report: gets the number of batches done, the means of the last ones and their samples; says whether to go on.
  private func runBatches(
    _ batches: BatchSequence, _ order: [Int], isByOne: Bool = false,
    _ steps: (_ rows: [Int], _ batchSize: Int) throws -> [String: Double],
    report: (_ done: Int, _ logs: [String: Double], _ weight: Int) throws -> Bool
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
      let logs = try steps(rows, size)
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
    try runBatches(batches, Array(0..<inputs.dimensions[0])) { rows, size in
      try evaluationSteps(rows, batchSize: size, inputs, targets)
    } report: { done, logs, weight in
      means.add(logs, weight: weight)
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

/// Means of logs, each batch weighted by its samples.
struct RunningMeans {
  private var sums: [String: Double] = [:]
  private var count = 0

  mutating func add(_ logs: [String: Double], weight: Int) {
    count += weight
    for (name, value) in logs { sums[name, default: 0] += value * Double(weight) }
  }

  var values: [String: Double] { sums.mapValues { $0 / Double(max(1, count)) } }
  var sorted: [(name: String, value: Double)] { values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
}

/// Where progress is shown.
public struct ProgressOutput {
  public let isTerminal: Bool
  public let write: (String) -> Void

  public init(isTerminal: Bool, write: @escaping (String) -> Void) {
    self.isTerminal = isTerminal
    self.write = write
  }

  /// Standard output; bars where it is a terminal.
  public static var standard: ProgressOutput {
    ProgressOutput(isTerminal: isatty(STDOUT_FILENO) == 1) { Descriptor.write($0, to: STDOUT_FILENO) }
  }

  /// Standard error, for programs whose output is read by others.
  public static var standardError: ProgressOutput {
    ProgressOutput(isTerminal: isatty(STDERR_FILENO) == 1) { Descriptor.write($0, to: STDERR_FILENO) }
  }
}

enum StandardError {
  static func write(_ text: String) { Descriptor.write(text, to: STDERR_FILENO) }
}

/// Writing without Foundation's handles, which end the process if the other end of a pipe is gone.
private enum Descriptor {
  /// Progress and warnings that nobody can read are lost.
  static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 { bytes = bytes.dropFirst(count) } else if errno != EINTR { return }
    }
  }
}
