import ApusCore
import ApusGraph
import ApusOperators

/// 1 − 2 Σ t p / (Σ t + Σ p): how little two sets overlap. Dice 1945; Milletari et al. 2016.
struct DiceLoss: LossFunction {
  var axis: [Int]?

  static let record = ComponentRecord(
    "dice", "1 − 2 Σ t p / (Σ t + Σ p); for masks of images", settings: [axisSetting(\.axis)])

  func losses(of prediction: Value, against target: Value) throws -> Value {
    func sum(_ x: Value) throws -> Value { try x.sum(axes: axis) }
    return try 1 - sum(target * prediction) * 2 / (sum(target) + sum(prediction) + Epsilon.value)
  }
}

/// 1 − Σ t p / (Σ t p + α Σ t (1 − p) + β Σ (1 − t) p): with α and β of ½ the dice loss. Salehi et al. 2017.
struct TverskyLoss: LossFunction {
  var alpha = 0.5
  var beta = 0.5
  var axis: [Int]?

  static let record = ComponentRecord(
    "tversky", "1 − Σ t p / (Σ t p + α Σ t (1 − p) + β Σ (1 − t) p); for masks of images",
    settings: [
      setting("alpha", \.alpha, in: .nonNegative, "α, the weight of what is missing in the prediction"),
      setting("beta", \.beta, in: .nonNegative, "β, the weight of what is wrongly in the prediction"),
      axisSetting(\.axis),
    ])

  func losses(of prediction: Value, against target: Value) throws -> Value {
    func sum(_ x: Value) throws -> Value { try x.sum(axes: axis) }
    let both = try sum(target * prediction)
    let missing = try sum((1 - prediction) * target) * alpha
    let wrong = try sum((1 - target) * prediction) * beta
    return try 1 - both / (both + missing + wrong + Epsilon.value)
  }
}

extension LossFunction {
  fileprivate static func axisSetting(_ property: WritableKeyPath<Self, [Int]?> & Sendable) -> SettingRecord {
    setting("axis", property, "the axes of one sum, as [1, 2, 3]; the whole batch is one sum if none")
  }
}

extension Loss {
  /// 1 − 2 Σ t p / (Σ t + Σ p); for masks of images.
  /// - Parameter axis: the axes of one sum; the whole batch is one sum if nil.
  public static func dice(axis: [Int]? = nil) -> Loss { Loss(DiceLoss(axis: axis)) }

  /// 1 − Σ t p / (Σ t p + α Σ t (1 − p) + β Σ (1 − t) p); for masks of images.
  /// - Parameter axis: the axes of one sum; the whole batch is one sum if nil.
  public static func tversky(alpha: Double = 0.5, beta: Double = 0.5, axis: [Int]? = nil) -> Loss {
    Loss(TverskyLoss(alpha: alpha, beta: beta, axis: axis))
  }
}
