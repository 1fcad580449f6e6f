import ApusCore
import ApusGraph
import ApusOperators

/// The share of right answers. Like Keras's 'accuracy' it picks its meaning by shape: class numbers against the largest
/// prediction, a single output against the threshold ½, else largest against largest.
struct Accuracy: MetricFunction {
  static let record = ComponentRecord(
    "accuracy", aliases: ["acc"], "the share of right answers; what is right follows from the targets' shape")

  func values(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    if takesClassNumbers { return try matches(target, prediction) }
    if prediction.shape.dims.last == 1 { return try sides(target, prediction) }
    return try matches(target.argMax(), prediction)
  }
}

/// The share of outputs on the target's side of ½.
struct BinaryAccuracy: MetricFunction {
  static let record = ComponentRecord("binary_accuracy", "the share of outputs on the target's side of ½")

  func values(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    try sides(target, prediction)
  }
}

/// How often the largest prediction is where the target is largest.
struct CategoricalAccuracy: MetricFunction {
  static let record = ComponentRecord(
    "categorical_accuracy", "how often the largest prediction is where the target is largest")

  func values(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    try matches(target.argMax(), prediction)
  }
}

/// How often the largest prediction is at the class number.
struct SparseCategoricalAccuracy: MetricFunction {
  static let record = ComponentRecord(
    "sparse_categorical_accuracy", "how often the largest prediction is at the class number")

  func values(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    try matches(target, prediction)
  }
}

/// (t − p)², mean over the last axis.
struct MeanSquaredErrorMetric: MetricFunction {
  static let record = MeanSquaredErrorLoss.record

  func values(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    try prediction.meanSquaredError(target: target)
  }
}

/// |t − p|, mean over the last axis.
struct MeanAbsoluteErrorMetric: MetricFunction {
  static let record = MeanAbsoluteErrorLoss.record

  func values(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    try prediction.meanAbsoluteError(target: target)
  }
}

private func matches(_ labels: Value, _ prediction: Value) throws -> Value {
  guard labels.shape.dims == prediction.shape.dims.dropLast() else {
    throw ApusError.input("class numbers of shape \(labels.shape) do not fit outputs of shape \(prediction.shape)")
  }
  return try prediction.argMax().equal(labels.cast(to: .i64)).cast(to: prediction.dtype)
}

private func sides(_ target: Value, _ prediction: Value) throws -> Value {
  guard target.shape == prediction.shape else {
    throw ApusError.input("targets of shape \(target.shape) do not fit outputs of shape \(prediction.shape)")
  }
  return try prediction.greater(0.5).equal(target.greater(0.5)).cast(to: prediction.dtype)
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
  public static let meanSquaredError = Metric(MeanSquaredErrorMetric())
  /// |t − p|, mean over the last axis.
  public static let meanAbsoluteError = Metric(MeanAbsoluteErrorMetric())
}
