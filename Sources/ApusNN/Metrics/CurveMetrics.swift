import ApusCore
import ApusGraph
import ApusOperators
import Foundation

/// The curve whose area `auc` is.
public enum AUCCurve: String, SettingChoice, Sendable {
  /// True positives over false ones.
  case roc = "ROC"
  /// Precision over recall.
  case pr = "PR"
}

/// The area under the curve that a decision's threshold draws, from counts at evenly spaced thresholds.
struct AUC: AccumulatedMetric {
  enum Summation: String, SettingChoice, Sendable {
    /// Trapezoids; for PR the interpolation of Davis and Goadrich 2006.
    case interpolation
    /// The higher end of each interval.
    case majoring
    /// The lower end of each interval.
    case minoring
  }
  var thresholdCount = 200
  var curve = AUCCurve.roc
  var summation = Summation.interpolation
  var fromLogits = false

  static let largerIsBetter = true
  static let record = ComponentRecord(
    "auc", "the area under the curve that a decision's threshold draws",
    settings: [
      setting(
        "num_thresholds", \.thresholdCount, in: SettingRange(2, includesLower: true, 1e6, includesUpper: true),
        "how many thresholds from 0 to 1"),
      setting("curve", \.curve, "true over false positives, or precision over recall"),
      setting("summation_method", \.summation, "how the area between thresholds is taken"),
      setting("from_logits", \.fromLogits, "whether predictions are logits rather than probabilities"),
    ])

  /// A little outside of 0 and 1 at the ends, as Keras has them.
  private var thresholds: [Double] {
    let inner = (0..<(thresholdCount - 2)).map { Double($0 + 1) / Double(thresholdCount - 1) }
    return [-Epsilon.value] + inner + [1 + Epsilon.value]
  }

  func statistics(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    let t = try target.targets(like: prediction, areClassNumbers: takesClassNumbers).greater(0.5).cast(
      to: prediction.dtype)
    let limits = try prediction.builder.constant(Tensor(thresholds, [thresholdCount])).cast(to: prediction.dtype)
    let p = try fromLogits ? prediction.sigmoid() : prediction
    let isYes = try p.expandedDims(at: p.rank).greater(limits).cast(to: p.dtype)
    let (yes, axes) = (try t.expandedDims(at: t.rank), Array(0..<p.rank))
    return try .row([
      (isYes * yes).sum(axes: axes), (isYes * (1 - yes)).sum(axes: axes), t.sum(), (1 - t).sum(),
    ])
  }

  func result(_ sums: [Double]) -> Double {
    let n = thresholdCount
    let (hits, alarms) = (sums[..<n], sums[n..<(2 * n)].map(\.self))
    let (positives, negatives) = (sums[2 * n], sums[2 * n + 1])
    if curve == .pr, summation == .interpolation { return interpolatedPR(Array(hits), alarms, positives) }
    let recall = hits.map { $0.over(positives) }
    let (x, y) =
      curve == .roc
      ? (alarms.map { $0.over(negatives) }, recall) : (recall, zip(hits, alarms).map { $0.over($0 + $1) })
    var area = 0.0
    for i in 0..<(n - 1) {
      let height: Double =
        switch summation {
        case .interpolation: (y[i] + y[i + 1]) / 2
        case .majoring: max(y[i], y[i + 1])
        case .minoring: min(y[i], y[i + 1])
        }
      area += (x[i] - x[i + 1]) * height
    }
    return area
  }

  /// Between thresholds true positives grow linearly with all positives: Davis and Goadrich 2006, "The relationship between
  /// precision-recall and ROC curves", as Keras integrates it.
  private func interpolatedPR(_ hits: [Double], _ alarms: [Double], _ positives: Double) -> Double {
    let all = zip(hits, alarms).map { $0 + $1 }
    var area = 0.0
    for i in 0..<(hits.count - 1) {
      let gained = hits[i] - hits[i + 1]
      let slope = gained.over(max(all[i] - all[i + 1], 0))
      let intercept = hits[i + 1] - slope * all[i + 1]
      let ratio = all[i] > 0 && all[i + 1] > 0 ? all[i] / all[i + 1] : 1
      area += (slope * (gained + intercept * Foundation.log(ratio))).over(positives)
    }
    return area
  }
}
