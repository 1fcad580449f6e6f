import ApusCore
import ApusGraph
import ApusOperators

/// How often the target's class is among the k largest predictions.
protocol TopKAccuracy: MetricFunction {
  var k: Int { get set }
}

extension TopKAccuracy {
  static var largerIsBetter: Bool { true }
  static var settings: [SettingRecord] { [setting("k", \.k, in: .positive, "how many predictions count")] }

  func values(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    try prediction.isAmongLargest(k, target.labels(of: prediction, areClassNumbers: takesClassNumbers))
  }
}

/// The same for targets that are one-hot.
struct TopKCategoricalAccuracy: TopKAccuracy {
  var k = 5
  static let record = ComponentRecord(
    "top_k_categorical_accuracy", "how often the class where the target is largest is among the k largest predictions",
    settings: settings)
}

/// The same for labels.
struct SparseTopKCategoricalAccuracy: TopKAccuracy {
  var k = 5
  static let record = ComponentRecord(
    "sparse_top_k_categorical_accuracy", aliases: ["top_k"], "how often the label is among the k largest predictions",
    settings: settings)
}

/// The cosine of the angle between target and prediction.
struct CosineSimilarityMetric: MetricFunction {
  var axis = -1

  static let largerIsBetter = true
  static let record = ComponentRecord(
    "cosine_similarity", "the cosine of the angle between target and prediction",
    settings: [setting("axis", \.axis, "the axis whose elements are one vector")])

  func values(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    let target = try target.targets(like: prediction, areClassNumbers: takesClassNumbers)
    return try -CosineSimilarityLoss(axis: axis).losses(of: prediction, against: target)
  }
}

extension Value {
  /// 1 if fewer than k elements of a row are larger than that of the label. NaN is never among the largest.
  fileprivate func isAmongLargest(_ k: Int, _ labels: Value) throws -> Value {
    let chosen = try takeAlongAxis(labels.expandedDims(at: labels.rank), axis: -1)
    let isAmong = try greater(chosen).cast(to: dtype).sum(axes: [-1]).less(Double(k))
    return try isAmong.and(chosen.equal(chosen).squeezed(axis: -1)).cast(to: dtype)
  }
}
