import ApusCore
import ApusGraph
import ApusOperators

/// √(mean of (t − p)²) over all elements.
struct RootMeanSquaredError: AccumulatedMetric {
  static let record = ComponentRecord(
    "root_mean_squared_error", aliases: ["rmse"], "√(mean of (t − p)²) over all elements")

  func statistics(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    let errors = try (prediction - target.targets(like: prediction, areClassNumbers: takesClassNumbers)).square()
    return try .row([errors.sum(), errors.counted()])
  }

  func result(_ sums: [Double]) -> Double { sums[0].over(sums[1]).squareRoot() }
}

/// 1 − Σ (t − p)² / Σ (t − mean t)² of each output, averaged: 1 is a perfect prediction, 0 that of the mean.
struct R2Score: AccumulatedMetric {
  enum Aggregation: String, SettingChoice, Sendable {
    case uniform = "uniform_average"
    case variance = "variance_weighted_average"
  }
  var aggregation = Aggregation.uniform
  var regressorCount = 0

  static let largerIsBetter = true
  static let record = ComponentRecord(
    "r2_score", aliases: ["r2"], "1 − Σ (t − p)² / Σ (t − mean t)²: 1 is perfect, 0 as good as the mean",
    settings: [
      setting("class_aggregation", \.aggregation, "whether all outputs count the same, or by their variance"),
      setting("num_regressors", \.regressorCount, in: .nonNegative, "of how many inputs the score is corrected for"),
    ])

  func statistics(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    // In double precision: the variance is a small difference of large sums.
    let p = try prediction.cast(to: .f64)
    let t = try target.targets(like: prediction, areClassNumbers: takesClassNumbers).cast(to: .f64)
    let axes = Array(0..<(p.rank - 1))
    return try .row([
      t.sum(axes: axes), t.square().sum(axes: axes), (t - p).square().sum(axes: axes), t.counted(axes: axes),
    ])
  }

  func result(_ sums: [Double]) -> Double {
    let outputs = sums.count / 4
    var (score, weight, count) = (0.0, 0.0, 0.0)
    for i in 0..<outputs {
      let (sum, squares, errors, n) = (sums[i], sums[outputs + i], sums[2 * outputs + i], sums[3 * outputs + i])
      let total = squares - sum * sum.over(n)
      let raw = 1 - errors / total
      let share = aggregation == .uniform ? 1 : total
      score += (raw.isInfinite ? 0 : raw) * share
      weight += share
      count += n
    }
    score /= weight
    let rest = count - Double(regressorCount) - 1
    return regressorCount == 0 || rest <= 0 ? score : 1 - (1 - score) * (count - 1) / rest
  }
}

/// How much predicted and actual areas of each class overlap, over what either covers; averaged over the classes that are
/// there.
struct MeanIoU: AccumulatedMetric {
  static let largerIsBetter = true
  static let record = ComponentRecord(
    "mean_iou", aliases: ["mean_io_u"], "intersection over union of each class, averaged; for masks of images")

  func statistics(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    let predicted: Value
    let actual: Value
    if prediction.shape.dims.last == 1, !takesClassNumbers {
      // One output: yes is a class, no is another.
      func both(_ x: Value) throws -> Value {
        let yes = try x.greater(0.5).cast(to: prediction.dtype)
        return try concatenate([1 - yes, yes], axis: x.rank - 1)
      }
      (predicted, actual) = (try both(prediction), try both(target.targets(like: prediction, areClassNumbers: false)))
    } else {
      let classes = prediction.shape.dims.last?.number ?? 0
      predicted = try prediction.argMax().oneHot(depth: classes, dtype: prediction.dtype)
      actual = try target.labels(of: prediction, areClassNumbers: takesClassNumbers)
        .oneHot(depth: classes, dtype: prediction.dtype)
    }
    let axes = Array(0..<(predicted.rank - 1))
    return try .row([(predicted * actual).sum(axes: axes), predicted.sum(axes: axes), actual.sum(axes: axes)])
  }

  func result(_ sums: [Double]) -> Double {
    let classes = sums.count / 3
    let unions = (0..<classes).map { sums[classes + $0] + sums[2 * classes + $0] - sums[$0] }
    let shares = (0..<classes).filter { unions[$0] > 0 }.map { sums[$0] / unions[$0] }
    return shares.reduce(0, +).over(Double(shares.count))
  }
}
