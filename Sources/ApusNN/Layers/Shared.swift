import ApusCore
import ApusGraph

/// One layer for several calls, which all use the same variables:
///
///     let embed = Shared(Dense(64, activation: .relu))
///     let distance = Subtract()([embed(a), embed(b)])
///
/// Layers are values, so that two calls of a value are two layers; this class gives a layer an identity.
///
/// - Errors: those of the layer; a call needs variables of another type than the first call.
public final class Shared<Wrapped: Layer>: Layer, SharedLayer {
  public static var typeName: String { Wrapped.typeName }
  public let layer: Wrapped

  public init(_ layer: Wrapped) { self.layer = layer }

  public static var passesMask: Bool { Wrapped.passesMask }
  public var name: String? { layer.name }
  public var displayedType: String { layer.displayedType }
  public var outputCount: Int { layer.outputCount }
  public var activityRegularizer: Regularizer? { layer.activityRegularizer }
  public func build(_ x: Value, _ context: LayerContext) throws -> Value { try layer.build(x, context) }
  public func buildOutputs(_ inputs: [Value], _ context: LayerContext) throws -> [Value] {
    try layer.buildOutputs(inputs, context)
  }
}

/// The identity of a layer, which its calls share.
protocol SharedLayer: AnyObject {}
