import ApusCore
import ApusGraph

/// The cross-entropy of independent yes-or-no answers.
public struct BinaryCrossEntropy: SmoothedCrossEntropy {
  public var fromLogits = false
  /// How far targets are drawn to ½.
  @ComparedByBits public var labelSmoothing = 0.0
  public init() {}
  public static let record = crossEntropy(
    "binary_cross_entropy",
    "mean of −t ln p − (1 − t) ln(1 − p) over the last axis; p is clipped to [1e-7, 1 − 1e-7], or sigmoid(prediction)",
    smoothing: "how far targets are drawn to 1/2, from 0 to 1")

  private func smoothed(_ target: Value, like prediction: Value) throws -> Value {
    let t = try target.cast(to: prediction.dtype)
    return labelSmoothing == 0 ? t : try t * (1 - labelSmoothing) + 0.5 * labelSmoothing
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[1]
    let t = try smoothed(operands[0], like: x)
    if fromLogits {
      // ln(1 + e^−|x|) + max(x, 0) − t x; the last two are x (1 − t) for x > 0 and −x t below, so that neither
      // infinities nor large numbers of one sign are subtracted.
      let weight = try x.greater(0).select(1 - t, -t)
      return [try ((-x.abs()).exp().log1p() + x.weighted(by: weight)).mean(axes: [-1])]
    }
    let p = try x.guarded()
    return [try (-(t * p.log() + (1 - t) * (1 - p).log())).mean(axes: [-1])]
  }

  // From scores: ∂/∂x = (σ(x) − t) / n, ∂/∂t = −x / n
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (target, x) = (context.operands[0], context.operands[1])
    let g = try context.cotangent.perElement().divided(byCountOf: x, axes: [-1])
    return [
      context.wanted[0] ? try cotangent(ofTarget: target, -(g * x) * (1 - labelSmoothing)) : nil,
      context.wanted[1] ? try g * (x.sigmoid() - smoothed(target, like: x)) : nil,
    ]
  }
}

extension Value {
  /// For each sample the mean cross-entropy of yes-or-no answers over the last axis.
  /// - Parameters:
  ///   - target: 0 or 1, or probabilities, of this value's shape and any type.
  ///   - fromLogits: whether this value holds scores instead of probabilities.
  public func binaryCrossEntropy(target: Value, fromLogits: Bool = false, labelSmoothing: Double = 0) throws -> Value {
    let op = BinaryCrossEntropy(fromLogits: fromLogits, labelSmoothing: labelSmoothing)
    return try builder.append(op, [target, self])[0]
  }
}
