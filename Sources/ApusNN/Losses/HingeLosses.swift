import ApusGraph
import ApusOperators

/// max(0, 1 − t p), mean over the last axis; targets are −1 and 1, or 0 and 1.
struct HingeLoss: LossFunction {
  static let record = ComponentRecord(
    "hinge", "max(0, 1 − t p), mean over the last axis; targets are −1 and 1, or 0 and 1")

  var decisionThreshold: Double? { 0 }

  func losses(of prediction: Value, against target: Value) throws -> Value {
    try shortfall(prediction, target).mean(axes: [-1])
  }
}

/// max(0, 1 − t p)², mean over the last axis; targets are −1 and 1, or 0 and 1.
struct SquaredHingeLoss: LossFunction {
  static let record = ComponentRecord(
    "squared_hinge", "max(0, 1 − t p)², mean over the last axis; targets are −1 and 1, or 0 and 1")

  var decisionThreshold: Double? { 0 }

  func losses(of prediction: Value, against target: Value) throws -> Value {
    try shortfall(prediction, target).square().mean(axes: [-1])
  }
}

/// max(0, 1 + the largest prediction of the other classes − the target's prediction); targets are one-hot.
struct CategoricalHingeLoss: LossFunction {
  static let record = ComponentRecord(
    "categorical_hinge", "max(0, 1 + max((1 − t) p) − Σ t p); targets are one-hot")

  func losses(of prediction: Value, against target: Value) throws -> Value {
    let right = try (target * prediction).sum(axes: [-1])
    let wrong = try ((1 - target) * prediction).max(axes: [-1])
    return try (wrong - right + 1).maximum(0)
  }
}

/// t max(0, m⁺ − p)² + λ (1 − t) max(0, p − m⁻)², summed over the classes: the loss of capsules, whose lengths are
/// predictions. Sabour, Frosst and Hinton 2017.
struct MarginLoss: LossFunction {
  var positiveMargin = 0.9
  var negativeMargin = 0.1
  var downWeighting = 0.5

  static let record = ComponentRecord(
    "margin", "t max(0, m⁺ − p)² + λ (1 − t) max(0, p − m⁻)², summed over the classes; for lengths of capsules",
    settings: [
      setting("positive_margin", \.positiveMargin, "m⁺: a class that is there costs nothing from this length on"),
      setting("negative_margin", \.negativeMargin, "m⁻: a class that is absent costs nothing up to this length"),
      setting("down_weighting", \.downWeighting, in: .nonNegative, "λ: the weight of the classes that are absent"),
    ])

  func losses(of prediction: Value, against target: Value) throws -> Value {
    let present = try (positiveMargin - prediction).maximum(0).square() * target
    let absent = try (prediction - negativeMargin).maximum(0).square() * (1 - target)
    return try (present + absent * downWeighting).sum(axes: [-1])
  }
}

/// max(0, 1 − t p) with targets of −1 and 1. If all targets of a batch are 0 or 1, 0 means −1: as Keras has it.
private func shortfall(_ prediction: Value, _ target: Value) throws -> Value {
  let areBinary = try target.equal(0).or(target.equal(1)).all()
  let signs = try areBinary.select(target * 2 - 1, target)
  return try (1 - signs * prediction).maximum(0)
}

extension Loss {
  /// max(0, 1 − t p), mean over the last axis; targets are −1 and 1, or 0 and 1.
  public static let hinge = Loss(HingeLoss())
  /// max(0, 1 − t p)², mean over the last axis; targets are −1 and 1, or 0 and 1.
  public static let squaredHinge = Loss(SquaredHingeLoss())
  /// max(0, 1 + the largest prediction of the other classes − the target's prediction); targets are one-hot.
  public static let categoricalHinge = Loss(CategoricalHingeLoss())

  /// The loss of capsules, whose lengths are predictions; targets are one-hot. Sabour, Frosst and Hinton 2017.
  /// - Parameters:
  ///   - positiveMargin: a class that is there costs nothing from this length on.
  ///   - negativeMargin: a class that is absent costs nothing up to this length.
  ///   - downWeighting: the weight of the classes that are absent.
  public static func margin(
    positiveMargin: Double = 0.9, negativeMargin: Double = 0.1, downWeighting: Double = 0.5
  ) -> Loss {
    Loss(
      MarginLoss(
        positiveMargin: positiveMargin, negativeMargin: negativeMargin, downWeighting: downWeighting))
  }
}
