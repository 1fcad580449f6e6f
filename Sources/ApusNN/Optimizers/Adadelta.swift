import ApusGraph
import ApusOperators

/// Steps by the ratio of running root mean squares of steps and of gradients. Zeiler 2012.
public struct Adadelta: Optimizer {
  public var options = OptimizerOptions(learningRate: 0.001)
  public var rho = 0.95
  public var epsilon = 1e-7

  public init() {}

  public init(
    options: OptimizerOptions = Adadelta().options, rho: Double = Adadelta().rho, epsilon: Double = Adadelta().epsilon
  ) {
    self.options = options
    self.rho = rho
    self.epsilon = epsilon
  }

  public static let record = ComponentRecord(
    "adadelta", "steps by the ratio of running root mean squares of steps and of gradients",
    settings: commonSettings + [
      setting("rho", \.rho, in: .decay, "the share of the running means that stays in each step"),
      setting("epsilon", \.epsilon, in: .nonNegative, "added to both mean squares, inside the roots"),
    ])

  public func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    // a ← ρ a + (1 − ρ) g²
    let oldSquare = try state.zeros("accumulated_grad")
    let square = try state.advance(oldSquare, to: oldSquare * rho + g * g * (1 - rho))
    // Δ = g √(d + ε) / √(a + ε), d ← ρ d + (1 − ρ) Δ²
    let oldChange = try state.zeros("accumulated_delta_var")
    let change = try (oldChange + epsilon).sqrt() * g / (square + epsilon).sqrt()
    try state.advance(oldChange, to: oldChange * rho + change * change * (1 - rho))
    // w ← w − η Δ
    return try w - change * rate
  }
}

extension Optimizer where Self == Adadelta {
  /// Steps by the ratio of running root mean squares of steps and of gradients. The other options are those of `OptimizerOptions`.
  public static func adadelta(
    learningRate: LearningRate = Adadelta().options.learningRate, rho: Double = Adadelta().rho,
    epsilon: Double = Adadelta().epsilon, weightDecay: Double? = nil, clipNorm: Double? = nil, clipValue: Double? = nil,
    globalClipNorm: Double? = nil, useEMA: Bool = false, emaMomentum: Double = 0.99, emaOverwriteFrequency: Int? = nil,
    gradientAccumulationSteps: Int? = nil
  ) -> Adadelta {
    Adadelta(
      options: OptimizerOptions(
        learningRate: learningRate, weightDecay: weightDecay, clipNorm: clipNorm, clipValue: clipValue,
        globalClipNorm: globalClipNorm, useEMA: useEMA, emaMomentum: emaMomentum,
        emaOverwriteFrequency: emaOverwriteFrequency, gradientAccumulationSteps: gradientAccumulationSteps), rho: rho,
      epsilon: epsilon)
  }
}
