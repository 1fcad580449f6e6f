import ApusCore
import ApusGraph
import ApusOperators

/// A rule that changes variables by their gradients. Names, defaults and formulas of those of Apus are Keras's.
///
/// A rule appends nodes: the update is part of the training graph like everything else. Its stored properties are its
/// settings; `record` declares them, `commonSettings` first. Docs/AddAnOptimizer.md walks through one.
public protocol Optimizer: Component, Sendable {
  /// The settings that every optimizer has; `apply` uses them.
  var options: OptimizerOptions { get set }

  /// The new value of one variable. What the rule remembers from step to step is declared through `state`.
  /// - Parameters:
  ///   - variable: the value before the step, weight decay applied.
  ///   - gradient: of the same shape, clipped as the options say.
  ///   - rate: the learning rate, a scalar of the variable's element type; callbacks may change it between steps.
  ///   - step: the number of the step, from 1; a scalar of the variable's element type.
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
}

extension Optimizer {
  public static var kind: String { "optimizer" }
  public var name: String { Self.record.name }

  /// All that makes it, as `OptimizerRegistry.named` reads it: `sgd(learning_rate=0.1, momentum=0.9, nesterov=false)`.
  public var specification: String { specificationText() }

  /// The declarations of `options`, with which every optimizer's list of settings begins.
  public static var commonSettings: [SettingRecord] {
    [
      setting("learning_rate", \.options.learningRate, in: .nonNegative, "the size of a step"),
      setting(
        "weight_decay", \.options.weightDecay, in: .nonNegative,
        "the share of each variable, times the learning rate, that is subtracted before a step"),
      setting("clipnorm", \.options.clipNorm, in: .positive, "the largest norm of one variable's gradient"),
      setting("clipvalue", \.options.clipValue, in: .positive, "the largest magnitude of a gradient's element"),
      setting("global_clipnorm", \.options.globalClipNorm, in: .positive, "the largest norm of all gradients together"),
    ]
  }

  /// Appends the updates of all variables.
  /// - Parameter step: an `i64` scalar, 0 in the first step.
  func apply(_ variables: [(name: String, variable: Value, gradient: Value)], step: Value) throws {
    guard let builder = variables.first?.variable.builder else { return }
    builder.origin = Origin(name: name)
    let rate = try builder.variable(
      learningRateName, .f32, [], .constant(ExactNumber(options.learningRate)), trainable: false)
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
