import ApusGraph
import ApusOperators

/// Cross-entropy of yes-or-no answers, times (1 − p of the right answer)^γ: what is answered well weighs less. Lin et al.
/// 2017.
struct BinaryFocalCrossEntropyLoss: LossFunction {
  var applyClassBalancing = false
  var alpha = 0.25
  var gamma = 2.0
  var fromLogits = false
  var labelSmoothing = 0.0

  static let record = ComponentRecord(
    "binary_focal_crossentropy", "binary cross-entropy times (1 − p of the right answer)^γ, mean over the last axis",
    settings: [
      setting("apply_class_balancing", \.applyClassBalancing, "whether 1 weighs α, and 0 weighs 1 − α"),
      setting("alpha", \.alpha, in: .share, "α, the weight of 1"), gammaSetting(\.gamma),
      fromLogitsSetting(\.fromLogits), labelSmoothingSetting(\.labelSmoothing),
    ])

  /// The probability ½, or its logit.
  var decisionThreshold: Double? { fromLogits ? 0 : 0.5 }

  func losses(of prediction: Value, against target: Value) throws -> Value {
    let p = try (fromLogits ? prediction.sigmoid() : prediction).guarded()
    let t = try labelSmoothing == 0 ? target : target * (1 - labelSmoothing) + 0.5 * labelSmoothing
    let entropy = try -(t * p.log() + (1 - t) * (1 - p).log())
    // 1 − p of the right answer
    let missing = try 1 - (t * p + (1 - t) * (1 - p))
    var loss = try missing.power(gamma) * entropy
    if applyClassBalancing { loss = try loss * (t * alpha + (1 - t) * (1 - alpha)) }
    return try loss.mean(axes: [-1])
  }
}

/// −Σ α (1 − p)^γ t ln p over the last axis; targets are distributions over classes. Lin et al. 2017.
struct CategoricalFocalCrossEntropyLoss: LossFunction {
  var alpha = 0.25
  var gamma = 2.0
  var fromLogits = false
  var labelSmoothing = 0.0

  static let record = ComponentRecord(
    "categorical_focal_crossentropy", "−Σ α (1 − p)^γ t ln p; targets are distributions over classes",
    settings: [
      setting("alpha", \.alpha, in: .share, "α, which scales the loss"), gammaSetting(\.gamma),
      fromLogitsSetting(\.fromLogits), labelSmoothingSetting(\.labelSmoothing),
    ])

  func losses(of prediction: Value, against target: Value) throws -> Value {
    let share = try fromLogits ? prediction.softmax() : prediction / prediction.sum(axes: [-1], keepDims: true)
    let p = try share.guarded()
    var t = target
    if labelSmoothing != 0 {
      let classes = try prediction.size(axis: prediction.rank - 1).cast(to: t.dtype)
      t = try t * (1 - labelSmoothing) + labelSmoothing / classes
    }
    return try -((1 - p).power(gamma) * t * p.log()).sum(axes: [-1]) * alpha
  }
}

/// (1 − p^q) / q with p the probability of the label: between cross-entropy (q → 0) and absolute error (q = 1), for labels
/// some of which are wrong. Zhang and Sabuncu 2018.
struct GeneralizedCrossEntropyLoss: LossFunction {
  var q = 0.5

  static let takesClassNumbers = true
  static let record = ComponentRecord(
    "categorical_generalized_cross_entropy", "(1 − p(label)^q) / q; for labels some of which are wrong",
    settings: [
      setting(
        "q", \.q, in: SettingRange(0, includesLower: false, 1, includesUpper: true),
        "0 is near cross-entropy, 1 is the absolute error")
    ])

  func losses(of prediction: Value, against target: Value) throws -> Value {
    let classes = prediction.shape.dims.last?.number ?? 0
    let labels = try target.oneHot(depth: classes, dtype: prediction.dtype)
    let p = try (prediction * labels).sum(axes: [-1]).maximum(Epsilon.value)
    return try (1 - p.power(q)) / q
  }
}

extension LossFunction {
  fileprivate static func gammaSetting(_ property: WritableKeyPath<Self, Double> & Sendable) -> SettingRecord {
    setting("gamma", property, in: .nonNegative, "γ: how much less what is answered well weighs; 0 is cross-entropy")
  }
}

extension Loss {
  /// Binary cross-entropy times (1 − p of the right answer)^γ, mean over the last axis. Lin et al. 2017.
  public static func binaryFocalCrossEntropy(
    applyClassBalancing: Bool = false, alpha: Double = 0.25, gamma: Double = 2, fromLogits: Bool = false,
    labelSmoothing: Double = 0
  ) -> Loss {
    Loss(
      BinaryFocalCrossEntropyLoss(
        applyClassBalancing: applyClassBalancing, alpha: alpha, gamma: gamma, fromLogits: fromLogits,
        labelSmoothing: labelSmoothing))
  }

  /// −Σ α (1 − p)^γ t ln p; targets are distributions over classes. Lin et al. 2017.
  public static func categoricalFocalCrossEntropy(
    alpha: Double = 0.25, gamma: Double = 2, fromLogits: Bool = false, labelSmoothing: Double = 0
  ) -> Loss {
    Loss(
      CategoricalFocalCrossEntropyLoss(
        alpha: alpha, gamma: gamma, fromLogits: fromLogits, labelSmoothing: labelSmoothing))
  }

  /// (1 − p(label)^q) / q; labels are class numbers, some of which may be wrong. Zhang and Sabuncu 2018.
  public static func categoricalGeneralizedCrossEntropy(q: Double = 0.5) -> Loss {
    Loss(GeneralizedCrossEntropyLoss(q: q))
  }
}
