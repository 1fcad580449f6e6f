import ApusCore
import ApusGraph
import ApusOperators

/// The share of right answers. Like Keras's 'accuracy' it picks its meaning by shape: class numbers against the largest
/// prediction, a single output against the threshold ½, else largest against largest.
struct Accuracy: MetricFunction {
  static let largerIsBetter = true
  static let record = ComponentRecord(
    "accuracy", aliases: ["acc"], "the share of right answers; what is right follows from the targets' shape")

  func values(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    if takesClassNumbers { return try matches(target, prediction) }
    if prediction.shape.dims.last == 1 { return try sides(target, prediction) }
    return try matches(target.argMax(), prediction)
  }
}

/// The share of outputs on the target's side of a threshold.
struct BinaryAccuracy: MetricFunction {
  var threshold = 0.5

  static let largerIsBetter = true
  static let record = ComponentRecord(
    "binary_accuracy", "the share of outputs on the target's side of a threshold",
    settings: [setting("threshold", \.threshold, "above which an output is yes")])

  func values(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    try sides(target, prediction, threshold)
  }
}

/// How often the largest prediction is where the target is largest.
struct CategoricalAccuracy: MetricFunction {
  static let largerIsBetter = true
  static let record = ComponentRecord(
    "categorical_accuracy", "how often the largest prediction is where the target is largest")

  func values(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    try matches(target.argMax(), prediction)
  }
}

/// How often the largest prediction is at the class number.
struct SparseCategoricalAccuracy: MetricFunction {
  static let largerIsBetter = true
  static let record = ComponentRecord(
    "sparse_categorical_accuracy", "how often the largest prediction is at the class number")

  func values(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    try matches(target, prediction)
  }
}

private func matches(_ labels: Value, _ prediction: Value) throws -> Value {
  guard labels.shape.dims == prediction.shape.dims.dropLast() else {
    throw ApusError.input("class numbers of shape \(labels.shape) do not fit outputs of shape \(prediction.shape)")
  }
  return try prediction.argMax().equal(labels.cast(to: .i64)).cast(to: prediction.dtype)
}

private func sides(_ target: Value, _ prediction: Value, _ threshold: Double = 0.5) throws -> Value {
  guard target.shape == prediction.shape else {
    throw ApusError.input("targets of shape \(target.shape) do not fit outputs of shape \(prediction.shape)")
  }
  return try prediction.greater(threshold).equal(target.greater(0.5)).cast(to: prediction.dtype)
}

extension Metric {
  /// The share of right answers; what is right follows from the targets' shape.
  public static let accuracy = Metric(Accuracy())
  /// The share of outputs on the target's side of ½.
  public static let binaryAccuracy = Metric(BinaryAccuracy())
  /// How often the largest prediction is where the target is largest.
  public static let categoricalAccuracy = Metric(CategoricalAccuracy())
  /// How often the largest prediction is at the class number.
  public static let sparseCategoricalAccuracy = Metric(SparseCategoricalAccuracy())
  /// (t − p)², mean over the last axis.
  public static let meanSquaredError = Metric(LossMetric<MeanSquaredErrorLoss>())
  /// |t − p|, mean over the last axis.
  public static let meanAbsoluteError = Metric(LossMetric<MeanAbsoluteErrorLoss>())
  /// The cross-entropy of yes and no, without the penalties that training adds to a loss.
  public static let binaryCrossEntropy = Metric(LossMetric<BinaryCrossEntropyLoss>())
  /// The cross-entropy of targets that are probabilities, without the penalties that training adds to a loss.
  public static let categoricalCrossEntropy = Metric(LossMetric<CategoricalCrossEntropyLoss>())
  /// The cross-entropy of targets that are class numbers, without the penalties that training adds to a loss.
  public static let sparseCategoricalCrossEntropy = Metric(LossMetric<SparseCategoricalCrossEntropyLoss>())

  /// How often the target's class is among the k largest predictions.
  public static func topKCategoricalAccuracy(k: Int = 5) -> Metric { Metric(TopKCategoricalAccuracy(k: k)) }
  /// How often the label is among the k largest predictions.
  public static func sparseTopKCategoricalAccuracy(k: Int = 5) -> Metric { Metric(SparseTopKCategoricalAccuracy(k: k)) }
  /// The share of right ones among what is predicted yes.
  /// - Parameters:
  ///   - threshold: above which a prediction is yes; nil: ½, or no limit with `topK`.
  ///   - topK: how many of the largest predictions of a row can be yes; all if nil.
  ///   - classID: the only class that counts; all if nil.
  public static func precision(threshold: Double? = nil, topK: Int? = nil, classID: Int? = nil) -> Metric {
    Metric(Precision(options: DecisionOptions(threshold: threshold, topK: topK, classID: classID)))
  }
  /// The share of what is yes that is predicted so; parameters as of `precision`.
  public static func recall(threshold: Double? = nil, topK: Int? = nil, classID: Int? = nil) -> Metric {
    Metric(Recall(options: DecisionOptions(threshold: threshold, topK: topK, classID: classID)))
  }
  /// The harmonic mean of precision and recall, averaged over classes.
  /// - Parameter threshold: above which a prediction is yes; the largest of a row if nil.
  public static func f1Score(average: ClassAverage = .macro, threshold: Double? = nil) -> Metric {
    Metric(F1Score(average: average, threshold: threshold))
  }
  /// The area under the curve of true over false positives, or of precision over recall.
  public static func auc(thresholds: Int = 200, curve: AUCCurve = .roc, fromLogits: Bool = false) -> Metric {
    Metric(AUC(thresholdCount: thresholds, curve: curve, fromLogits: fromLogits))
  }
  /// Intersection over union of each class, averaged.
  public static let meanIoU = Metric(MeanIoU())
  /// 1 − Σ (t − p)² / Σ (t − mean t)².
  public static let r2Score = Metric(R2Score())
  /// √(mean of (t − p)²) over all elements.
  public static let rootMeanSquaredError = Metric(RootMeanSquaredError())
}
