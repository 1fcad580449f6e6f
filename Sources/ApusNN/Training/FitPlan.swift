import ApusCore
import ApusGraph
import ApusPresentation

/// What a call of `fit` does, wherever its samples come from.
struct FitOptions {
  var epochs: Int
  /// The first epoch; the trainer's next one if nil.
  var initialEpoch: Int?
  var validationFrequency: Int
  var verbose: Verbosity
  var callbacks: [any Callback]
  var onNonFiniteLoss: NonFiniteLoss
  var output: ProgressOutput
}

/// How samples in memory become batches.
struct BatchOptions {
  /// Nil for the usual one.
  var batchSize: Int?
  var shuffle: Bool
  var stepsPerEpoch: Int?
  var validationSteps: Int?
  var validationBatchSize: Int?
}

/// A call of `fit` with its samples.
@dynamicMemberLookup
struct FitPlan {
  let training: any SampleSource
  let validation: (any SampleSource)?
  /// What a saved model says of it; nil if the data decide what each step sees.
  var settings: FitSettings?
  let options: FitOptions

  subscript<Property>(dynamicMember option: KeyPath<FitOptions, Property>) -> Property { options[keyPath: option] }
}

extension Trainer {
  /// Trains as a plan says.
  func fit(_ plan: FitPlan) throws -> History {
    try check(plan)
    // With a first epoch `epochs` says where training ends, as in Keras.
    let last = plan.initialEpoch == nil ? nextEpoch + plan.epochs : plan.epochs
    expectedLogs = Set(logNames + (plan.validation == nil ? [] : logNames.map { "val_\($0)" }))
    if plan.callbacks.contains(where: \.logsLearningRate) { expectedLogs.insert("learning_rate") }
    defer { expectedLogs = [] }
    for callback in plan.callbacks {
      try (callback as? any Component)?.checkSettings()
      for name in callback.watchedLogs where !expectedLogs.contains(name) {
        throw Monitor.missing(name, among: expectedLogs.sorted(), for: callback.title)
      }
      try (callback as? any CheckedBeforeTraining)?.checkBeforeTraining(self)
    }
    fitSettings = plan.settings
    start(plan.verbose == .silent ? nil : plan.output)
    defer { start(nil) }
    for callback in plan.callbacks { try callback.trainingBegins(self) }
    var result = History()
    // A callback may have restored an interrupted training.
    for epoch in max(plan.initialEpoch ?? nextEpoch, nextEpoch)..<max(last, nextEpoch) {
      if plan.verbose != .silent, last > 1 { plan.output.write(ProgressBar.epochHeader(epoch + 1, of: last)) }
      let logs = try train(epoch, plan)
      history.append(epoch: epoch, logs)
      result.append(epoch: epoch, logs)
      for callback in plan.callbacks { try callback.epochEnds(epoch, logs, self) }
      if isStopped { break }
      if let value = logs["val_loss"], !value.isFinite, plan.onNonFiniteLoss != .continue {
        throw LossWatch.validationError(value, epoch: epoch)
      }
    }
    try useAveragedWeights()
    for callback in plan.callbacks { try callback.trainingEnds(self) }
    return result
  }

  private func check(_ plan: FitPlan) throws {
    guard plan.epochs >= 0, plan.epochs <= Limits.magnitude else {
      throw ApusError.input("the number of epochs cannot be \(plan.epochs)")
    }
    guard plan.validationFrequency >= 1 else {
      throw ApusError.input(
        "a validation every \(plan.validationFrequency) epochs cannot be", help: "validationFrequency is at least 1")
    }
    guard let first = plan.initialEpoch else { return }
    guard first >= nextEpoch, first <= plan.epochs else {
      func help(_ initialEpoch: String, _ epochs: String) -> String {
        first < nextEpoch
          ? "\(nextEpoch) epochs are done already, so \(initialEpoch) is at least \(nextEpoch), or left out"
          : "with \(initialEpoch), \(epochs) says where training ends: \(plan.epochs) is before \(first)"
      }
      throw ApusError.input(
        "training cannot begin with epoch \(first)", help: help("initialEpoch", "epochs"),
        commandHelp: help("--initial-epoch", "--epochs"))
    }
  }

  /// One epoch: steps, then validation.
  /// - Returns: its logs.
  private func train(_ epoch: Int, _ plan: FitPlan) throws -> [String: Double] {
    let callbacks = plan.callbacks
    for callback in callbacks { try callback.epochBegins(epoch, self) }
    var bar = ProgressBar(
      target: plan.training.stepCount, verbosity: plan.verbose, isTerminal: plan.output.isTerminal,
      write: plan.output.write)
    var means = RunningMeans()
    var watch = LossWatch()
    var cause: String?
    let isExplained = plan.onNonFiniteLoss == .explain
    let batchWatchers = callbacks.filter(\.watchesBatches)
    let stepWatchers = callbacks.compactMap { $0 as? any StepWatching }
    try plan.training.forEachChunk(
      ofEpoch: epoch, seed: seed, isByOne: !(batchWatchers.isEmpty && stepWatchers.isEmpty)
    ) { chunk in
      for callback in batchWatchers { try callback.batchBegins(chunk.first, self) }
      if !stepWatchers.isEmpty {
        let view = try view(of: chunk)
        for callback in stepWatchers { try callback.stepBegins(view, self) }
      }
      let before = isExplained ? session.values : []
      let logs = try trainingSteps(chunk)
      watch.check(logs.losses, afterStep: stepCount - logs.losses.count, afterBatch: chunk.first)
      if isExplained, watch.fault != nil || !variablesStayFinite(since: before) {
        let found = try explainNonFinite(from: before, chunk)
        // A variable can be infinite a step before the loss is.
        guard watch.fault != nil else { throw ApusError.input(found) }
        cause = found
      }
      means.add(logs, weight: chunk.sampleCount)
      let done = chunk.first + chunk.batchCount
      bar.update(done, logs: means.sorted)
      if !batchWatchers.isEmpty {
        let values = means.values
        for callback in batchWatchers { try callback.batchEnds(done - 1, values, self) }
      }
      return !isStopped && (watch.fault == nil || plan.onNonFiniteLoss == .continue)
    }
    if let fault = watch.fault, plan.onNonFiniteLoss != .continue, !isStopped {
      bar.finish(at: fault.batch, logs: means.sorted, mark: fault.mark)
      throw LossWatch.error(fault, epoch: epoch, cause: cause)
    }
    var logs = means.values
    if let validation = plan.validation, (epoch + 1).isMultiple(of: plan.validationFrequency) {
      for callback in callbacks { try callback.validationBegins(self) }
      for (name, value) in try evaluate(validation, run: evaluationSteps).values { logs["val_\(name)"] = value }
      for callback in callbacks { try callback.validationEnds(self) }
    }
    bar.finish(logs: logs.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, mark: watch.fault?.mark ?? "")
    if callbacks.contains(where: \.logsLearningRate) { logs["learning_rate"] = learningRate }
    return logs
  }

  /// Means of loss and metrics over all samples.
  /// - Parameter run: gives the logs of some steps.
  func evaluate(
    _ source: any SampleSource, run: (Chunk) throws -> StepLogs, _ progress: (Int, RunningMeans) -> Void = { _, _ in }
  ) throws -> RunningMeans {
    var means = RunningMeans()
    try source.forEachChunk(ofEpoch: 0, seed: 0, isByOne: false) { chunk in
      means.add(try run(chunk), weight: chunk.sampleCount)
      progress(chunk.first + chunk.batchCount, means)
      return true
    }
    return means
  }
}
