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
    let isRight: Value
    if takesClassNumbers {
      isRight = try prediction.argMax().equal(target.cast(to: .i64))
    } else if prediction.shape.dims.last == 1 {
      isRight = try prediction.greater(0.5).equal(target.greater(0.5))
    } else {
      isRight = try prediction.argMax().equal(target.argMax())
    }
    return try isRight.cast(to: prediction.dtype)
  }

  public static let meanSquaredError = Metric("mean_squared_error") { target, prediction, _ in
    try prediction.meanSquaredError(target: target)
  }

  public static let meanAbsoluteError = Metric("mean_absolute_error") { target, prediction, _ in
    try prediction.meanAbsoluteError(target: target)
  }

  public static let names = ["accuracy", "acc", "mean_squared_error", "mse", "mean_absolute_error", "mae"]

  /// The metric of a name.
  /// - Throws: `ApusError` with a suggestion where there is none.
  public static func named(_ text: String) throws -> Metric {
    switch text {
    case "accuracy", "acc": return .accuracy
    case "mean_squared_error", "mse": return .meanSquaredError
    case "mean_absolute_error", "mae": return .meanAbsoluteError
    default: throw try NamedSpecification(text, kind: "metric").unknown(among: names)
    }
  }
}
