import ApusGraph
import ApusOperators

/// Follows the regularized leader: sets weights to what would have been best so far, many of them to 0 if `l1` is above 0.
/// McMahan et al. 2013.
public struct Ftrl: Optimizer {
  public var options = OptimizerOptions(learningRate: 0.001)
  public var learningRatePower = -0.5
  public var initialAccumulatorValue = 0.1
  public var l1 = 0.0
  public var l2 = 0.0
  public var l2Shrinkage = 0.0
  public var beta = 0.0

  public init() {}

  public init(
    options: OptimizerOptions = Ftrl().options, learningRatePower: Double = Ftrl().learningRatePower,
    initialAccumulatorValue: Double = Ftrl().initialAccumulatorValue, l1: Double = Ftrl().l1, l2: Double = Ftrl().l2,
    l2Shrinkage: Double = Ftrl().l2Shrinkage, beta: Double = Ftrl().beta
  ) {
    self.options = options
    self.learningRatePower = learningRatePower
    self.initialAccumulatorValue = initialAccumulatorValue
    self.l1 = l1
    self.l2 = l2
    self.l2Shrinkage = l2Shrinkage
    self.beta = beta
  }

  public static let record = ComponentRecord(
    "ftrl", "sets weights to what would have been best so far; with l1 above 0, many of them to 0",
    settings: commonSettings + [
      setting(
        "learning_rate_power", \.learningRatePower, in: .nonPositive,
        "how the rate falls with the sums of squares: 0 is not at all"),
      setting(
        "initial_accumulator_value", \.initialAccumulatorValue, in: .nonNegative, "what the sums of squares start at"),
      setting("l1_regularization_strength", \.l1, in: .nonNegative, "the weight of Σ |w|"),
      setting("l2_regularization_strength", \.l2, in: .nonNegative, "the weight of Σ w²"),
      setting(
        "l2_shrinkage_regularization_strength", \.l2Shrinkage, in: .nonNegative,
        "the weight of Σ w² as a part of the loss"),
      setting("beta", \.beta, in: .nonNegative, "β / 2η is added to the weight of Σ w²"),
    ])

  public func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    // n ← n + g², σ = (nᵖ − old nᵖ) / η with p = −power, z ← z + g + 2 s w − σ w
    let oldSum = try state.filled("accumulator", with: initialAccumulatorValue)
    let sum = try state.advance(oldSum, to: oldSum + g * g)
    let scale = try sum.power(-learningRatePower)
    let isMoving = try rate.greater(0)
    let sigma = try isMoving.select((scale - oldSum.power(-learningRatePower)) / rate, rate.scalar(0))
    let oldLinear = try state.zeros("linear")
    let linear = try state.advance(oldLinear, to: oldLinear + (g + w * (2 * l2Shrinkage) - sigma * w))
    // w ← (clip(z, ±λ₁) − z) / (nᵖ / η + 2 λ₂ + β / η)
    let quadratic = try scale / rate + (beta / rate + 2 * l2)
    let new = try (linear.maximum(-l1).minimum(l1) - linear) / quadratic
    // Without a rate, or before any gradient, there is nothing to follow.
    return try quadratic.isFinite().and(quadratic.greater(0)).select(new, w)
  }
}

extension Optimizer where Self == Ftrl {
  /// Follows the regularized leader. The other options are those of `OptimizerOptions`.
  public static func ftrl(
    learningRate: LearningRate = Ftrl().options.learningRate, learningRatePower: Double = Ftrl().learningRatePower,
    initialAccumulatorValue: Double = Ftrl().initialAccumulatorValue, l1: Double = Ftrl().l1, l2: Double = Ftrl().l2,
    l2Shrinkage: Double = Ftrl().l2Shrinkage, beta: Double = Ftrl().beta, weightDecay: Double? = nil,
    clipNorm: Double? = nil, clipValue: Double? = nil, globalClipNorm: Double? = nil, useEMA: Bool = false,
    emaMomentum: Double = 0.99, emaOverwriteFrequency: Int? = nil, gradientAccumulationSteps: Int? = nil
  ) -> Ftrl {
    Ftrl(
      options: OptimizerOptions(
        learningRate: learningRate, weightDecay: weightDecay, clipNorm: clipNorm, clipValue: clipValue,
        globalClipNorm: globalClipNorm, useEMA: useEMA, emaMomentum: emaMomentum,
        emaOverwriteFrequency: emaOverwriteFrequency, gradientAccumulationSteps: gradientAccumulationSteps),
      learningRatePower: learningRatePower, initialAccumulatorValue: initialAccumulatorValue, l1: l1, l2: l2,
      l2Shrinkage: l2Shrinkage, beta: beta)
  }
}
