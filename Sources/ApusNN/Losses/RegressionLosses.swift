import ApusGraph
import ApusOperators

/// (t − p)², mean over the last axis.
struct MeanSquaredErrorLoss: LossFunction {
  static let record = ComponentRecord("mean_squared_error", aliases: ["mse"], "(t − p)², mean over the last axis")

  func losses(of prediction: Value, against target: Value) throws -> Value {
    try prediction.meanSquaredError(target: target)
  }
}

/// |t − p|, mean over the last axis.
struct MeanAbsoluteErrorLoss: LossFunction {
  static let record = ComponentRecord("mean_absolute_error", aliases: ["mae"], "|t − p|, mean over the last axis")

  func losses(of prediction: Value, against target: Value) throws -> Value {
    try prediction.meanAbsoluteError(target: target)
  }
}

/// Quadratic up to δ, linear beyond, mean over the last axis. Huber 1964.
struct HuberLoss: LossFunction {
  var delta = 1.0

  static let record = ComponentRecord(
    "huber", "quadratic up to δ, linear beyond, mean over the last axis",
    settings: [setting("delta", \.delta, in: .positive, "the error at which the loss becomes linear")])

  func losses(of prediction: Value, against target: Value) throws -> Value {
    try prediction.huber(target: target, delta: delta)
  }
}

extension Loss {
  /// (t − p)², mean over the last axis.
  public static let meanSquaredError = Loss(MeanSquaredErrorLoss())

  /// |t − p|, mean over the last axis.
  public static let meanAbsoluteError = Loss(MeanAbsoluteErrorLoss())

  /// Quadratic up to δ, linear beyond, mean over the last axis. Huber 1964.
  public static let huber = Loss(HuberLoss())
  public static func huber(delta: Double) -> Loss { Loss(HuberLoss(delta: delta)) }
}
