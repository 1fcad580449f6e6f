import ApusCore
import ApusGraph
import ApusOperators

/// activation(x · kernel + bias), over the last axis.
public struct Dense: Layer {
  public static let typeName = "Dense"
  public var units: Int
  public var activation: ActivationFunction
  public var useBias: Bool
  public var kernelInitializer: Initializer
  public var biasInitializer: Initializer
  public var name: String?

  public init(
    _ units: Int, activation: ActivationFunction = .linear, useBias: Bool = true,
    kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros, name: String? = nil
  ) {
    self.units = units
    self.activation = activation
    self.useBias = useBias
    self.kernelInitializer = kernelInitializer
    self.biasInitializer = biasInitializer
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    guard units > 0, units <= Limits.magnitude else {
      throw context.error("the number of units must be positive, not \(units)")
    }
    guard x.rank >= 2, let inputs = x.shape.dims.last?.number else {
      throw context.error("the input must be (batch, …, features), not \(x.type)")
    }
    let kernel = try context.variable("kernel", x.dtype, [.number(inputs), .number(units)], kernelInitializer)
    var y = try x.matmul(kernel)
    if useBias { y = try y + context.variable("bias", x.dtype, [.number(units)], biasInitializer) }
    return try activation.apply(y)
  }
}
