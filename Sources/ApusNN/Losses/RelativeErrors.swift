import ApusGraph
import ApusOperators

/// 100 · |t − p| / |t|, mean over the last axis; targets nearer to 0 than 10⁻⁷ count as 10⁻⁷.
struct MeanAbsolutePercentageErrorLoss: LossFunction {
  static let record = ComponentRecord(
    "mean_absolute_percentage_error", aliases: ["mape"], "100 · |t − p| / |t|, mean over the last axis")

  func losses(of prediction: Value, against target: Value) throws -> Value {
    try ((target - prediction) / target.abs().maximum(Epsilon.value)).abs().mean(axes: [-1]) * 100
  }
}

/// (ln(1 + p) − ln(1 + t))², mean over the last axis; predictions and targets below 10⁻⁷ count as 10⁻⁷.
struct MeanSquaredLogarithmicErrorLoss: LossFunction {
  static let record = ComponentRecord(
    "mean_squared_logarithmic_error", aliases: ["msle"], "(ln(1 + t) − ln(1 + p))², mean over the last axis")

  func losses(of prediction: Value, against target: Value) throws -> Value {
    let (p, t) = (try prediction.maximum(Epsilon.value), try target.maximum(Epsilon.value))
    return try (p.log1p() - t.log1p()).square().mean(axes: [-1])
  }
}

/// ln cosh(p − t), mean over the last axis: quadratic near the target, linear far from it.
struct LogCoshLoss: LossFunction {
  static let record = ComponentRecord(
    "log_cosh", aliases: ["logcosh"], "ln cosh(p − t), mean over the last axis")

  func losses(of prediction: Value, against target: Value) throws -> Value {
    // ln cosh e = |e| + ln(1 + e^(−2|e|)) − ln 2: no exponential overflows.
    let size = try (prediction - target).abs()
    return try (size + (size * -2).exp().log1p() - 0.693_147_180_559_945_3).mean(axes: [-1])
  }
}

/// p − t ln p, mean over the last axis: the negative log-likelihood of counts, but for a constant.
struct PoissonLoss: LossFunction {
  static let record = ComponentRecord("poisson", "p − t ln p, mean over the last axis; for counts")

  func losses(of prediction: Value, against target: Value) throws -> Value {
    try (prediction - target * (prediction + Epsilon.value).log()).mean(axes: [-1])
  }
}

/// What Keras adds, or cuts at, where a logarithm or a quotient would be infinite.
enum Epsilon {
  static let value = 1e-7
}

extension Loss {
  /// 100 · |t − p| / |t|, mean over the last axis.
  public static let meanAbsolutePercentageError = Loss(MeanAbsolutePercentageErrorLoss())
  /// (ln(1 + t) − ln(1 + p))², mean over the last axis.
  public static let meanSquaredLogarithmicError = Loss(MeanSquaredLogarithmicErrorLoss())
  /// ln cosh(p − t), mean over the last axis.
  public static let logCosh = Loss(LogCoshLoss())
  /// p − t ln p, mean over the last axis; for counts.
  public static let poisson = Loss(PoissonLoss())
}
