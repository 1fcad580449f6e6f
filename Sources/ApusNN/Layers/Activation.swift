import ApusCore
import ApusGraph

/// An activation as a layer of its own.
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
