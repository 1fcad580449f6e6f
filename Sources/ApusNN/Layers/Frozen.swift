import ApusCore
import ApusGraph

/// A layer whose variables training leaves alone: `Dense(10).frozen()`. They are not trained, and count as
/// non-trainable in `summary()`.
///
/// A `BatchNormalization` inside it uses its moving averages while training, too, and leaves them as they are. Dropout
/// and the like still do what they do while training.
///
/// A layer that is shared is frozen before: `Shared(Dense(10).frozen())`.
public struct Frozen<Wrapped: Layer>: Layer {
  public static var typeName: String { Wrapped.typeName }
  public static var passesMask: Bool { Wrapped.passesMask }
  public let layer: Wrapped

  public init(_ layer: Wrapped) { self.layer = layer }

  public var name: String? { layer.name }
  public var displayedType: String { layer.displayedType }
  public var outputCount: Int { layer.outputCount }
  public var activityRegularizer: Regularizer? { layer.activityRegularizer }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value { try layer.build(x, context.frozen) }
  public func buildOutputs(_ inputs: [Value], _ context: LayerContext) throws -> [Value] {
    try layer.buildOutputs(inputs, context.frozen)
  }
}

extension Layer {
  /// The layer with variables that training leaves alone.
  public func frozen() -> Frozen<Self> { Frozen(self) }
}
