import ApusCore
import ApusGraph
import ApusOperators

/// A rule that changes variables by their gradients. Names, defaults and formulas are Keras's.
///
/// A rule appends nodes: the update is part of the training graph like everything else.
public protocol Optimizer: Sendable {
  static var name: String { get }
  var options: OptimizerOptions { get }
  /// Options of its own, as the command line and saved models write them.
  var settings: [(name: String, value: String)] { get }

  /// The new value of one variable; state is declared through `state` and updated in `context.builder`.
  /// - Parameters:
  ///   - rate: the learning rate, a scalar of the variable's element type.
  ///   - step: which step this is, from 1, likewise.
  func update(_ variable: Value, _ gradient: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value
}

/// What all optimizers have.
public struct OptimizerOptions: Sendable, Hashable {
  public var learningRate: Double
  /// Decoupled: w −= learning rate · decay · w before the step.
  public var weightDecay: Double?
  /// Each variable's gradient is scaled down to at most this norm.
  public var clipNorm: Double?
  /// Each element of a gradient is cut to ± this.
  public var clipValue: Double?
  /// All gradients together are scaled down to at most this norm.
  public var globalClipNorm: Double?

  public init(
    learningRate: Double, weightDecay: Double? = nil, clipNorm: Double? = nil, clipValue: Double? = nil,
    globalClipNorm: Double? = nil
  ) {
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.clipNorm = clipNorm
    self.clipValue = clipValue
    self.globalClipNorm = globalClipNorm
  }

  var settings: [(name: String, value: String)] {
    let all: [(String, Double?)] = [
      ("learning_rate", learningRate), ("weight_decay", weightDecay), ("clipnorm", clipNorm),
      ("clipvalue", clipValue), ("global_clipnorm", globalClipNorm),
    ]
    return all.compactMap { name, value in value.map { (name, "\($0)") } }
  }
}

/// Declares the state that an optimizer keeps for one variable.
public struct OptimizerState {
  let variable: Value
  let name: String

  /// A variable like the one that is trained, which starts at zero: `optimizer/<variable>/<name>`.
  public func zeros(_ suffix: String) throws -> Value {
    try variable.builder.variable(
      "optimizer/\(name)/\(suffix)", variable.dtype, variable.shape, .zeros, trainable: false)
  }

  /// Makes `value` the state's next one; returns it, for the rest of the rule.
  public func advance(_ state: Value, to value: Value) throws -> Value {
    try variable.builder.update(state, to: value)
    return value
  }
}

extension Optimizer {
  public var name: String { Self.name }
  public var settings: [(name: String, value: String)] { [] }

  /// All that makes it, as `OptimizerRegistry.named` reads it: `sgd(learning_rate=0.1, momentum=0.9, nesterov=false)`.
  public var specification: String { NamedSpecification.text(name, options.settings + settings) }

  /// Appends the updates of all variables.
  /// - Parameter step: an `i64` scalar, 0 in the first step.
  func apply(_ variables: [(name: String, variable: Value, gradient: Value)], step: Value) throws {
    guard let builder = variables.first?.variable.builder else { return }
    builder.origin = Origin(name: name)
    let rate = try builder.variable(
      learningRateName, .f32, [], .constant(options.learningRate), trainable: false)
    let gradients = try clipped(variables.map(\.gradient))
    for ((name, variable, _), gradient) in zip(variables, gradients) {
      let rate = try rate.cast(to: variable.dtype)
      let count = try (step.cast(to: variable.dtype) + 1)
      var start = variable
      if let decay = options.weightDecay { start = try variable - variable * (rate * decay) }
      let new = try update(start, gradient, rate: rate, step: count, OptimizerState(variable: variable, name: name))
      try builder.update(variable, to: new)
    }
    builder.origin = Origin()
  }

  private func clipped(_ gradients: [Value]) throws -> [Value] {
    var gradients = gradients
    /// g scaled down where the norm is above the limit.
    func scaled(_ g: Value, norm: Value, _ limit: Double) throws -> Value {
      try g * (norm.scalar(limit) / norm.maximum(limit))
    }
    if let limit = options.clipNorm {
      gradients = try gradients.map { g in try scaled(g, norm: g.square().sum().sqrt(), limit) }
    }
    if let limit = options.globalClipNorm, let first = gradients.first {
      var total = try first.square().sum()
      for g in gradients.dropFirst() { total = try total + g.square().sum().cast(to: total.dtype) }
      let norm = try total.sqrt()
      gradients = try gradients.map { g in try scaled(g, norm: norm.cast(to: g.dtype), limit) }
    }
    if let limit = options.clipValue {
      gradients = try gradients.map { g in try g.maximum(-limit).minimum(limit) }
    }
    return gradients
  }
}

/// The variable that holds the learning rate, so that schedules and callbacks can set it between steps.
let learningRateName = "optimizer/learning_rate"
