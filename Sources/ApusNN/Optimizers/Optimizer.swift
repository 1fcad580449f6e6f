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
  ///   - variable: the value before the step, or its `gradientPoint`, weight decay applied.
  ///   - gradient: of the same shape, clipped as the options say.
  ///   - rate: the learning rate, a scalar of the variable's element type; callbacks may change it between steps.
  ///   - step: the number of the step, from 1; a scalar of the variable's element type.
  func update(_ variable: Value, _ gradient: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value

  /// Where the gradient of a variable is taken, if that is not where the variable is; nil if it is. `update` and weight
  /// decay then begin there. What is evaluated, predicted with and saved is the variable.
  /// - Parameter variable: `state.variable`.
  func gradientPoint(of variable: Value, _ state: OptimizerState) throws -> Value?

  /// The weight decay of a variable: that of the options, unless the rule treats variables differently.
  func weightDecay(of variable: Value, named name: String) -> Double?
}

extension Optimizer {
  public static var kind: String { "optimizer" }
  public static var firstSetting: String? { "learning_rate" }
  public var name: String { Self.record.name }
  public func weightDecay(of variable: Value, named name: String) -> Double? { options.weightDecay }
  public func gradientPoint(of variable: Value, _ state: OptimizerState) throws -> Value? { nil }

  public func checkConsistency() throws {
    try Self.require(
      options.useEMA || options.emaOverwriteFrequency == nil,
      "has no running means that ema_overwrite_frequency could take: use_ema=true keeps them")
  }

  /// All that makes it, as `OptimizerRegistry.named` reads it: `sgd(learning_rate=0.1, momentum=0.9, nesterov=false)`.
  public var specification: String { specificationText() }

  /// Appends the updates of all variables.
  /// - Parameter step: an `i64` scalar, 0 in the first step.
  func apply(_ variables: [(name: String, variable: Value, gradient: Value)], step: Value) throws {
    guard let builder = variables.first?.variable.builder else { return }
    builder.origin = Origin(name: name)
    let graph = builder.graph
    let rate = try options.learningRate.value(at: step)
    let turn = try GradientAccumulation(options, step: step)
    let states = try variables.map { OptimizerState(variable: try $0.variable.widened(), name: $0.name, turn: turn) }
    let gradients = try clipped(
      zip(variables, states).map {
        let gradient = try $0.gradient.widened()
        return try turn?.mean(gradient, $1) ?? gradient
      })
    for ((declared, state), gradient) in zip(zip(variables.map(\.variable), states), gradients) {
      let variable = state.variable
      let rate = try rate.cast(to: variable.dtype)
      let count = try ((turn?.step ?? step).cast(to: variable.dtype) + 1)
      var start = try gradientPoint(of: variable, state) ?? variable
      if let decay = weightDecay(of: variable, named: state.name) { start = try start - start * (rate * decay) }
      var new = try update(start, gradient, rate: rate, step: count, state)
      if let turn { new = try turn.isComplete.select(new, variable) }
      // The mean is kept in the precision of the rule: in 16 bits it would not move.
      new = try averaged(
        new, OptimizerState(variable: variable, name: state.name, turn: turn), step: turn?.step ?? step
      )
      .cast(to: declared.dtype)
      if let constraint = (graph.producer(of: declared.id).op as? Variable)?.constraint {
        new = try constraint.applied(to: new)
      }
      try builder.update(declared, to: new)
    }
    builder.origin = Origin()
  }

  /// Keeps the running mean of a variable; gives the mean in place of the variable if the options say so for this step.
  private func averaged(_ new: Value, _ state: OptimizerState, step: Value) throws -> Value {
    guard options.useEMA else { return new }
    // a ← μ a + (1 − μ) w, with μ = 0 in the first step
    let old = try state.zeros(OptimizerState.averageSlot)
    let momentum = try step.greater(0).cast(to: new.dtype) * options.emaMomentum
    let mean = try momentum * old + (1 - momentum) * new
    try new.builder.update(old, to: mean)
    guard let frequency = options.emaOverwriteFrequency else { return new }
    return try (step + 1).remainder(step.scalar(Double(frequency))).equal(0).select(mean, new)
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

/// Several batches for one step: their gradients are added up, and the last one of them changes the variables.
struct GradientAccumulation {
  /// Whether this batch is the last one of a step: a truth value.
  let isComplete: Value
  /// How many steps were done before: an `i64` scalar.
  let step: Value
  private let count: Double

  /// Nil if each batch is a step.
  /// - Parameter step: how many batches there were before.
  init?(_ options: OptimizerOptions, step: Value) throws {
    guard let count = options.gradientAccumulationSteps, count > 1 else { return nil }
    self.count = Double(count)
    isComplete = try (step + 1).remainder(step.scalar(self.count)).equal(0)
    self.step = try step / self.count
  }

  /// The mean of the gradients of a step's batches up to this one, over the number of all of them.
  func mean(_ gradient: Value, _ state: OptimizerState) throws -> Value {
    let old = try state.zeros("gradient_accumulator")
    let sum = try old + gradient
    try gradient.builder.update(old, to: isComplete.select(sum.scalar(0), sum))
    return try sum / count
  }
}

/// The variable that holds a learning rate that is not a schedule, so that callbacks can set it between steps.
let learningRateName = "\(Variable.optimizerPrefix)learning_rate"
