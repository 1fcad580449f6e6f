import ApusCore
import ApusGraph
import ApusOperators

/// A normalization that ends with a trained factor `gamma` and offset `beta` for each channel.
protocol AffineNormalization {
  /// Whether there is an offset, `beta`.
  var center: Bool { get }
  /// Whether there is a factor, `gamma`.
  var scale: Bool { get }
  var betaInitializer: Initializer { get }
  var gammaInitializer: Initializer { get }
  var betaRegularizer: Regularizer? { get }
  var gammaRegularizer: Regularizer? { get }
  var betaConstraint: Constraint? { get }
  var gammaConstraint: Constraint? { get }
}

extension AffineNormalization {
  /// The factors, or ones without them.
  func gamma(_ dtype: DType, _ shape: Shape, _ context: LayerContext) throws -> Value {
    guard scale else { return try context.builder.constant(1, dtype).broadcast(to: shape) }
    return try context.variable(
      "gamma", dtype, shape, gammaInitializer, regularizer: gammaRegularizer, constraint: gammaConstraint)
  }

  /// The offsets, or zeros without them.
  func beta(_ dtype: DType, _ shape: Shape, _ context: LayerContext) throws -> Value {
    guard center else { return try context.builder.constant(0, dtype).broadcast(to: shape) }
    return try context.variable(
      "beta", dtype, shape, betaInitializer, regularizer: betaRegularizer, constraint: betaConstraint)
  }
}
