import ApusCore
import ApusData
import ApusGraph
import ApusOperators
import ApusPasses

/// Trains, evaluates and runs a model.
///
/// A training step is one graph and one run. Not for several tasks at once: a trainer holds mutable state.
public final class Trainer {
  /// The forward graph, as it was given.
  public let model: Graph
  public let optimizer: any Optimizer
  /// What is minimized; if outputs have losses of their own, that of the first.
  public var loss: Loss { objective.loss }
  /// The metrics of all outputs, in the order of the outputs.
  public var metrics: [Metric] { objective.parts.flatMap(\.metrics) }
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

  /// What the model's inputs are fed by, in order.
  public let inputNames: [String]
  /// What the model's outputs are called, in order: by the layers that make them.
  public let outputNames: [String]
  /// What `fit` takes as targets, in order: the outputs that have a loss, or what a joint loss declares.
  public let targetNames: [String]
  /// What steps log, the loss first: `loss`, `accuracy`; of several outputs `loss`, `x_loss`, `y_loss`, `x_accuracy`.
  public var logNames: [String] { logs.map(\.name) }

  /// Whether larger values of something that is logged, also as `val_…`, are better.
  func largerIsBetter(_ log: String) -> Bool {
    let known = logs.first { $0.name == log } ?? logs.first { "val_\($0.name)" == log }
    return known?.largerIsBetter ?? false
  }

  let logs: [StepLog]
  let objective: Objective
  let inputTypes: [TensorType]
  let outputTypes: [TensorType]
  /// Of a model with one input and one output: theirs; else of the first.
  var input: TensorType { inputTypes[0] }
  var output: TensorType { outputTypes[0] }
  let passes: Compilation.Passes
  var programs: [StepFeeds: (training: Program, evaluation: Program)] = [:]
  /// What `fit` logs at ends of epochs; empty while it does not run.
  var expectedLogs: Set<String> = []
  private(set) var isStopped = false
  private var announcements: ProgressOutput?

  /// - Parameters:
  ///   - model: one input with a symbolic first dimension, or a fixed one if it keeps states; one output, variables.
  ///   - backend: if nil, that of `DefaultBackend`.
  ///   - seed: of initial weights and shuffling; each dropout has its own.
  ///   - passes: which passes steps go through before the backend prepares them.
  /// - Throws: `ApusError` if `model` is not such a graph, the loss does not fit its output, or a setting of the optimizer,
  ///   the loss or a metric is outside its range.
  public convenience init(
    _ model: Graph, optimizer: any Optimizer, loss: Loss, metrics: [Metric] = [], backend: (any Backend)? = nil,
    seed: UInt64 = 0, passes: Compilation.Passes = .level(.standard)
  ) throws {
    try self.init(
      model, optimizer: optimizer, objective: Objective(loss, metrics: metrics, outputs: model.outputNames),
      backend: backend, seed: seed, passes: passes)
  }

  /// A trainer with a loss for each output; an output without a loss is only predicted.
  /// - Parameters:
  ///   - losses: training minimizes the sum of their means.
  ///   - lossWeights: what each loss is multiplied by in the sum; 1 if not given. Logs show the losses without.
  ///   - metrics: of each output.
  /// - Throws: `ApusError`, as above.
  public convenience init(
    _ model: Graph, optimizer: any Optimizer, losses: ByName<Loss>, lossWeights: ByName<Double> = [:],
    metrics: ByName<[Metric]> = [:], backend: (any Backend)? = nil, seed: UInt64 = 0,
    passes: Compilation.Passes = .level(.standard)
  ) throws {
    try self.init(
      model, optimizer: optimizer,
      objective: Objective(losses: losses, weights: lossWeights, metrics: metrics, outputs: model.outputNames),
      backend: backend, seed: seed, passes: passes)
  }

  /// A trainer with one loss of several tensors.
  /// - Throws: `ApusError`, as above.
  public convenience init(
    _ model: Graph, optimizer: any Optimizer, loss: JointLoss, backend: (any Backend)? = nil, seed: UInt64 = 0,
    passes: Compilation.Passes = .level(.standard)
  ) throws {
    try self.init(
      model, optimizer: optimizer, objective: Objective(loss), backend: backend, seed: seed, passes: passes)
  }

  init(
    _ model: Graph, optimizer: any Optimizer, objective: Objective, backend: (any Backend)?, seed: UInt64,
    passes: Compilation.Passes
  ) throws {
    try optimizer.checkSettings()
    try objective.checkSettings()
    self.model = model
    self.optimizer = optimizer
    self.objective = objective
    self.seed = seed
    self.passes = passes
    inputTypes = try model.modelInputs().map(model.type(of:))
    outputTypes = try model.modelOutputs().map(model.type(of:))
    inputNames = model.inputNames
    outputNames = model.outputNames
    targetNames = objective.targetNames(outputs: outputNames)
    let isMasked = try model.modelOutputs().map { model.mask(of: $0) != nil }
    logs = objective.logs(
      outputs: outputNames, masked: Set(zip(outputNames, isMasked).filter(\.1).map(\.0)))
    session = Session(backend: backend, seed: seed, passes: passes)
    // The optimizer's state and the learning rate exist from the start, so that they can be read, set and saved.
    _ = try programs(usualFeeds)
  }

  /// The epoch that `fit` runs next, from 0.
  public var nextEpoch: Int { (history.epochs.last ?? -1) + 1 }

  /// The rate of the next step.
  public var learningRate: Double {
    if let schedule = optimizer.options.learningRate.schedule {
      // A schedule whose settings were checked has a rate for every step.
      return (try? schedule.rate(afterSteps: stepCount)) ?? .nan
    }
    return session.value(of: learningRateName)?.doubles().first ?? optimizer.options.learningRate.constant ?? .nan
  }

  /// - Throws: `ApusError` if the rate is not a number from 0, or follows a schedule.
  public func setLearningRate(_ rate: Double) throws {
    try checkRateCanBeSet()
    try session.setValue(Tensor.learningRate(rate), of: learningRateName)
  }

  /// - Throws: `ApusError` if the learning rate follows a schedule.
  func checkRateCanBeSet() throws {
    guard let schedule = optimizer.options.learningRate.schedule else { return }
    throw ApusError.input(
      "the learning rate follows \(schedule.specificationText()), so it cannot be set",
      help: "give the optimizer a number, which callbacks can change")
  }

  /// What the optimizer remembers, by name: its slots (`optimizer/<variable>/<slot>`), the learning rate
  /// (`optimizer/learning_rate`) and the number of steps done (`step`).
  public var optimizerState: [(name: String, value: Tensor)] {
    session.values.filter { Variable.belongsToTraining($0.name) }
  }

  /// How many steps the optimizer has done.
  public var stepCount: Int { Int(session.value(of: Graph.stepName)?.elements(as: Int64.self).first ?? 0) }

  /// Gives each trained variable the running mean that the optimizer keeps of it, if it does and has done a step: as `fit`
  /// does at its end.
  public func useAveragedWeights() throws {
    guard optimizer.options.useEMA, stepCount > 0 else { return }
    for (name, value) in weights {
      guard let mean = session.value(of: OptimizerState.label(OptimizerState.averageSlot, of: name)) else { continue }
      try session.setValue(mean.dtype == value.dtype ? mean : mean.converted(to: value.dtype), of: name)
    }
  }

  /// Ends `fit` after the current batch.
  public func stop() { isStopped = true }

  /// Starts training, or ends it, with a place for what callbacks say.
  func start(_ output: ProgressOutput?) {
    isStopped = false
    announcements = output
  }

  /// Writes a line between the progress bars of `fit`; nothing where it is silent.
  public func announce(_ line: String) { announcements?.write(line + "\n") }

  /// The model's own variables, in order of declaration, without the optimizer's and without `states`.
  public var weights: [(name: String, value: Tensor)] {
    let states = Set(model.states.map(\.label))
    return model.variables.map(\.declaration.label).compactMap { name in
      states.contains(name) ? nil : session.value(of: name).map { (name, $0) }
    }
  }
}

extension Tensor {
  /// A learning rate as steps read it.
  /// - Throws: `ApusError` unless it is a finite number from 0, also in single precision.
  static func learningRate(_ rate: Double) throws -> Tensor {
    guard rate >= 0, Float(rate).isFinite else {
      throw ApusError.input("a learning rate of \(rate) makes no steps", help: "a finite number, at least 0")
    }
    return Tensor(scalar: Float(rate))
  }
}
