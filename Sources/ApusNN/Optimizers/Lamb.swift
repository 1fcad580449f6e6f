import ApusGraph
import ApusOperators

/// Adam whose step is scaled to the length of the variable: for large batches. You et al. 2020.
public struct Lamb: Optimizer {
  public var options = OptimizerOptions(learningRate: 0.001)
  public var beta1 = 0.9
  public var beta2 = 0.999
  public var epsilon = 1e-7

  public init() {}

  public init(
    options: OptimizerOptions = Lamb().options, beta1: Double = Lamb().beta1, beta2: Double = Lamb().beta2,
    epsilon: Double = Lamb().epsilon
  ) {
    self.options = options
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }

  public static let record = ComponentRecord(
    "lamb", "Adam whose step is scaled to the length of the variable, for large batches",
    settings: commonSettings + [
      setting("beta_1", \.beta1, in: .decay, "the share of the mean gradient that stays in each step"),
      setting("beta_2", \.beta2, in: .decay, "the share of the mean square that stays in each step"),
      setting("epsilon", \.epsilon, in: .nonNegative, "added to the root of the mean square"),
    ])

  public func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    // m ← m + (1 − β₁)(g − m), v ← v + (1 − β₂)(g² − v)
    let m = try state.mean("momentum", of: g, share: beta1)
    let v = try state.mean("velocity", of: g * g, share: beta2)
    // u = (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
    let b1 = try step.scalar(beta1).power(step)
    let b2 = try step.scalar(beta2).power(step)
    let u = try m / (1 - b1) / ((v / (1 - b2)).sqrt() + epsilon)
    // w ← w − η u ‖w‖ / ‖u‖, and w − η u if one of them is 0
    let (length, stepLength) = (try w.square().sum().sqrt(), try u.square().sum().sqrt())
    let isScaled = try length.greater(0).and(stepLength.greater(0))
    let one = try w.scalar(1)
    return try w - u * (isScaled.select(length, one) / isScaled.select(stepLength, one) * rate)
  }
}

extension Optimizer where Self == Lamb {
  /// Adam whose step is scaled to the length of the variable, for large batches. The other options are those of `OptimizerOptions`.
  public static func lamb(
    learningRate: LearningRate = Lamb().options.learningRate, beta1: Double = Lamb().beta1,
    beta2: Double = Lamb().beta2, epsilon: Double = Lamb().epsilon, weightDecay: Double? = nil, clipNorm: Double? = nil,
    clipValue: Double? = nil, globalClipNorm: Double? = nil, useEMA: Bool = false, emaMomentum: Double = 0.99,
    emaOverwriteFrequency: Int? = nil, gradientAccumulationSteps: Int? = nil
  ) -> Lamb {
    Lamb(
      options: OptimizerOptions(
        learningRate: learningRate, weightDecay: weightDecay, clipNorm: clipNorm, clipValue: clipValue,
        globalClipNorm: globalClipNorm, useEMA: useEMA, emaMomentum: emaMomentum,
        emaOverwriteFrequency: emaOverwriteFrequency, gradientAccumulationSteps: gradientAccumulationSteps),
      beta1: beta1, beta2: beta2, epsilon: epsilon)
  }
}
