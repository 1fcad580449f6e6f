import ApusCore
import ApusGraph
import ApusOperators

/// A fully connected layer: y = activation(x · kernel + bias), over the last axis.
///
/// - Input: `(batch, …, features)`.
/// - Output: `(batch, …, units)`.
/// - Variables: `kernel` `(features, units)`, `bias` `(units)`.
/// - Errors: `units` is not positive; the input has fewer than two axes, or its features are unknown.
///
/// Defaults as in Keras; the default initializer is that of Glorot and Bengio, "Understanding the difficulty of training
/// deep feedforward neural networks", 2010.
public struct Dense: Layer {
  public static let typeName = "Dense"
  public var units: Int
  public var activation: ActivationFunction
  public var useBias: Bool
  public var kernelInitializer: Initializer
  public var biasInitializer: Initializer
  public var kernelRegularizer, biasRegularizer, activityRegularizer: Regularizer?
  public var kernelConstraint, biasConstraint: Constraint?
  public var name: String?

  /// - Parameters:
  ///   - units: the number of output features.
  ///   - activation: applied to the result.
  ///   - useBias: whether a bias is added before the activation.
  ///   - kernelRegularizer: what the kernel adds to the loss.
  ///   - activityRegularizer: what the output adds to the loss, divided by the number of samples.
  ///   - kernelConstraint: what the kernel is brought back to after each step.
  public init(
    _ units: Int, activation: ActivationFunction = .linear, useBias: Bool = true,
    kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros,
    kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
    activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
    name: String? = nil
  ) {
    (self.units, self.activation, self.useBias, self.name) = (units, activation, useBias, name)
    (self.kernelInitializer, self.biasInitializer) = (kernelInitializer, biasInitializer)
    (self.kernelRegularizer, self.biasRegularizer) = (kernelRegularizer, biasRegularizer)
    self.activityRegularizer = activityRegularizer
    (self.kernelConstraint, self.biasConstraint) = (kernelConstraint, biasConstraint)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.requirePositive(units, "the number of units")
    guard x.rank >= 2, let inputs = x.shape.dims.last?.number else {
      throw context.error("the input must be (batch, …, features), not \(x.type)")
    }
    let kernel = try context.variable(
      "kernel", x.dtype, [.number(inputs), .number(units)], kernelInitializer, regularizer: kernelRegularizer,
      constraint: kernelConstraint)
    return try context.activated(
      x.matmul(kernel), bias: useBias ? biasInitializer : nil, activation, regularizer: biasRegularizer,
      constraint: biasConstraint)
  }
}
