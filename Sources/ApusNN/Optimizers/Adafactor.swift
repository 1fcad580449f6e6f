import ApusCore
import ApusGraph
import ApusOperators

/// Adam without momentum, whose mean squares of a matrix are kept as those of rows and of columns. Shazeer and Stern 2018.
/// The rate is at most 1 / √t, and relative to the root mean square of the variable.
public struct Adafactor: Optimizer {
  public var options = OptimizerOptions(learningRate: 0.001)
  public var beta2Decay = -0.8
  public var epsilon1 = 1e-30
  public var epsilon2 = 1e-3
  public var clipThreshold = 1.0

  public init() {}

  public init(
    options: OptimizerOptions = Adafactor().options, beta2Decay: Double = Adafactor().beta2Decay,
    epsilon1: Double = Adafactor().epsilon1, epsilon2: Double = Adafactor().epsilon2,
    clipThreshold: Double = Adafactor().clipThreshold
  ) {
    self.options = options
    self.beta2Decay = beta2Decay
    self.epsilon1 = epsilon1
    self.epsilon2 = epsilon2
    self.clipThreshold = clipThreshold
  }

  public static let record = ComponentRecord(
    "adafactor", "mean squares of a matrix kept as those of its rows and columns: little memory",
    settings: commonSettings + [
      setting(
        "beta_2_decay", \.beta2Decay, in: .nonPositive,
        "1 − t^this is the share of the mean squares that stays in step t"),
      setting("epsilon_1", \.epsilon1, in: .nonNegative, "added to the squares of gradients"),
      setting("epsilon_2", \.epsilon2, in: .nonNegative, "the least scale of a variable"),
      setting(
        "clip_threshold", \.clipThreshold, in: .positive, "the largest root mean square of a step, before the rate"),
    ])

  public func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    func rms(_ x: Value) throws -> Value { try x.square().mean().sqrt() }
    // ρₜ = min(η, 1 / √t), α = max(ε₂, RMS(w)) ρₜ, β₂ₜ = 1 − t^decay
    let alpha = try rms(w).maximum(epsilon2) * rate.minimum(step.rsqrt())
    let part = try step.power(beta2Decay)
    let square = try g * g + epsilon1
    let v: Value
    if w.rank >= 2 {
      let dims = w.shape.dims
      let oldRow = try state.slot("row", shape: Shape(Array(dims.dropLast())), .zeros)
      let row = try state.advance(oldRow, to: oldRow * (1 - part) + square.mean(axes: [-1]) * part)
      let oldColumn = try state.slot("column", shape: Shape(dims.dropLast(2) + dims.suffix(1)), .zeros)
      let column = try state.advance(oldColumn, to: oldColumn * (1 - part) + square.mean(axes: [-2]) * part)
      let share = try row / row.mean(axes: [-1], keepDims: true)
      v = try share.expandedDims(at: share.rank) * column.expandedDims(at: column.rank - 1)
    } else {
      let old = try state.zeros("velocity")
      v = try state.advance(old, to: old * (1 - part) + square * part)
    }
    // w ← w − α u / max(1, RMS(u) / threshold) with u = g / √v
    let u = try g / v.sqrt()
    return try w - u / (rms(u) / clipThreshold).maximum(1) * alpha
  }
}

extension Optimizer where Self == Adafactor {
  /// Mean squares of a matrix kept as those of its rows and columns: little memory. The other options are those of `OptimizerOptions`.
  public static func adafactor(
    learningRate: LearningRate = Adafactor().options.learningRate, beta2Decay: Double = Adafactor().beta2Decay,
    epsilon1: Double = Adafactor().epsilon1, epsilon2: Double = Adafactor().epsilon2,
    clipThreshold: Double = Adafactor().clipThreshold, weightDecay: Double? = nil, clipNorm: Double? = nil,
    clipValue: Double? = nil, globalClipNorm: Double? = nil, useEMA: Bool = false, emaMomentum: Double = 0.99,
    emaOverwriteFrequency: Int? = nil, gradientAccumulationSteps: Int? = nil
  ) -> Adafactor {
    Adafactor(
      options: OptimizerOptions(
        learningRate: learningRate, weightDecay: weightDecay, clipNorm: clipNorm, clipValue: clipValue,
        globalClipNorm: globalClipNorm, useEMA: useEMA, emaMomentum: emaMomentum,
        emaOverwriteFrequency: emaOverwriteFrequency, gradientAccumulationSteps: gradientAccumulationSteps),
      beta2Decay: beta2Decay, epsilon1: epsilon1, epsilon2: epsilon2, clipThreshold: clipThreshold)
  }
}
