import ApusCore
import ApusGraph
import ApusOperators

/// Layer normalization: y = gamma · (x − mean) / √(variance + epsilon) + beta, with mean and variance over `axis` of each
/// sample.
///
/// - Input: `(batch, …)`, with `axis` of known size.
/// - Output: the shape of the input.
/// - Variables, of the size of `axis`: `gamma` if `scale`, `beta` if `center`.
/// - Errors: `axis` is the batch, does not exist or is of unknown size; `epsilon` is negative; the element type is
///   not a float.
///
/// Source: Ba, Kiros and Hinton, "Layer normalization", 2016; defaults as in Keras.
public struct LayerNormalization: Layer, AffineNormalization {
  public static let typeName = "LayerNormalization"
  /// Counted with the batch, from the end if negative.
  public var axis: Int
  /// Added to the variance.
  public var epsilon: Double
  /// Whether there is an offset, `beta`.
  public var center: Bool
  /// Whether there is a factor, `gamma`.
  public var scale: Bool
  public var betaInitializer, gammaInitializer: Initializer
  public var betaRegularizer, gammaRegularizer: Regularizer?
  public var betaConstraint, gammaConstraint: Constraint?
  public var name: String?

  /// - Parameters:
  ///   - axis: the axis to normalize, counted with the batch, from the end if negative.
  ///   - epsilon: added to the variance.
  ///   - center: whether there is an offset, `beta`.
  ///   - scale: whether there is a factor, `gamma`.
  ///   - betaRegularizer: what `beta` adds to the loss.
  ///   - betaConstraint: what `beta` is brought back to after each step.
  public init(
    axis: Int = -1, epsilon: Double = 1e-3, center: Bool = true, scale: Bool = true,
    betaInitializer: Initializer = .zeros, gammaInitializer: Initializer = .ones,
    betaRegularizer: Regularizer? = nil, gammaRegularizer: Regularizer? = nil, betaConstraint: Constraint? = nil,
    gammaConstraint: Constraint? = nil, name: String? = nil
  ) {
    (self.axis, self.epsilon, self.center, self.scale, self.name) = (axis, epsilon, center, scale, name)
    (self.betaInitializer, self.gammaInitializer) = (betaInitializer, gammaInitializer)
    (self.betaRegularizer, self.gammaRegularizer) = (betaRegularizer, gammaRegularizer)
    (self.betaConstraint, self.gammaConstraint) = (betaConstraint, gammaConstraint)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let size = try context.normalizedAxis(axis, epsilon: epsilon, of: x).size
    let shape: Shape = [.number(size)]
    return try x.layerNorm(
      scale: gamma(x.dtype, shape, context), offset: beta(x.dtype, shape, context), epsilon: epsilon, axis: axis)
  }
}
