import ApusCore
import ApusGraph
import ApusOperators

/// What training shows beside the loss: a mean over samples.
public struct Metric: Sendable {
  /// The name in logs and in `History`.
  public let name: String
  private let formula: @Sendable (_ target: Value, _ prediction: Value, _ takesClassNumbers: Bool) throws -> Value

  /// - Parameter formula: the metric of each sample; of shape (batch, …).
  public init(
    _ name: String,
    formula: @escaping @Sendable (_ target: Value, _ prediction: Value, _ takesClassNumbers: Bool) throws -> Value
  ) {
    self.name = name
    self.formula = formula
  }

  func mean(_ target: Value, _ prediction: Value, _ takesClassNumbers: Bool) throws -> Value {
    try formula(target, prediction, takesClassNumbers).mean()
  }

  /// The share of right answers. Like Keras's 'accuracy' it picks its meaning by shape: class numbers against the
  /// largest prediction, a single output against the threshold ½, else largest against largest.
  public static let accuracy = Metric("accuracy") { target, prediction, takesClassNumbers in
    if takesClassNumbers { return try matches(target, prediction) }
    if prediction.shape.dims.last == 1 { return try sides(target, prediction) }
    return try matches(target.argMax(), prediction)
  }

  /// The share of outputs on the target's side of ½.
  public static let binaryAccuracy = Metric("binary_accuracy") { target, prediction, _ in
    try sides(target, prediction)
  }

  /// How often the largest prediction stands where the target is largest.
  public static let categoricalAccuracy = Metric("categorical_accuracy") { target, prediction, _ in
    try matches(target.argMax(), prediction)
  }

  /// How often the largest prediction stands at the class number.
  public static let sparseCategoricalAccuracy = Metric("sparse_categorical_accuracy") { target, prediction, _ in
    try matches(target, prediction)
  }

  private static func matches(_ labels: Value, _ prediction: Value) throws -> Value {
    guard labels.shape.dims == prediction.shape.dims.dropLast() else {
      throw ApusError.input("class numbers of shape \(labels.shape) do not fit outputs of shape \(prediction.shape)")
    }
    return try prediction.argMax().equal(labels.cast(to: .i64)).cast(to: prediction.dtype)
  }

  private static func sides(_ target: Value, _ prediction: Value) throws -> Value {
    guard target.shape == prediction.shape else {
      throw ApusError.input("targets of shape \(target.shape) do not fit outputs of shape \(prediction.shape)")
    }
    return try prediction.greater(0.5).equal(target.greater(0.5)).cast(to: prediction.dtype)
  }

  public static let meanSquaredError = Metric("mean_squared_error") { target, prediction, _ in
    try prediction.meanSquaredError(target: target)
  }

  public static let meanAbsoluteError = Metric("mean_absolute_error") { target, prediction, _ in
    try prediction.meanAbsoluteError(target: target)
  }

  public static let names = [
    "accuracy", "acc", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "mean_squared_error",
    "mse", "mean_absolute_error", "mae",
  ]

  /// The metric of a name.
  /// - Throws: `ApusError` with a suggestion where there is none.
  public static func named(_ text: String) throws -> Metric {
    switch text {
    case "accuracy", "acc": return .accuracy
    case "binary_accuracy": return .binaryAccuracy
    case "categorical_accuracy": return .categoricalAccuracy
    case "sparse_categorical_accuracy": return .sparseCategoricalAccuracy
    case "mean_squared_error", "mse": return .meanSquaredError
    case "mean_absolute_error", "mae": return .meanAbsoluteError
    default: throw try NamedSpecification(text, kind: "metric").unknown(among: names)
    }
  }
}
