import ApusCore
import ApusGraph
import ApusOperators

/// Batch normalization: y = gamma · (x − mean) / √(variance + epsilon) + beta for each element of `axis`.
///
/// In training, mean and variance are those of the batch, and their moving averages are updated:
/// average ← momentum · average + (1 − momentum) · statistic. In inference, the moving averages are used.
///
/// - Input: `(batch, …)`, with `axis` of known size.
/// - Output: the shape of the input.
/// - Variables, all of the size of `axis`: `gamma`, `beta`; `moving_mean` and `moving_variance`, which are not trained.
/// - Errors: `axis` does not exist or is of unknown size; `momentum` is not in [0, 1] or `epsilon` negative; the layer is
///   `Shared` and called twice.
///
/// Source: Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
/// shift", 2015; defaults as in Keras.
public struct BatchNormalization: Layer {
  public static let typeName = "BatchNormalization"
  public var axis: Int
  /// The share of a moving average that each update keeps.
  public var momentum: Double
  /// Added to the variance.
  public var epsilon: Double
  public var name: String?

  /// - Parameters:
  ///   - axis: the axis of the channels, counted with the batch, from the end if negative.
  ///   - momentum: the share of a moving average that each update keeps.
  ///   - epsilon: added to the variance.
  public init(axis: Int = -1, momentum: Double = 0.99, epsilon: Double = 1e-3, name: String? = nil) {
    (self.axis, self.momentum, self.epsilon, self.name) = (axis, momentum, epsilon, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.require(momentum, in: .share, "the momentum")
    try context.require(epsilon, in: .nonNegative, "epsilon")
    guard (-x.rank..<x.rank).contains(axis), let channels = x.shape.dims[(axis + x.rank) % x.rank].number else {
      throw context.error("axis \(axis) of \(x.type) has no known size")
    }
    guard context.callIndex == 0 else {
      throw context.error(
        "it cannot be shared: each call would average its own statistics", help: "a BatchNormalization for each call")
    }
    func vector(_ name: String, _ initializer: Initializer, trainable: Bool) throws -> Value {
      try context.variable(name, x.dtype, [.number(channels)], initializer, trainable: trainable)
    }
    return try x.batchNorm(
      scale: vector("gamma", .ones, trainable: true), offset: vector("beta", .zeros, trainable: true),
      movingMean: vector("moving_mean", .zeros, trainable: false),
      movingVariance: vector("moving_variance", .ones, trainable: false), momentum: momentum, epsilon: epsilon,
      axis: axis)
  }
}
