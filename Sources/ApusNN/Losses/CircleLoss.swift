import ApusCore
import ApusGraph
import ApusOperators

/// ln(1 + Σ e^(γ wₙ (dₙ − Δₙ)) Σ e^(γ wₚ (Δₚ − dₚ))) of the distances to all samples of the batch with the same label (p) and
/// with others (n): predictions are embeddings of length 1. Sun et al. 2020.
struct CircleLoss: LossFunction {
  var gamma = 80.0
  var margin = 0.4
  var removeDiagonal = true

  static let takesClassNumbers = true
  static let record = ComponentRecord(
    "circle", "draws embeddings (of length 1) of equal labels together, and others apart",
    settings: [
      setting("gamma", \.gamma, in: .positive, "how sharply near and far pairs are told apart"),
      setting("margin", \.margin, in: .share, "how far pairs of equal labels may be apart"),
      setting("remove_diagonal", \.removeDiagonal, "whether a sample is left out of those of its label"),
    ])

  /// Labels group equal samples; they are not positions of outputs.
  var takesOtherLabels: Bool { true }
  func accepts(label: Int, classes: Int) -> Bool { true }

  /// Samples without a pair, or whose pairs are in order, do not count.
  func mask(of prediction: Value, against target: Value) throws -> Value? {
    try losses(of: prediction, against: target).greater(0)
  }

  func losses(of prediction: Value, against target: Value) throws -> Value {
    guard prediction.rank == 2, target.rank == 1 else {
      throw ApusError.input("circle compares embeddings (batch, size) by labels (batch), not \(prediction.type)")
    }
    // Half precision has no number that is far enough below all others.
    let prediction = try prediction.widened()
    let distance = try (1 - prediction.matmul(prediction, transposeB: true)).maximum(0)
    let labels = try target.cast(to: .i64)
    let isSame = try labels.expandedDims(at: 1).equal(labels.expandedDims(at: 0))
    var isPositive = isSame
    if removeDiagonal {
      let index = try prediction.builder.iota(.i64, [target.shape[0]])
      isPositive = try isSame.and(index.expandedDims(at: 1).notEqual(index.expandedDims(at: 0)))
    }
    let near = try (distance + margin).maximum(0) * (distance - margin) * gamma
    let far = try (1 + margin - distance).maximum(0) * (1 - margin - distance) * gamma
    let positive = try isPositive.select(near, near.scalar(Self.absent)).logSumExp()
    let negative = try isSame.select(far.scalar(Self.absent), far).logSumExp()
    return try (positive + negative).softplus()
  }

  /// In place of −∞, whose differences are not numbers.
  private static let absent = -1e9
}

extension Value {
  /// ln Σ eˣ over the last axis.
  func logSumExp() throws -> Value {
    let largest = try max(axes: [-1], keepDims: true).stopGradient()
    return try ((self - largest).exp().sum(axes: [-1], keepDims: true).log() + largest).squeezed(axis: -1)
  }
}

extension Loss {
  /// Draws embeddings (of length 1) of equal labels together, and others apart. Sun et al. 2020.
  /// - Parameters:
  ///   - gamma: how sharply near and far pairs are told apart.
  ///   - margin: how far pairs of equal labels may be apart.
  ///   - removeDiagonal: whether a sample is left out of those of its label.
  public static func circle(gamma: Double = 80, margin: Double = 0.4, removeDiagonal: Bool = true) -> Loss {
    Loss(CircleLoss(gamma: gamma, margin: margin, removeDiagonal: removeDiagonal))
  }
}
