import ApusGraph
import ApusOperators

/// −ln p(label); labels are class numbers.
struct SparseCategoricalCrossEntropyLoss: LossFunction {
  var fromLogits = false
  var ignoreClass: Int?

  static let takesClassNumbers = true
  static let record = ComponentRecord(
    "sparse_categorical_crossentropy", "−ln p(label); labels are class numbers",
    settings: [
      fromLogitsSetting(\.fromLogits),
      setting("ignore_class", \.ignoreClass, "a label whose samples do not count, as -1 or 255"),
    ])

  var takesOtherLabels: Bool { ignoreClass != nil }
  func accepts(label: Int, classes: Int) -> Bool { label == ignoreClass || 0..<classes ~= label }

  func losses(of prediction: Value, against target: Value) throws -> Value {
    var labels = target
    if let counts = try mask(of: prediction, against: target) {
      // What is ignored gets label 0, which every model has; the mask leaves its loss out.
      labels = try target.cast(to: .i64)
      labels = try counts.select(labels, labels.scalar(0))
    }
    return try prediction.sparseCategoricalCrossEntropy(labels: labels, fromLogits: fromLogits)
  }

  func mask(of prediction: Value, against target: Value) throws -> Value? {
    try ignoreClass.map { try target.cast(to: .i64).notEqual(Double($0)) }
  }
}

/// −Σ t ln p; targets are distributions over classes.
struct CategoricalCrossEntropyLoss: LossFunction {
  var fromLogits = false
  var labelSmoothing = 0.0

  static let record = ComponentRecord(
    "categorical_crossentropy", "−Σ t ln p; targets are distributions over classes",
    settings: [fromLogitsSetting(\.fromLogits), labelSmoothingSetting(\.labelSmoothing)])

  func losses(of prediction: Value, against target: Value) throws -> Value {
    try prediction.categoricalCrossEntropy(target: target, fromLogits: fromLogits, labelSmoothing: labelSmoothing)
  }
}

/// −t ln p − (1 − t) ln(1 − p), mean over the last axis.
struct BinaryCrossEntropyLoss: LossFunction {
  var fromLogits = false
  var labelSmoothing = 0.0

  static let record = ComponentRecord(
    "binary_crossentropy", aliases: ["bce"], "−t ln p − (1 − t) ln(1 − p), mean over the last axis",
    settings: [fromLogitsSetting(\.fromLogits), labelSmoothingSetting(\.labelSmoothing)])

  /// The probability ½, or its logit.
  var decisionThreshold: Double? { fromLogits ? 0 : 0.5 }

  func losses(of prediction: Value, against target: Value) throws -> Value {
    try prediction.binaryCrossEntropy(target: target, fromLogits: fromLogits, labelSmoothing: labelSmoothing)
  }
}

extension LossFunction {
  static func fromLogitsSetting(_ property: WritableKeyPath<Self, Bool> & Sendable) -> SettingRecord {
    setting("from_logits", property, "whether predictions are logits rather than probabilities")
  }

  static func labelSmoothingSetting(_ property: WritableKeyPath<Self, Double> & Sendable) -> SettingRecord {
    setting("label_smoothing", property, in: .share, "the share of each target that is spread over all classes")
  }
}

extension Loss {
  /// −ln p(label); labels are class numbers.
  public static let sparseCategoricalCrossEntropy = Loss(SparseCategoricalCrossEntropyLoss())
  /// - Parameter ignoreClass: a label whose samples do not count.
  public static func sparseCategoricalCrossEntropy(fromLogits: Bool = false, ignoreClass: Int? = nil) -> Loss {
    Loss(SparseCategoricalCrossEntropyLoss(fromLogits: fromLogits, ignoreClass: ignoreClass))
  }

  /// −Σ t ln p; targets are distributions over classes.
  public static let categoricalCrossEntropy = Loss(CategoricalCrossEntropyLoss())
  public static func categoricalCrossEntropy(fromLogits: Bool, labelSmoothing: Double = 0) -> Loss {
    Loss(CategoricalCrossEntropyLoss(fromLogits: fromLogits, labelSmoothing: labelSmoothing))
  }

  /// −t ln p − (1 − t) ln(1 − p), mean over the last axis.
  public static let binaryCrossEntropy = Loss(BinaryCrossEntropyLoss())
  public static func binaryCrossEntropy(fromLogits: Bool, labelSmoothing: Double = 0) -> Loss {
    Loss(BinaryCrossEntropyLoss(fromLogits: fromLogits, labelSmoothing: labelSmoothing))
  }
}
