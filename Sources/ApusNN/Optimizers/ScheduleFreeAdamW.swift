import ApusGraph
import ApusOperators

/// Adam on a mean of all weights so far, in place of a schedule of the rate. Defazio et al. 2024.
///
/// As in the paper the variables are the means x: they are evaluated, predicted with and saved. Gradients are taken at y,
/// which is between them and what makes the steps. In Keras the variables are y.
public struct ScheduleFreeAdamW: Optimizer {
  public var options = OptimizerOptions(learningRate: 0.0025)
  public var beta1 = 0.9
  public var beta2 = 0.999
  public var epsilon = 1e-8
  public var warmupSteps = 0

  public init() {}

  public init(
    options: OptimizerOptions = ScheduleFreeAdamW().options, beta1: Double = ScheduleFreeAdamW().beta1,
    beta2: Double = ScheduleFreeAdamW().beta2, epsilon: Double = ScheduleFreeAdamW().epsilon,
    warmupSteps: Int = ScheduleFreeAdamW().warmupSteps
  ) {
    self.options = options
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.warmupSteps = warmupSteps
  }

  public static let record = ComponentRecord(
    "schedule_free_adamw", "Adam on a mean of all weights so far, in place of a schedule",
    settings: commonSettings + [
      setting(
        "beta_1", \.beta1, in: SettingRange(0, includesLower: false, 1, includesUpper: true),
        "how near the mean the gradients are taken"),
      setting("beta_2", \.beta2, in: .decay, "the share of the mean square that stays in each step"),
      setting("epsilon", \.epsilon, in: .nonNegative, "added to the root of the mean square"),
      setting("warmup_steps", \.warmupSteps, in: .nonNegative, "how many steps the rate takes to grow from 0"),
    ])

  /// y = (1 − β₁) z + β₁ x, where z makes the steps and x, the variable, is the mean of all z so far.
  public func gradientPoint(of x: Value, _ state: OptimizerState) throws -> Value? {
    try x + offset(state) * (1 - beta1)
  }

  /// z − x: 0 before the first step.
  private func offset(_ state: OptimizerState) throws -> Value { try state.known("offset") ?? state.zeros("offset") }

  public func update(_ y: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    var rate = rate
    if warmupSteps > 0 { rate = try rate * (step / Double(warmupSteps)).minimum(1) }
    let (old, slot) = (state.variable, try offset(state))
    // v ← v + (1 − β₂)(g² − v), z ← z − η g / (√(v / (1 − β₂ᵗ)) + ε)
    let v = try state.mean("velocity", of: g * g, share: beta2)
    let b2 = try step.scalar(beta2).power(step)
    let z = try old + slot - g * rate / ((v / (1 - b2)).sqrt() + epsilon)
    // Weight decay has moved y, and with it the x that y belongs to: x = (y − (1 − β₁) z) / β₁.
    let start = try old + (y - (old + slot * (1 - beta1))) / beta1
    // x ← (1 − 1/t) x + z / t
    let share = try 1 / step
    let x = try start * (1 - share) + z * share
    try state.advance(slot, to: z - x)
    return x
  }
}

extension Optimizer where Self == ScheduleFreeAdamW {
  /// Adam on a mean of all weights so far, in place of a schedule. The other options are those of `OptimizerOptions`.
  public static func scheduleFreeAdamW(
    learningRate: LearningRate = ScheduleFreeAdamW().options.learningRate, beta1: Double = ScheduleFreeAdamW().beta1,
    beta2: Double = ScheduleFreeAdamW().beta2, epsilon: Double = ScheduleFreeAdamW().epsilon,
    warmupSteps: Int = ScheduleFreeAdamW().warmupSteps, weightDecay: Double? = nil, clipNorm: Double? = nil,
    clipValue: Double? = nil, globalClipNorm: Double? = nil, useEMA: Bool = false, emaMomentum: Double = 0.99,
    emaOverwriteFrequency: Int? = nil, gradientAccumulationSteps: Int? = nil
  ) -> ScheduleFreeAdamW {
    ScheduleFreeAdamW(
      options: OptimizerOptions(
        learningRate: learningRate, weightDecay: weightDecay, clipNorm: clipNorm, clipValue: clipValue,
        globalClipNorm: globalClipNorm, useEMA: useEMA, emaMomentum: emaMomentum,
        emaOverwriteFrequency: emaOverwriteFrequency, gradientAccumulationSteps: gradientAccumulationSteps),
      beta1: beta1, beta2: beta2, epsilon: epsilon, warmupSteps: warmupSteps)
  }
}
