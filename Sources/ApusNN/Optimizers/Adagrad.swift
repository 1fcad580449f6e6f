import ApusGraph
import ApusOperators

/// Steps divided by the root of the sum of all squared gradients so far. Duchi et al. 2011.
public struct Adagrad: Optimizer {
  public var options = OptimizerOptions(learningRate: 0.001)
  public var initialAccumulatorValue = 0.1
  public var epsilon = 1e-7

  public init() {}

  public init(
    options: OptimizerOptions = Adagrad().options, initialAccumulatorValue: Double = Adagrad().initialAccumulatorValue,
    epsilon: Double = Adagrad().epsilon
  ) {
    self.options = options
    self.initialAccumulatorValue = initialAccumulatorValue
    self.epsilon = epsilon
  }

  public static let record = ComponentRecord(
    "adagrad", "steps divided by the root of the sum of all squared gradients",
    settings: commonSettings + [
      setting(
        "initial_accumulator_value", \.initialAccumulatorValue, in: .nonNegative, "what the sums of squares start at"),
      setting("epsilon", \.epsilon, in: .nonNegative, "added to the sum of squares, inside the root"),
    ])

  public func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    // a ← a + g²
    let old = try state.filled("accumulator", with: initialAccumulatorValue)
    let sum = try state.advance(old, to: old + g * g)
    // w ← w − η g / √(a + ε)
    return try w - g * rate / (sum + epsilon).sqrt()
  }
}

extension Optimizer where Self == Adagrad {
  /// Steps divided by the root of the sum of all squared gradients. The other options are those of `OptimizerOptions`.
  public static func adagrad(
    learningRate: LearningRate = Adagrad().options.learningRate,
    initialAccumulatorValue: Double = Adagrad().initialAccumulatorValue, epsilon: Double = Adagrad().epsilon,
    weightDecay: Double? = nil, clipNorm: Double? = nil, clipValue: Double? = nil, globalClipNorm: Double? = nil,
    useEMA: Bool = false, emaMomentum: Double = 0.99, emaOverwriteFrequency: Int? = nil,
    gradientAccumulationSteps: Int? = nil
  ) -> Adagrad {
    Adagrad(
      options: OptimizerOptions(
        learningRate: learningRate, weightDecay: weightDecay, clipNorm: clipNorm, clipValue: clipValue,
        globalClipNorm: globalClipNorm, useEMA: useEMA, emaMomentum: emaMomentum,
        emaOverwriteFrequency: emaOverwriteFrequency, gradientAccumulationSteps: gradientAccumulationSteps),
      initialAccumulatorValue: initialAccumulatorValue, epsilon: epsilon)
  }
}
