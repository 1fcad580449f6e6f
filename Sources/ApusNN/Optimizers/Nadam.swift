import ApusCore
import ApusGraph
import ApusOperators

/// Adam with Nesterov's look-ahead. Dozat 2016.
public struct Nadam: Optimizer {
  public var options = OptimizerOptions(learningRate: 0.001)
  public var beta1 = 0.9
  public var beta2 = 0.999
  public var epsilon = 1e-7

  public init() {}

  public init(
    options: OptimizerOptions = Nadam().options, beta1: Double = Nadam().beta1, beta2: Double = Nadam().beta2,
    epsilon: Double = Nadam().epsilon
  ) {
    self.options = options
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }

  public static let record = ComponentRecord(
    "nadam", "Adam with Nesterov's look-ahead",
    settings: commonSettings + [
      setting("beta_1", \.beta1, in: .decay, "the share of the mean gradient that stays in each step"),
      setting("beta_2", \.beta2, in: .decay, "the share of the mean square that stays in each step"),
      setting("epsilon", \.epsilon, in: .nonNegative, "added to the root of the mean square"),
    ])

  public func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    // μₜ = β₁ (1 − ½ · 0.96ᵗ), and their product so far
    func momentum(_ step: Value) throws -> Value { try (1 - step.scalar(0.96).power(step) * 0.5) * beta1 }
    let (now, next) = (try momentum(step), try momentum(step + 1))
    let product = try state.shared("momentum_product", .ones) { try $0 * now }
    // m ← m + (1 − β₁)(g − m), v ← v + (1 − β₂)(g² − v)
    let m = try state.mean("momentum", of: g, share: beta1)
    let v = try state.mean("velocity", of: g * g, share: beta2)
    // w ← w − η (μₜ₊₁ m / (1 − Π μₜ₊₁) + (1 − μₜ) g / (1 − Π μₜ)) / (√(v / (1 − β₂ᵗ)) + ε)
    let b2 = try step.scalar(beta2).power(step)
    let ahead = try m * (next / (1 - product * next)) + g * ((1 - now) / (1 - product))
    return try w - ahead * rate / ((v / (1 - b2)).sqrt() + epsilon)
  }
}

extension Optimizer where Self == Nadam {
  /// Adam with Nesterov's look-ahead. The other options are those of `OptimizerOptions`.
  public static func nadam(
    learningRate: LearningRate = Nadam().options.learningRate, beta1: Double = Nadam().beta1,
    beta2: Double = Nadam().beta2, epsilon: Double = Nadam().epsilon, weightDecay: Double? = nil,
    clipNorm: Double? = nil, clipValue: Double? = nil, globalClipNorm: Double? = nil, useEMA: Bool = false,
    emaMomentum: Double = 0.99, emaOverwriteFrequency: Int? = nil, gradientAccumulationSteps: Int? = nil
  ) -> Nadam {
    Nadam(
      options: OptimizerOptions(
        learningRate: learningRate, weightDecay: weightDecay, clipNorm: clipNorm, clipValue: clipValue,
        globalClipNorm: globalClipNorm, useEMA: useEMA, emaMomentum: emaMomentum,
        emaOverwriteFrequency: emaOverwriteFrequency, gradientAccumulationSteps: gradientAccumulationSteps),
      beta1: beta1, beta2: beta2, epsilon: epsilon)
  }
}
