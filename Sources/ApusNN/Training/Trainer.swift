import ApusCore
import ApusData
import ApusGraph
import ApusInterpreter
import ApusOperators

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
  public let seed: UInt64
  /// All epochs since the trainer was made or resumed.
  public internal(set) var history = History()
  /// Takes warnings; prints them to standard error unless replaced.
  public var warningHandler: (Diagnostic) -> Void = { StandardError.write("\($0)\n") }

  private let input: TensorType
  private let output: TensorType
  private var programs: [TensorType: (training: Program, evaluation: Program)] = [:]
  private var forward: Program?
  private(set) var isStopped = false

  /// - Parameters:
  ///   - model: one input with a symbolic first dimension, one output, variables.
  ///   - backend: the interpreter where nil.
  ///   - seed: of initial weights, shuffling and dropout.
  /// - Throws: `ApusError` where `model` is no such graph.
  public init(
    _ model: Graph, optimizer: any Optimizer, loss: Loss, metrics: [Metric] = [], backend: (any Backend)? = nil,
    seed: UInt64 = 0
  ) throws {
    self.model = model
    self.optimizer = optimizer
    self.loss = loss
    self.metrics = metrics
    self.seed = seed
    input = model.type(of: try model.singleInput())
    output = model.type(of: try model.singleOutput())
    session = Session(backend: backend ?? InterpreterBackend(), seed: seed)
    // The optimizer's state and the learning rate exist from the start, so that they can be read, set and saved.
    _ = try programs(for: defaultTargetType)
  }

  /// The epoch that `fit` runs next, from 0.
  public var nextEpoch: Int { (history.epochs.last ?? -1) + 1 }

  public var learningRate: Double {
    session.value(of: learningRateName)?.doubles().first ?? optimizer.options.learningRate
  }

  public func setLearningRate(_ rate: Double) throws {
    try session.setValue(Tensor(scalar: Float(rate)), of: learningRateName)
  }

  /// Ends `fit` after the current batch.
  public func stop() { isStopped = true }
  func start() { isStopped = false }

  /// The training step for targets of the usual type, as it is before any pass: loss, metrics, gradients, updates.
  public var trainingStep: Graph {
    get throws { try programs(for: defaultTargetType).training.graph }
  }

  // MARK: Runs

  /// One step on one batch.
  /// - Returns: the batch's loss and metrics by name, computed before the update.
  public func trainOnBatch(_ images: Tensor, _ targets: Tensor) throws -> [String: Double] {
    try named(programs(for: targetType(targets)).training.run([try fitted(images), targets]))
  }

  /// The batch's loss and metrics by name.
  public func testOnBatch(_ images: Tensor, _ targets: Tensor) throws -> [String: Double] {
    try named(programs(for: targetType(targets)).evaluation.run([try fitted(images), targets]))
  }

  /// The model's output for each sample.
  /// - Parameter images: samples along axis 0; reshaped to the model's input where the element counts agree.
  public func predict(_ images: Tensor, batchSize: Int = 32) throws -> Tensor {
    let images = try fitted(images)
    if forward == nil { forward = try session.load(model.bound(to: .inference)) }
    guard let forward else { throw ApusError.defect("the forward program was not loaded") }
    let dims = output.shape.dims.dropFirst().map { $0.number ?? 0 }
    var result = try Tensor(uninitialized: output.dtype, [images.dimensions[0]] + dims)
    var offset = 0
    for batch in try BatchSequence(count: images.dimensions[0], batchSize: batchSize) {
      let part = try forward.run([images.gather(rows: batch)])[0]
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
    for (name, value) in zip(["loss"] + metrics.map(\.name), outputs) { logs[name] = value.doubles().first }
    return logs
  }

  // MARK: What fits what

  private var defaultTargetType: TensorType {
    loss.takesClassNumbers ? TensorType(.u8, Shape(Array(output.shape.dims.dropLast()))) : output
  }

  private func targetType(_ targets: Tensor) -> TensorType {
    TensorType(targets.dtype, Shape([input.shape[0]] + targets.dimensions.dropFirst().map(Dim.number)))
  }

  private func programs(for targetType: TensorType) throws -> (training: Program, evaluation: Program) {
    if let known = programs[targetType] { return known }
    let training = try model.training(loss: loss, optimizer: optimizer, metrics: metrics, targetType: targetType)
    let evaluation = try model.evaluation(loss: loss, metrics: metrics, targetType: targetType)
    let loaded = (training: try session.load(training), evaluation: try session.load(evaluation))
    programs[targetType] = loaded
    return loaded
  }

  /// Samples in the shape of the model's input.
  /// - Throws: `ApusError` that names both shapes where the element counts differ.
  func fitted(_ images: Tensor) throws -> Tensor {
    let sample = input.shape.dims.dropFirst().map { $0.number ?? 0 }
    let given = Array(images.dimensions.dropFirst())
    guard images.rank >= 1, Shape.elementCount(sample) == Shape.elementCount(given) else {
      throw ApusError.input(
        "the model's input is \(Shape(sample)) a sample, but the data has \(Shape(given))",
        help: "shapes with as many elements are reshaped: 28×28, 28×28×1 and 784 are the same to a model")
    }
    guard images.dtype == input.dtype else {
      throw ApusError.input(
        "the model's input is of type \(input.dtype), but the data is of type \(images.dtype)",
        help: "declare the input as \(images.dtype) and cast in the graph")
    }
    return try images.reshaped([images.dimensions[0]] + sample)
  }

  /// Checks targets against samples and outputs before anything is computed.
  func check(_ images: Tensor, _ targets: Tensor) throws {
    guard targets.rank >= 1, images.dimensions[0] == targets.dimensions[0] else {
      throw ApusError.input("\(images.dimensions.first ?? 0) samples have \(targets.dimensions.first ?? 0) targets")
    }
    guard loss.takesClassNumbers, let classes = output.shape.dims.last?.number else { return }
    guard targets.dtype.isInteger else {
      throw ApusError.input("labels of \(loss.name) must be integers, not \(targets.dtype)")
    }
    for (index, label) in targets.doubles().enumerated() where label < 0 || label >= Double(classes) {
      throw ApusError.input(
        "sample \(index) has the label \(Int(label)), but the model has \(classes) outputs",
        help: "labels are 0 … \(classes - 1)")
    }
  }
}
