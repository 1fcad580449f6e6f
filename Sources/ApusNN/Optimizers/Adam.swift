import ApusGraph
import ApusOperators

/// Adaptive moments. Kingma and Ba 2015; the variant that never raises its step: Reddi et al. 2018.
public struct Adam: Optimizer {
  public var options = OptimizerOptions(learningRate: 0.001)
  public var beta1 = 0.9
  public var beta2 = 0.999
  public var epsilon = 1e-7
  public var amsgrad = false

  public init() {}

  public init(
    options: OptimizerOptions = Adam().options, beta1: Double = Adam().beta1, beta2: Double = Adam().beta2,
    epsilon: Double = Adam().epsilon, amsgrad: Bool = Adam().amsgrad
  ) {
    (self.options, self.beta1, self.beta2) = (options, beta1, beta2)
    (self.epsilon, self.amsgrad) = (epsilon, amsgrad)
  }

  public static let record = ComponentRecord(
    "adam", "steps by running means of the gradients and of their squares, corrected for their start at 0",
    settings: commonSettings + [
      setting("beta_1", \.beta1, in: .decay, "the share of the mean gradient that stays in each step"),
      setting("beta_2", \.beta2, in: .decay, "the share of the mean square that stays in each step"),
      setting("epsilon", \.epsilon, in: .nonNegative, "added to the root of the mean square"),
      setting("amsgrad", \.amsgrad, "whether the largest mean square so far is used, so that steps never grow"),
    ])

  public func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    // α = η √(1 − β₂ᵗ) / (1 − β₁ᵗ)
    let b1 = try step.scalar(beta1).power(step)
    let b2 = try step.scalar(beta2).power(step)
    let alpha = try rate * (1 - b2).sqrt() / (1 - b1)
    // m ← m + (1 − β₁)(g − m), v ← v + (1 − β₂)(g² − v)
    let m = try state.mean("momentum", of: g, share: beta1)
    var v = try state.mean("velocity", of: g * g, share: beta2)
    if amsgrad {
      let old = try state.zeros("velocity_hat")
      v = try state.advance(old, to: old.maximum(v))
    }
    // w ← w − α m / (√v + ε)
    return try w - m * alpha / (v.sqrt() + epsilon)
  }
}

extension Optimizer where Self == Adam {
  /// Steps by running means of the gradients and of their squares. The other options are those of `OptimizerOptions`.
  public static func adam(
    learningRate: LearningRate = Adam().options.learningRate, beta1: Double = Adam().beta1,
    beta2: Double = Adam().beta2, epsilon: Double = Adam().epsilon, amsgrad: Bool = Adam().amsgrad,
    weightDecay: Double? = nil, clipNorm: Double? = nil, clipValue: Double? = nil, globalClipNorm: Double? = nil,
    useEMA: Bool = false, emaMomentum: Double = 0.99, emaOverwriteFrequency: Int? = nil,
    gradientAccumulationSteps: Int? = nil
  ) -> Adam {
    Adam(
      options: OptimizerOptions(
        learningRate: learningRate, weightDecay: weightDecay, clipNorm: clipNorm, clipValue: clipValue,
        globalClipNorm: globalClipNorm, useEMA: useEMA, emaMomentum: emaMomentum,
        emaOverwriteFrequency: emaOverwriteFrequency, gradientAccumulationSteps: gradientAccumulationSteps),
      beta1: beta1, beta2: beta2, epsilon: epsilon, amsgrad: amsgrad)
  }
}
