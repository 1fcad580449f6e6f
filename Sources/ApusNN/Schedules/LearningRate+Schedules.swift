/// `.adam(learningRate: .exponentialDecay(0.1, decaySteps: 1000, decayRate: 0.9))`
extension LearningRate {
  /// A schedule with other settings than its defaults.
  private static func schedule<T: LearningRateSchedule>(_ type: T.Type, _ set: (inout T) -> Void) -> LearningRate {
    var schedule = T()
    set(&schedule)
    return LearningRate(schedule)
  }

  /// initial · decayRate^(step / decaySteps).
  /// - Parameter staircase: whether the rate stays the same within `decaySteps`.
  public static func exponentialDecay(
    _ initial: Double, decaySteps: Int, decayRate: Double, staircase: Bool = false
  ) -> LearningRate {
    schedule(ExponentialDecay.self) {
      ($0.initialLearningRate, $0.decaySteps) = (initial, decaySteps)
      ($0.decayRate, $0.staircase) = (decayRate, staircase)
    }
  }

  /// initial / (1 + decayRate · step / decaySteps).
  /// - Parameter staircase: whether the rate stays the same within `decaySteps`.
  public static func inverseTimeDecay(
    _ initial: Double, decaySteps: Int, decayRate: Double, staircase: Bool = false
  ) -> LearningRate {
    schedule(InverseTimeDecay.self) {
      ($0.initialLearningRate, $0.decaySteps) = (initial, decaySteps)
      ($0.decayRate, $0.staircase) = (decayRate, staircase)
    }
  }

  /// From `initial` to `end` along a power of the steps that remain.
  /// - Parameter cycle: whether the rate rises again after `decaySteps`, to decay over more of them.
  public static func polynomialDecay(
    _ initial: Double, decaySteps: Int, end: Double = 0.0001, power: Double = 1, cycle: Bool = false
  ) -> LearningRate {
    schedule(PolynomialDecay.self) {
      ($0.initialLearningRate, $0.decaySteps, $0.endLearningRate) = (initial, decaySteps, end)
      ($0.power, $0.cycle) = (power, cycle)
    }
  }

  /// `values[0]` up to and including step `boundaries[0]`, then `values[1]`, and so on; one value more than boundaries.
  public static func piecewiseConstantDecay(boundaries: [Int], values: [Double]) -> LearningRate {
    schedule(PiecewiseConstantDecay.self) { ($0.boundaries, $0.values) = (boundaries, values) }
  }

  /// Half a cosine from `initial` to `alpha · initial`; with a warm-up a line from `initial` to `warmupTarget` first, and
  /// the cosine from there.
  public static func cosineDecay(
    _ initial: Double, decaySteps: Int, alpha: Double = 0, warmupTarget: Double? = nil, warmupSteps: Int = 0
  ) -> LearningRate {
    schedule(CosineDecay.self) {
      ($0.initialLearningRate, $0.decaySteps, $0.alpha) = (initial, decaySteps, alpha)
      ($0.warmupTarget, $0.warmupSteps) = (warmupTarget, warmupSteps)
    }
  }

  /// Half cosines, each `lengthFactor` times as long as the one before, from `rateFactor` of its rate.
  public static func cosineDecayRestarts(
    _ initial: Double, firstDecaySteps: Int, lengthFactor: Double = 2, rateFactor: Double = 1, alpha: Double = 0
  ) -> LearningRate {
    schedule(CosineDecayRestarts.self) {
      ($0.initialLearningRate, $0.firstDecaySteps) = (initial, firstDecaySteps)
      ($0.lengthFactor, $0.rateFactor, $0.alpha) = (lengthFactor, rateFactor, alpha)
    }
  }
}
