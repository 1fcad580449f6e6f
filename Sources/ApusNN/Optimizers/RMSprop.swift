import ApusGraph
import ApusOperators

/// Steps divided by a running root mean square of gradients. Tieleman and Hinton 2012; centered: Graves 2013.
public struct RMSprop: Optimizer {
  public var options = OptimizerOptions(learningRate: 0.001)
  public var rho = 0.9
  public var momentum = 0.0
  public var epsilon = 1e-7
  public var centered = false

  public init() {}

  public init(
    options: OptimizerOptions = RMSprop().options, rho: Double = RMSprop().rho, momentum: Double = RMSprop().momentum,
    epsilon: Double = RMSprop().epsilon, centered: Bool = RMSprop().centered
  ) {
    (self.options, self.rho, self.momentum) = (options, rho, momentum)
    (self.epsilon, self.centered) = (epsilon, centered)
  }

  public static let record = ComponentRecord(
    "rmsprop", "steps divided by a running root mean square of the gradients",
    settings: commonSettings + [
      setting("rho", \.rho, in: .decay, "the share of the running mean that stays in each step"),
      setting("momentum", \.momentum, in: .share, "the share of the last step that is taken again"),
      setting("epsilon", \.epsilon, in: .nonNegative, "added to the mean square, inside the root"),
      setting("centered", \.centered, "whether the mean gradient is subtracted: a variance, not a mean square"),
    ])

  public func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    // v ← ρ v + (1 − ρ) g²
    let oldV = try state.zeros("velocity")
    let v = try state.advance(oldV, to: oldV * rho + g * g * (1 - rho))
    var denominator = v
    if centered {
      // a ← ρ a + (1 − ρ) g, and v − a² in place of v
      let oldA = try state.zeros("average_gradient")
      let a = try state.advance(oldA, to: oldA * rho + g * (1 - rho))
      // A variance: rounding alone can make it negative, and the root then NaN.
      denominator = try (v - a * a).maximum(0)
    }
    // The increment is η g / √(v + ε): ε inside the root, as Keras has it.
    let increment = try g * rate / (denominator + epsilon).sqrt()
    guard momentum != 0 else { return try w - increment }
    // m ← μ m + increment, w ← w − m
    let oldM = try state.zeros("momentum")
    return try w - state.advance(oldM, to: oldM * momentum + increment)
  }
}

extension Optimizer where Self == RMSprop {
  /// Steps divided by a running root mean square of the gradients. The other options are those of `OptimizerOptions`.
  public static func rmsprop(
    learningRate: LearningRate = RMSprop().options.learningRate, rho: Double = RMSprop().rho,
    momentum: Double = RMSprop().momentum, epsilon: Double = RMSprop().epsilon, centered: Bool = RMSprop().centered,
    weightDecay: Double? = nil, clipNorm: Double? = nil, clipValue: Double? = nil, globalClipNorm: Double? = nil,
    useEMA: Bool = false, emaMomentum: Double = 0.99, emaOverwriteFrequency: Int? = nil,
    gradientAccumulationSteps: Int? = nil
  ) -> RMSprop {
    RMSprop(
      options: OptimizerOptions(
        learningRate: learningRate, weightDecay: weightDecay, clipNorm: clipNorm, clipValue: clipValue,
        globalClipNorm: globalClipNorm, useEMA: useEMA, emaMomentum: emaMomentum,
        emaOverwriteFrequency: emaOverwriteFrequency, gradientAccumulationSteps: gradientAccumulationSteps), rho: rho,
      momentum: momentum, epsilon: epsilon, centered: centered)
  }
}
