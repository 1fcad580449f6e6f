import ApusGraph
import ApusOperators

/// Half a cosine from one rate to a share of it, after a linear rise if there is a warm-up. Loshchilov and Hutter 2017.
public struct CosineDecay: LearningRateSchedule {
  public var initialLearningRate = 0.0
  public var decaySteps = 1
  public var alpha = 0.0
  public var warmupTarget: Double?
  public var warmupSteps = 0

  public init() {}

  public static let record = ComponentRecord(
    "cosine_decay", "half a cosine down to alpha of the rate, after a linear rise if there is a warm-up",
    settings: decaySettings(\.initialLearningRate, \.decaySteps) + [
      setting("alpha", \.alpha, in: .nonNegative, "the last rate over the first, or over warmup_target"),
      setting(
        "warmup_target", \.warmupTarget, in: .nonNegative, "the rate at the end of the rise; none: there is none"),
      setting("warmup_steps", \.warmupSteps, in: .nonNegative, "how many steps the rise takes"),
    ])

  public func rate(at step: Value) throws -> Value {
    let warmup = warmupTarget == nil ? 0 : Double(warmupSteps)
    let top = warmupTarget ?? initialLearningRate
    let share = try ((step - warmup).maximum(0) / Double(decaySteps)).minimum(1)
    let decayed = try share.halfCosine(to: alpha) * top
    guard warmup > 0 else { return decayed }
    let rising = try step * ((top - initialLearningRate) / warmup) + initialLearningRate
    return try step.less(warmup).select(rising, decayed)
  }
}

/// Half cosines, each longer than the one before and from a lower rate. Loshchilov and Hutter 2017.
public struct CosineDecayRestarts: LearningRateSchedule {
  public var initialLearningRate = 0.0
  public var firstDecaySteps = 1
  public var lengthFactor = 2.0
  public var rateFactor = 1.0
  public var alpha = 0.0

  public init() {}

  public static let record = ComponentRecord(
    "cosine_decay_restarts", "half cosines, each t_mul times as long as the one before, from m_mul of its rate",
    settings: decaySettings(\.initialLearningRate, \.firstDecaySteps, steps: "first_decay_steps") + [
      setting(
        "t_mul", \.lengthFactor, in: SettingRange(1, includesLower: true, .infinity, includesUpper: false),
        "the length of a cosine over that of the one before"),
      setting("m_mul", \.rateFactor, in: .nonNegative, "the first rate of a cosine over that of the one before"),
      setting("alpha", \.alpha, in: .nonNegative, "the last rate of a cosine over the first one's first"),
    ])

  public func rate(at step: Value) throws -> Value {
    let turns = try step / Double(firstDecaySteps)
    let restarts: Value
    let share: Value
    if lengthFactor == 1 {
      restarts = try turns.floor()
      share = try turns - restarts
    } else {
      // After k restarts 1 + f + … + fᵏ⁻¹ = (1 − fᵏ) / (1 − f) first lengths are over. The quotient of logarithms may be a
      // little less than the whole number that it is at a restart.
      let logarithm = try (1 + turns * (lengthFactor - 1)).log() / turns.scalar(lengthFactor).log()
      restarts = try (logarithm + 1e-9).floor()
      let length = try turns.scalar(lengthFactor).power(restarts)
      share = try (turns - (length - 1) / (lengthFactor - 1)) / length
    }
    let scale = try turns.scalar(rateFactor).power(restarts)
    return try ((share * .pi).cos() + 1) * scale * (0.5 * (1 - alpha) * initialLearningRate)
      + alpha * initialLearningRate
  }
}

extension Value {
  /// From 1 at 0 to `last` at 1.
  fileprivate func halfCosine(to last: Double) throws -> Value {
    try ((self * .pi).cos() + 1) * (0.5 * (1 - last)) + last
  }
}
