import ApusCore
import ApusGraph
import ApusOperators

/// Which predictions are yes, and for which classes that is asked.
struct DecisionOptions: Sendable {
  /// Above which a prediction is yes; ½ if nil, or no limit if `topK` is given.
  var threshold: Double?
  /// How many of the largest predictions of a row can be yes; all if nil.
  var topK: Int?
  /// The only class that counts; all if nil.
  var classID: Int?

  /// 1 for each yes, of the predictions and of the targets.
  func decisions(
    _ prediction: Value, _ target: Value, areClassNumbers: Bool
  ) throws -> (predicted: Value, actual: Value) {
    let actual = try target.targets(like: prediction, areClassNumbers: areClassNumbers)
    var isYes: Value?
    if threshold != nil || topK == nil { isYes = try prediction.greater(threshold ?? 0.5) }
    if let topK {
      let width = prediction.shape.dims.last?.number ?? 0
      guard topK <= width else { throw ApusError.input("'top_k' is \(topK), but there are \(width) outputs") }
      // Exactly so many, also if predictions are equal.
      let isLarge = try prediction.topK(topK).indices.oneHot(depth: width, dtype: .f32).sum(axes: [-2]).greater(0)
      isYes = try isYes?.and(isLarge) ?? isLarge
    }
    guard let isYes else { throw ApusError.defect("decisions without a rule") }
    let predicted = try isYes.cast(to: prediction.dtype)
    guard let classID else { return (predicted, actual) }
    let width = prediction.shape.dims.last?.number ?? 0
    guard 0..<width ~= classID else {
      throw ApusError.input("'class_id' is \(classID), but there are \(width) outputs")
    }
    return (
      try predicted.sliced(axis: -1, from: classID, to: classID + 1),
      try actual.sliced(axis: -1, from: classID, to: classID + 1)
    )
  }
}

/// A metric of yes-or-no decisions.
protocol DecisionMetric: AccumulatedMetric {
  var options: DecisionOptions { get set }
}

extension DecisionMetric {
  static var largerIsBetter: Bool { true }
  static var decisionSettings: [SettingRecord] {
    [
      setting("thresholds", \.options.threshold, "above which a prediction is yes; none: 0.5, or no limit with top_k"),
      setting("top_k", \.options.topK, in: .positive, "how many of the largest predictions can be yes; none: all"),
      setting("class_id", \.options.classID, in: .nonNegative, "the only class that counts; none: all"),
    ]
  }
}

/// The share of right ones among what is predicted yes.
struct Precision: DecisionMetric {
  var options = DecisionOptions()

  static let record = ComponentRecord(
    "precision", "the share of right ones among what is predicted yes", settings: decisionSettings)

  func statistics(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    let (predicted, actual) = try options.decisions(prediction, target, areClassNumbers: takesClassNumbers)
    return try .row([(predicted * actual).sum(), predicted.sum()])
  }

  func result(_ sums: [Double]) -> Double { sums[0].over(sums[1]) }
}

/// The share of what is yes that is predicted so.
struct Recall: DecisionMetric {
  var options = DecisionOptions()

  static let record = ComponentRecord(
    "recall", "the share of what is yes that is predicted so", settings: decisionSettings)

  func statistics(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    let (predicted, actual) = try options.decisions(prediction, target, areClassNumbers: takesClassNumbers)
    return try .row([(predicted * actual).sum(), actual.sum()])
  }

  func result(_ sums: [Double]) -> Double { sums[0].over(sums[1]) }
}

/// How scores of classes are averaged.
public enum ClassAverage: String, SettingChoice, Sendable {
  /// All decisions count the same.
  case micro
  /// All classes count the same.
  case macro
  /// Each class counts as often as it is there.
  case weighted
}

/// (1 + β²) · precision · recall / (β² · precision + recall) of each class, averaged.
struct FBetaScore: AccumulatedMetric {
  var beta = 1.0
  var average = ClassAverage.macro
  var threshold: Double?

  static let largerIsBetter = true
  static let record = ComponentRecord(
    "fbeta_score", "(1 + β²) · precision · recall / (β² · precision + recall), averaged over classes",
    settings: [
      setting("beta", \.beta, in: .positive, "how much more recall counts than precision"),
      averageSetting(\.average), thresholdSetting(\.threshold),
    ])

  func statistics(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    let actual = try target.targets(like: prediction, areClassNumbers: takesClassNumbers)
    let isYes: Value
    if let threshold {
      isYes = try prediction.greater(threshold)
    } else {
      // Rows of zeros have no largest element.
      isYes = try prediction.greaterEqual(prediction.max(axes: [-1], keepDims: true)).and(
        prediction.abs().greater(1e-9))
    }
    let predicted = try isYes.cast(to: prediction.dtype)
    let axes = Array(0..<(prediction.rank - 1))
    return try .row([(predicted * actual).sum(axes: axes), predicted.sum(axes: axes), actual.sum(axes: axes)])
  }

  func result(_ sums: [Double]) -> Double {
    let classes = sums.count / 3
    func score(_ both: Double, _ predicted: Double, _ actual: Double) -> Double {
      let precision = both / (predicted + Epsilon.value)
      let recall = both / (actual + Epsilon.value)
      return (1 + beta * beta) * precision * recall / (beta * beta * precision + recall + Epsilon.value)
    }
    func total(_ part: Int) -> Double { sums[(part * classes)..<((part + 1) * classes)].reduce(0, +) }
    if average == .micro { return score(total(0), total(1), total(2)) }
    let scores = (0..<classes).map { score(sums[$0], sums[classes + $0], sums[2 * classes + $0]) }
    let weights = (0..<classes).map { average == .macro ? 1 : sums[2 * classes + $0] }
    return zip(scores, weights).reduce(0) { $0 + $1.0 * $1.1 }.over(weights.reduce(0, +))
  }
}

/// The harmonic mean of precision and recall of each class, averaged.
struct F1Score: AccumulatedMetric {
  var average = ClassAverage.macro
  var threshold: Double?

  static let largerIsBetter = true
  static let record = ComponentRecord(
    "f1_score", aliases: ["f1"], "the harmonic mean of precision and recall, averaged over classes",
    settings: [averageSetting(\.average), thresholdSetting(\.threshold)])

  private var general: FBetaScore { FBetaScore(average: average, threshold: threshold) }
  func statistics(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    try general.statistics(of: prediction, against: target, takesClassNumbers: takesClassNumbers)
  }
  func result(_ sums: [Double]) -> Double { general.result(sums) }
}

extension AccumulatedMetric {
  fileprivate static func averageSetting(_ property: WritableKeyPath<Self, ClassAverage> & Sendable) -> SettingRecord {
    setting("average", property, "how the scores of classes are averaged")
  }
  fileprivate static func thresholdSetting(_ property: WritableKeyPath<Self, Double?> & Sendable) -> SettingRecord {
    setting("threshold", property, "above which a prediction is yes; none: the largest of a row is")
  }
}
