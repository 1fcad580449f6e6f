import ApusGraph
import ApusOperators

/// Gradient descent, with momentum (Polyak 1964) and Nesterov's look-ahead (Sutskever et al. 2013).
public struct SGD: Optimizer {
  public var options = OptimizerOptions(learningRate: 0.01)
  public var momentum = 0.0
  public var nesterov = false

  public init() {}

  public init(
    options: OptimizerOptions = SGD().options, momentum: Double = SGD().momentum, nesterov: Bool = SGD().nesterov
  ) {
    self.options = options
    self.momentum = momentum
    self.nesterov = nesterov
  }

  public static let record = ComponentRecord(
    "sgd", "gradient descent, with momentum and Nesterov's look-ahead",
    settings: commonSettings + [
      setting("momentum", \.momentum, in: .share, "the share of the last step that is taken again"),
      setting("nesterov", \.nesterov, "whether the gradient is applied ahead of the momentum"),
    ])

  public func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    // w ← w − η g
    guard momentum != 0 else { return try w - g * rate }
    // m ← μ m − η g
    let old = try state.zeros("momentum")
    let m = try state.advance(old, to: old * momentum - g * rate)
    // w ← w + m, or with look-ahead w ← w + μ m − η g
    return nesterov ? try w + (m * momentum - g * rate) : try w + m
  }
}

extension Optimizer where Self == SGD {
  /// Gradient descent, with momentum and Nesterov's look-ahead. The other options are those of `OptimizerOptions`.
  public static func sgd(
    learningRate: LearningRate = SGD().options.learningRate, momentum: Double = SGD().momentum,
    nesterov: Bool = SGD().nesterov, weightDecay: Double? = nil, clipNorm: Double? = nil, clipValue: Double? = nil,
    globalClipNorm: Double? = nil, useEMA: Bool = false, emaMomentum: Double = 0.99, emaOverwriteFrequency: Int? = nil,
    gradientAccumulationSteps: Int? = nil
  ) -> SGD {
    SGD(
      options: OptimizerOptions(
        learningRate: learningRate, weightDecay: weightDecay, clipNorm: clipNorm, clipValue: clipValue,
        globalClipNorm: globalClipNorm, useEMA: useEMA, emaMomentum: emaMomentum,
        emaOverwriteFrequency: emaOverwriteFrequency, gradientAccumulationSteps: gradientAccumulationSteps),
      momentum: momentum, nesterov: nesterov)
  }
}
