import ApusCore
import ApusGraph

/// One layer for several calls, which all use the same variables:
///
///     let embed = Shared(Dense(64, activation: .relu))
///     let distance = Subtract()([embed(a), embed(b)])
///
/// Layers are values, and two calls of a value are two layers; this gives a layer an identity.
public final class Shared<Wrapped: Layer>: Layer, SharedLayer {
  public static var typeName: String { Wrapped.typeName }
  public let layer: Wrapped

  public init(_ layer: Wrapped) { self.layer = layer }

  public var name: String? { layer.name }
  public func build(_ x: Value, _ context: LayerContext) throws -> Value { try layer.build(x, context) }
}

/// What calls of one layer are known by.
protocol SharedLayer: AnyObject {}
