import ApusCore
import ApusData
import ApusGraph
import ApusOperators
import ApusPasses

/// Trains, evaluates and runs a model.
///
/// A training step is one graph and one run. Not for several tasks at once: a trainer is a conversation.
public final class Trainer {
  /// The forward graph, as it was given.
  public let model: Graph
  public let optimizer: any Optimizer
  public let loss: Loss
  public let metrics: [Metric]
  /// Holds the variables: weights by their names, the optimizer's state under `optimizer/`.
  public let session: Session
  /// Of initial weights and shuffling; a trainer that resumes takes over the saved one.
  public internal(set) var seed: UInt64
  /// All epochs since the trainer was made or resumed.
  public internal(set) var history = History()
  /// What the classes are called, by label; empty if that is not known. Part of a saved model.
  public var classNames: [String] = []
  /// How inputs are made of a table or of pictures, as `DataReader.load` found; nil where they are the data as they are.
  /// Part of a saved model: `apus predict` reads data by it.
  public var inputEncoding: InputEncoding?
  /// How `fit` was called last, the times before a resumed training was saved included.
  package var fitSettings: FitSettings?
  /// Takes warnings; prints them to standard error unless replaced.
  public var warningHandler: (Diagnostic) -> Void = { StandardError.write("\($0)\n") }

  let input: TensorType
  let output: TensorType
  private var programs: [Feeds: (training: Program, evaluation: Program)] = [:]
  private(set) var isStopped = false
  private var announcements: ProgressOutput?

  /// - Parameters:
  ///   - model: one input with a symbolic first dimension, one output, variables.
  ///   - backend: if nil, that of `DefaultBackend`.
  ///   - seed: of initial weights and shuffling; each dropout has its own.
  ///   - passes: which passes steps go through before the backend prepares them.
  /// - Throws: `ApusError` if `model` is not such a graph, the loss does not fit its output, or a setting of the optimizer,
  ///   the loss or a metric is outside its range.
  public init(
    _ model: Graph, optimizer: any Optimizer, loss: Loss, metrics: [Metric] = [], backend: (any Backend)? = nil,
    seed: UInt64 = 0, passes: Compilation.Passes = .level(.standard)
  ) throws {
    try optimizer.checkSettings()
    try loss.checkSettings()
    for metric in metrics { try metric.checkSettings() }
    self.model = model
    self.optimizer = optimizer
    self.loss = loss
    self.metrics = metrics
    self.seed = seed
    input = model.type(of: try model.singleInput())
    output = model.type(of: try model.singleOutput())
    session = Session(backend: backend, seed: seed, passes: passes)
    // The optimizer's state and the learning rate exist from the start, so that they can be read, set and saved.
    _ = try programs(input.dtype, model.usualTargetType(of: loss))
  }

  /// The epoch that `fit` runs next, from 0.
  public var nextEpoch: Int { (history.epochs.last ?? -1) + 1 }

  public var learningRate: Double {
    session.value(of: learningRateName)?.doubles().first ?? optimizer.options.learningRate
  }

  /// - Throws: `ApusError` if the rate is no number from 0.
  public func setLearningRate(_ rate: Double) throws {
    guard rate.isFinite, rate >= 0 else {
      throw ApusError.input("a learning rate of \(rate) makes no steps", help: "a finite number, at least 0")
    }
    try session.setValue(Tensor(scalar: Float(rate)), of: learningRateName)
  }

  /// What the optimizer remembers, by name: its slots (`optimizer/<variable>/<slot>`), the learning rate
  /// (`optimizer/learning_rate`) and the number of steps done (`step`).
  public var optimizerState: [(name: String, value: Tensor)] {
    session.values.filter { $0.name.hasPrefix("optimizer/") || $0.name == Graph.stepName }
  }

  /// How many steps the optimizer has done.
  public var stepCount: Int { Int(session.value(of: Graph.stepName)?.elements(as: Int64.self).first ?? 0) }

  /// Ends `fit` after the current batch.
  public func stop() { isStopped = true }

  /// Starts training, or ends it, with a place for what callbacks say.
  func start(_ output: ProgressOutput?) {
    isStopped = false
    announcements = output
  }

  /// Writes a line between the progress bars of `fit`; nothing where it is silent.
  public func announce(_ line: String) { announcements?.write(line + "\n") }

  /// The model's own variables, the optimizer's left out, in order of declaration.
  public var weights: [(name: String, value: Tensor)] {
    model.variables.compactMap { variable in
      let name = variable.declaration.label
      return session.value(of: name).map { (name, $0) }
    }
  }

  /// The training step for targets of the usual type, as it is before any pass: loss, metrics, gradients, updates.
  public var trainingStep: Graph {
    get throws { try programs(input.dtype, model.usualTargetType(of: loss)).training.graph }
  }

  // MARK: Runs

  /// One step on one batch.
  /// - Returns: the batch's loss and metrics by name, computed before the update.
  /// - Throws: `ApusError` if data and model do not fit; nothing is updated then.
  public func trainOnBatch(_ inputs: Tensor, _ targets: Tensor) throws -> [String: Double] {
    let inputs = try fitted(inputs)
    try check(inputs, targets)
    return try trainingStep(inputs, targets)
  }

  /// The batch's loss and metrics by name.
  public func testOnBatch(_ inputs: Tensor, _ targets: Tensor) throws -> [String: Double] {
    let inputs = try fitted(inputs)
    try check(inputs, targets)
    return try evaluationStep(inputs, targets)
  }

  /// A training step on samples that are known to fit.
  func trainingStep(_ inputs: Tensor, _ targets: Tensor) throws -> [String: Double] {
    try named(programs(inputs.dtype, targetType(targets)).training.run([inputs, targets]))
  }

  func evaluationStep(_ inputs: Tensor, _ targets: Tensor) throws -> [String: Double] {
    try named(programs(inputs.dtype, targetType(targets)).evaluation.run([inputs, targets]))
  }

  /// One step on each batch of rows of samples that are known to fit.
  func trainingSteps(_ rows: [Int], batchSize: Int, _ inputs: Tensor, _ targets: Tensor) throws -> StepLogs {
    try StepLogs(
      names: logNames,
      programs(inputs.dtype, targetType(targets)).training
        .run(overRows: rows, batchSize: batchSize, of: [inputs, targets]))
  }

  func evaluationSteps(_ rows: [Int], batchSize: Int, _ inputs: Tensor, _ targets: Tensor) throws -> StepLogs {
    try StepLogs(
      names: logNames,
      programs(inputs.dtype, targetType(targets)).evaluation
        .run(overRows: rows, batchSize: batchSize, of: [inputs, targets]))
  }

  private var logNames: [String] { ["loss"] + metrics.map(\.name) }

  /// The model's output for each sample.
  /// - Parameter inputs: samples along axis 0; reshaped to the model's input where the element counts agree.
  public func predict(_ inputs: Tensor, batchSize: Int = 32) throws -> Tensor {
    let inputs = try fitted(inputs)
    let forward = try session.load(model.accepting(inputs.dtype).bound(to: .inference))
    let dims = output.shape.dims.dropFirst().map { $0.number ?? 0 }
    var result = try Tensor(uninitialized: output.dtype, [inputs.dimensions[0]] + dims)
    var offset = 0
    for batch in try BatchSequence(count: inputs.dimensions[0], batchSize: batchSize) {
      let part = try forward.run([inputs.gather(rows: batch)])[0]
      let start = offset
      result.withUnsafeMutableBytes { to in
        part.withUnsafeBytes { from in to[start..<start + from.count].copyBytes(from: from) }
      }
      offset += part.byteCount
    }
    return result
  }

  private func named(_ outputs: [Tensor]) -> [String: Double] {
    var logs: [String: Double] = [:]
    for (name, value) in zip(logNames, outputs) { logs[name] = value.doubles().first }
    return logs
  }

  // MARK: Graphs

  /// The training step for this data, as it is before any pass, and the data as the step takes them.
  package func prepared(_ inputs: Tensor, _ targets: Tensor) throws -> (step: Graph, inputs: Tensor, targets: Tensor) {
    let inputs = try fitted(inputs)
    try check(inputs, targets)
    return (try programs(inputs.dtype, targetType(targets)).training.graph, inputs, targets)
  }

  /// Builds the programs for samples and targets that were checked.
  /// - Throws: `ApusError` that names both shapes where the loss or a metric does not compare them with the output.
  func prepare(_ inputs: Tensor, _ targets: Tensor) throws {
    _ = try programs(inputs.dtype, targetType(targets))
  }

  /// What a training step depends on: the element types that it is fed, and the targets' shape.
  private struct Feeds: Hashable {
    let input: DType
    let target: TensorType
  }

  private func programs(_ inputType: DType, _ targetType: TensorType) throws -> (
    training: Program, evaluation: Program
  ) {
    let feeds = Feeds(input: inputType, target: targetType)
    if let known = programs[feeds] { return known }
    let model = try model.accepting(inputType)
    let training = try model.training(loss: loss, optimizer: optimizer, metrics: metrics, targetType: targetType)
    let evaluation = try model.evaluation(loss: loss, metrics: metrics, targetType: targetType)
    let loaded = (training: try session.load(training), evaluation: try session.load(evaluation))
    programs[feeds] = loaded
    return loaded
  }
}
