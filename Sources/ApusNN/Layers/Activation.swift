import ApusCore
import ApusGraph

/// An activation function as a layer: y = f(x), element by element; softmax and its logarithm over the last axis.
///
/// - Input: any shape.
/// - Output: the shape of the input.
/// - Errors: the element type is not a float.
public struct Activation: Layer {
  public static let typeName = "Activation"
  public var function: ActivationFunction
  public var name: String?

  public init(_ function: ActivationFunction, name: String? = nil) {
    self.function = function
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value { try function.apply(x) }
}
