import ApusCore
import ApusGraph
import ApusOperators

/// Σ t ln(t / p) over the last axis: how far predictions are from target distributions. Kullback and Leibler 1951.
struct KLDivergenceLoss: LossFunction {
  static let record = ComponentRecord(
    "kl_divergence", aliases: ["kld", "kullback_leibler_divergence"], "Σ t ln(t / p) over the last axis")

  func losses(of prediction: Value, against target: Value) throws -> Value {
    let least = ExactNumber(Epsilon.value)
    let (p, t) = (try prediction.clip(low: least, high: 1), try target.clip(low: least, high: 1))
    return try (t * (t / p).log()).sum(axes: [-1])
  }
}

/// −cos of the angle between target and prediction along an axis: −1 if they point the same way.
struct CosineSimilarityLoss: LossFunction {
  var axis = -1

  static let record = ComponentRecord(
    "cosine_similarity", "−cos of the angle between target and prediction",
    settings: [setting("axis", \.axis, "the axis whose elements are one vector")])

  func losses(of prediction: Value, against target: Value) throws -> Value {
    let (p, t) = (try prediction.unit(axis), try target.unit(axis))
    return try -(p * t).sum(axes: [axis])
  }
}

extension Value {
  /// Of length 1 along `axis`; vectors shorter than 10⁻⁷ keep their direction and become less.
  func unit(_ axis: Int) throws -> Value { try scaledToUnitLength(axis: axis, least: Epsilon.value) }
}

extension Loss {
  /// Σ t ln(t / p) over the last axis.
  public static let klDivergence = Loss(KLDivergenceLoss())
  /// −cos of the angle between target and prediction.
  public static let cosineSimilarity = Loss(CosineSimilarityLoss())
  /// - Parameter axis: the axis whose elements are one vector.
  public static func cosineSimilarity(axis: Int) -> Loss { Loss(CosineSimilarityLoss(axis: axis)) }
}
