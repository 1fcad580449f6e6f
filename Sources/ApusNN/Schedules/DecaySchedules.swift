import ApusGraph
import ApusOperators

/// η₀ · r^(t / n): the rate is multiplied by r in n steps.
public struct ExponentialDecay: LearningRateSchedule {
  public var initialLearningRate = 0.0
  public var decaySteps = 1
  public var decayRate = 1.0
  public var staircase = false

  public init() {}

  public static let record = ComponentRecord(
    "exponential_decay", "multiplied by decay_rate in each decay_steps steps",
    settings: decaySettings(\.initialLearningRate, \.decaySteps) + [
      setting(
        "decay_rate", \.decayRate, in: .nonNegative, "the rate after decay_steps over that before", required: true),
      staircaseSetting(\.staircase),
    ])

  public func rate(at step: Value) throws -> Value {
    let turns = try step / Double(decaySteps)
    return try step.scalar(decayRate).power(staircase ? turns.floor() : turns) * initialLearningRate
  }
}

/// η₀ / (1 + r t / n).
public struct InverseTimeDecay: LearningRateSchedule {
  public var initialLearningRate = 0.0
  public var decaySteps = 1
  public var decayRate = 1.0
  public var staircase = false

  public init() {}

  public static let record = ComponentRecord(
    "inverse_time_decay", "divided by 1 + decay_rate · step / decay_steps",
    settings: decaySettings(\.initialLearningRate, \.decaySteps) + [
      setting(
        "decay_rate", \.decayRate, in: .nonNegative, "what is added to the divisor in decay_steps", required: true),
      staircaseSetting(\.staircase),
    ])

  public func rate(at step: Value) throws -> Value {
    let turns = try step / Double(decaySteps)
    return try initialLearningRate / ((staircase ? turns.floor() : turns) * decayRate + 1)
  }
}

/// (η₀ − η₁)(1 − t / n)^p + η₁ for n steps, then η₁.
public struct PolynomialDecay: LearningRateSchedule {
  public var initialLearningRate = 0.0
  public var decaySteps = 1
  public var endLearningRate = 0.0001
  public var power = 1.0
  public var cycle = false

  public init() {}

  public static let record = ComponentRecord(
    "polynomial_decay", "from one rate to another along a power of the remaining steps",
    settings: decaySettings(\.initialLearningRate, \.decaySteps) + [
      setting("end_learning_rate", \.endLearningRate, in: .nonNegative, "the last rate"),
      setting("power", \.power, in: .nonNegative, "1 is a line"),
      setting("cycle", \.cycle, "whether the rate rises again after decay_steps, to decay over more of them"),
    ])

  public func rate(at step: Value) throws -> Value {
    let count = Double(decaySteps)
    // With cycles n grows to the next multiple of n, and is not 0 in step 0.
    let share = try cycle ? step / ((step / count).ceil().maximum(1) * count) : step.minimum(count) / count
    return try (1 - share).power(power) * (initialLearningRate - endLearningRate) + endLearningRate
  }
}

/// One of several rates, by the steps at which they change.
public struct PiecewiseConstantDecay: LearningRateSchedule {
  public var boundaries: [Int] = []
  public var values: [Double] = []

  public init() {}

  public static let record = ComponentRecord(
    "piecewise_constant_decay", "one of several rates, by the steps at which they change",
    settings: [
      setting("boundaries", \.boundaries, "the last steps of all rates but the last", required: true),
      setting("values", \.values, "the rates, one more than boundaries", required: true),
    ])

  public func checkConsistency() throws {
    try Self.require(
      values.count == boundaries.count + 1,
      "needs one value more than boundaries: \(boundaries.count + 1), not \(values.count)")
    try Self.require(
      zip(boundaries, boundaries.dropFirst()).allSatisfy(<), "needs boundaries that rise: not \(boundaries)")
    try Self.require(
      values.allSatisfy { $0.isFinite && $0 >= 0 }, "needs values that are at least 0: not \(values)")
  }

  public func rate(at step: Value) throws -> Value {
    var rate = try step.scalar(values.last ?? 0)
    for (boundary, value) in zip(boundaries, values).reversed() {
      rate = try step.lessEqual(Double(boundary)).select(step.scalar(value), rate)
    }
    return rate
  }
}

extension LearningRateSchedule {
  /// The first rate and the number of steps, with which most schedules begin.
  static func decaySettings(
    _ rate: WritableKeyPath<Self, Double> & Sendable, _ steps: WritableKeyPath<Self, Int> & Sendable,
    steps name: String = "decay_steps"
  ) -> [SettingRecord] {
    [
      setting("initial_learning_rate", rate, in: .nonNegative, "the rate of the first step", required: true),
      setting(name, steps, in: .positive, "how many steps the decay takes", required: true),
    ]
  }

  fileprivate static func staircaseSetting(_ property: WritableKeyPath<Self, Bool> & Sendable) -> SettingRecord {
    setting("staircase", property, "whether the rate stays the same within decay_steps")
  }
}
