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
/// - Variables, all of the size of `axis`: `gamma` if `scale`, `beta` if `center`; `moving_mean` and `moving_variance`, which
///   are not trained. Inside a frozen layer or model the moving averages are used, and left as they are, in training, too.
/// - Errors: `axis` does not exist or is of unknown size; `momentum` is not in [0, 1] or `epsilon` negative; the layer is
///   `Shared`, called twice and not frozen.
///
/// Source: Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
/// shift", 2015; defaults as in Keras.
public struct BatchNormalization: Layer, AffineNormalization {
  public static let typeName = "BatchNormalization"
  public var axis: Int
  /// The share of a moving average that each update keeps.
  public var momentum: Double
  /// Added to the variance.
  public var epsilon: Double
  /// Whether there is an offset, `beta`.
  public var center: Bool
  /// Whether there is a factor, `gamma`.
  public var scale: Bool
  public var betaInitializer, gammaInitializer, movingMeanInitializer, movingVarianceInitializer: Initializer
  public var betaRegularizer, gammaRegularizer: Regularizer?
  public var betaConstraint, gammaConstraint: Constraint?
  public var name: String?

  /// - Parameters:
  ///   - axis: the axis of the channels, counted with the batch, from the end if negative.
  ///   - momentum: the share of a moving average that each update keeps.
  ///   - epsilon: added to the variance.
  ///   - center: whether there is an offset, `beta`.
  ///   - scale: whether there is a factor, `gamma`.
  ///   - betaRegularizer: what `beta` adds to the loss.
  ///   - betaConstraint: what `beta` is brought back to after each step.
  public init(
    axis: Int = -1, momentum: Double = 0.99, epsilon: Double = 1e-3, center: Bool = true, scale: Bool = true,
    betaInitializer: Initializer = .zeros, gammaInitializer: Initializer = .ones,
    movingMeanInitializer: Initializer = .zeros, movingVarianceInitializer: Initializer = .ones,
    betaRegularizer: Regularizer? = nil, gammaRegularizer: Regularizer? = nil, betaConstraint: Constraint? = nil,
    gammaConstraint: Constraint? = nil, name: String? = nil
  ) {
    (self.axis, self.momentum, self.epsilon, self.name) = (axis, momentum, epsilon, name)
    (self.center, self.scale) = (center, scale)
    (self.betaInitializer, self.gammaInitializer) = (betaInitializer, gammaInitializer)
    (self.movingMeanInitializer, self.movingVarianceInitializer) = (movingMeanInitializer, movingVarianceInitializer)
    (self.betaRegularizer, self.betaConstraint) = (betaRegularizer, betaConstraint)
    (self.gammaRegularizer, self.gammaConstraint) = (gammaRegularizer, gammaConstraint)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.require(momentum, in: .share, "the momentum")
    try context.require(epsilon, in: .nonNegative, "epsilon")
    guard let position = try? Axis.normalized(axis, rank: x.rank), let channels = x.shape[position].number else {
      throw context.error("axis \(axis) of \(x.type) has no known size")
    }
    guard context.callIndex == 0 || !context.isTrainable else {
      throw context.error(
        "it cannot be shared: each call would average its own statistics",
        help: "a BatchNormalization for each call, or a frozen one")
    }
    let shape: Shape = [.number(channels)]
    let (gamma, beta) = (try self.gamma(x.dtype, shape, context), try self.beta(x.dtype, shape, context))
    let mean = try context.variable("moving_mean", x.dtype, shape, movingMeanInitializer, trainable: false)
    let variance = try context.variable("moving_variance", x.dtype, shape, movingVarianceInitializer, trainable: false)
    guard context.isTrainable else {
      return try x.batchNormInference(
        scale: gamma, offset: beta, mean: mean, variance: variance, epsilon: epsilon, axis: axis)
    }
    return try x.batchNorm(
      scale: gamma, offset: beta, movingMean: mean, movingVariance: variance, momentum: momentum, epsilon: epsilon,
      axis: axis)
  }
}
