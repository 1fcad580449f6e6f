import ApusGraph
import ApusOperators

/// Steps by the sign of a mean of gradient and momentum. Chen et al. 2023.
public struct Lion: Optimizer {
  public var options = OptimizerOptions(learningRate: 0.001)
  public var beta1 = 0.9
  public var beta2 = 0.99

  public init() {}

  public init(options: OptimizerOptions = Lion().options, beta1: Double = Lion().beta1, beta2: Double = Lion().beta2) {
    self.options = options
    self.beta1 = beta1
    self.beta2 = beta2
  }

  public static let record = ComponentRecord(
    "lion", "steps by the sign of a mean of gradient and momentum",
    settings: commonSettings + [
      setting("beta_1", \.beta1, in: .decay, "the share of the momentum in the mean whose sign is taken"),
      setting("beta_2", \.beta2, in: .decay, "the share of the momentum that stays in each step"),
    ])

  public func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    // w ← w − η sign(β₁ m + (1 − β₁) g), m ← β₂ m + (1 − β₂) g
    let m = try state.zeros("momentum")
    let direction = try (m * beta1 + g * (1 - beta1)).sign()
    try state.advance(m, to: m * beta2 + g * (1 - beta2))
    return try w - direction * rate
  }
}

extension Optimizer where Self == Lion {
  /// Steps by the sign of a mean of gradient and momentum. The other options are those of `OptimizerOptions`.
  public static func lion(
    learningRate: LearningRate = Lion().options.learningRate, beta1: Double = Lion().beta1,
    beta2: Double = Lion().beta2, weightDecay: Double? = nil, clipNorm: Double? = nil, clipValue: Double? = nil,
    globalClipNorm: Double? = nil, useEMA: Bool = false, emaMomentum: Double = 0.99, emaOverwriteFrequency: Int? = nil,
    gradientAccumulationSteps: Int? = nil
  ) -> Lion {
    Lion(
      options: OptimizerOptions(
        learningRate: learningRate, weightDecay: weightDecay, clipNorm: clipNorm, clipValue: clipValue,
        globalClipNorm: globalClipNorm, useEMA: useEMA, emaMomentum: emaMomentum,
        emaOverwriteFrequency: emaOverwriteFrequency, gradientAccumulationSteps: gradientAccumulationSteps),
      beta1: beta1, beta2: beta2)
  }
}
