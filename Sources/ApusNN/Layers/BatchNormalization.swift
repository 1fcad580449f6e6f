import ApusCore
import ApusGraph
import ApusOperators

/// Brings each channel to mean 0 and variance 1, then scales and shifts it. Ioffe and Szegedy 2015.
///
/// While training by the batch's own statistics, which are averaged for inference.
public struct BatchNormalization: Layer {
  public static let typeName = "BatchNormalization"
  public var axis: Int
  /// How much of the moving averages each batch keeps.
  public var momentum: Double
  /// Added to the variance.
  public var epsilon: Double
  public var name: String?

  public init(axis: Int = -1, momentum: Double = 0.99, epsilon: Double = 1e-3, name: String? = nil) {
    (self.axis, self.momentum, self.epsilon, self.name) = (axis, momentum, epsilon, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
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
