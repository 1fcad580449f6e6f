import ApusGraph
import ApusOperators

/// Adam with weight decay apart from the gradients. Loshchilov and Hutter 2019.
public struct AdamW: Optimizer {
  public var options = OptimizerOptions(learningRate: 0.001, weightDecay: 0.004)
  public var beta1 = 0.9
  public var beta2 = 0.999
  public var epsilon = 1e-7
  public var amsgrad = false

  public init() {}

  public init(
    options: OptimizerOptions = AdamW().options, beta1: Double = AdamW().beta1, beta2: Double = AdamW().beta2,
    epsilon: Double = AdamW().epsilon, amsgrad: Bool = AdamW().amsgrad
  ) {
    self.options = options
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.amsgrad = amsgrad
  }

  public static let record = ComponentRecord(
    "adamw", "Adam with weight decay apart from the gradients",
    settings: commonSettings + [
      setting("beta_1", \.beta1, in: .decay, "the share of the mean gradient that stays in each step"),
      setting("beta_2", \.beta2, in: .decay, "the share of the mean square that stays in each step"),
      setting("epsilon", \.epsilon, in: .nonNegative, "added to the root of the mean square"),
      setting("amsgrad", \.amsgrad, "whether the largest mean square so far is used, so that steps never grow"),
    ])

  /// The weight decay is one of the options, which are applied before.
  public func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    try Adam(options: options, beta1: beta1, beta2: beta2, epsilon: epsilon, amsgrad: amsgrad)
      .update(w, g, rate: rate, step: step, state)
  }
}

extension Optimizer where Self == AdamW {
  /// Adam with weight decay apart from the gradients. The other options are those of `OptimizerOptions`.
  public static func adamW(
    learningRate: LearningRate = AdamW().options.learningRate, beta1: Double = AdamW().beta1,
    beta2: Double = AdamW().beta2, epsilon: Double = AdamW().epsilon, amsgrad: Bool = AdamW().amsgrad,
    weightDecay: Double? = AdamW().options.weightDecay, clipNorm: Double? = nil, clipValue: Double? = nil,
    globalClipNorm: Double? = nil, useEMA: Bool = false, emaMomentum: Double = 0.99, emaOverwriteFrequency: Int? = nil,
    gradientAccumulationSteps: Int? = nil
  ) -> AdamW {
    AdamW(
      options: OptimizerOptions(
        learningRate: learningRate, weightDecay: weightDecay, clipNorm: clipNorm, clipValue: clipValue,
        globalClipNorm: globalClipNorm, useEMA: useEMA, emaMomentum: emaMomentum,
        emaOverwriteFrequency: emaOverwriteFrequency, gradientAccumulationSteps: gradientAccumulationSteps),
      beta1: beta1, beta2: beta2, epsilon: epsilon, amsgrad: amsgrad)
  }
}
