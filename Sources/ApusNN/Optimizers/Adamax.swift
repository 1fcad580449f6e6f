import ApusGraph
import ApusOperators

/// Adam with the largest gradient in place of the root mean square. Kingma and Ba 2015, section 7.1.
public struct Adamax: Optimizer {
  public var options = OptimizerOptions(learningRate: 0.001)
  public var beta1 = 0.9
  public var beta2 = 0.999
  public var epsilon = 1e-7

  public init() {}

  public init(
    options: OptimizerOptions = Adamax().options, beta1: Double = Adamax().beta1, beta2: Double = Adamax().beta2,
    epsilon: Double = Adamax().epsilon
  ) {
    self.options = options
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }

  public static let record = ComponentRecord(
    "adamax", "Adam with the largest gradient, slowly forgotten, in place of the root mean square",
    settings: commonSettings + [
      setting("beta_1", \.beta1, in: .decay, "the share of the mean gradient that stays in each step"),
      setting("beta_2", \.beta2, in: .decay, "the share of the largest gradient that stays in each step"),
      setting("epsilon", \.epsilon, in: .nonNegative, "added to the largest gradient"),
    ])

  public func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    // m ← m + (1 − β₁)(g − m), u ← max(β₂ u, |g|)
    let m = try state.mean("momentum", of: g, share: beta1)
    let oldU = try state.zeros("norm")
    let u = try state.advance(oldU, to: (oldU * beta2).maximum(g.abs()))
    // w ← w − η m / ((1 − β₁ᵗ)(u + ε))
    let b1 = try step.scalar(beta1).power(step)
    return try w - m * rate / ((u + epsilon) * (1 - b1))
  }
}

extension Optimizer where Self == Adamax {
  /// Adam with the largest gradient, slowly forgotten, in place of the root mean square. The other options are those of `OptimizerOptions`.
  public static func adamax(
    learningRate: LearningRate = Adamax().options.learningRate, beta1: Double = Adamax().beta1,
    beta2: Double = Adamax().beta2, epsilon: Double = Adamax().epsilon, weightDecay: Double? = nil,
    clipNorm: Double? = nil, clipValue: Double? = nil, globalClipNorm: Double? = nil, useEMA: Bool = false,
    emaMomentum: Double = 0.99, emaOverwriteFrequency: Int? = nil, gradientAccumulationSteps: Int? = nil
  ) -> Adamax {
    Adamax(
      options: OptimizerOptions(
        learningRate: learningRate, weightDecay: weightDecay, clipNorm: clipNorm, clipValue: clipValue,
        globalClipNorm: globalClipNorm, useEMA: useEMA, emaMomentum: emaMomentum,
        emaOverwriteFrequency: emaOverwriteFrequency, gradientAccumulationSteps: gradientAccumulationSteps),
      beta1: beta1, beta2: beta2, epsilon: epsilon)
  }
}
