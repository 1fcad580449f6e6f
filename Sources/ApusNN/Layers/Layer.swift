import ApusCore
import ApusGraph

/// A part of a model, which declares its variables and appends its nodes. `Layer` and `MergeLayer` refine it.
public protocol ModelLayer: Sendable {
  /// The class's name, as `summary()` shows it: `Dense`. The automatic name is its snake case: `dense`, `dense_1`.
  static var typeName: String { get }
  /// The name its variables and nodes carry; nil for an automatic one.
  var name: String? { get }

  /// The class's name in `summary()`, if it differs between values of the type; else `typeName`.
  var displayedType: String { get }
  /// How many outputs it has. The first one is what a call gives; `outputs(of:)` gives all.
  var outputCount: Int { get }
  /// Whether its output has the mask of its inputs, if the shapes agree. False if steps move or mix.
  static var passesMask: Bool { get }
  /// What each output adds to the loss, divided by the number of samples; nil for nothing.
  var activityRegularizer: Regularizer? { get }

  /// The layer's output.
  /// - Parameter inputs: batch first.
  /// - Throws: `ApusError` in words that a user of the layer understands.
  func build(_ inputs: [Value], _ context: LayerContext) throws -> Value
  /// All outputs, as many as `outputCount` says.
  func buildOutputs(_ inputs: [Value], _ context: LayerContext) throws -> [Value]
}

extension ModelLayer {
  public var name: String? { nil }
  public var displayedType: String { Self.typeName }
  public var outputCount: Int { 1 }
  public static var passesMask: Bool { true }
  public var activityRegularizer: Regularizer? { nil }
  public func buildOutputs(_ inputs: [Value], _ context: LayerContext) throws -> [Value] {
    [try build(inputs, context)]
  }
}

/// A layer with one input. Written in a `Sequential`, or applied to a tensor: `Dense(10)(x)`.
public protocol Layer: ModelLayer {
  /// The layer's output.
  /// - Parameter x: batch first.
  /// - Throws: `ApusError` in words that a user of the layer understands.
  func build(_ x: Value, _ context: LayerContext) throws -> Value
}

extension Layer {
  public func build(_ inputs: [Value], _ context: LayerContext) throws -> Value {
    guard inputs.count == 1, let x = inputs.first else {
      throw context.error("it takes one input, not \(inputs.count)")
    }
    return try build(x, context)
  }

  /// The layer applied to `x`. A layer is a value: each call is a layer with its own variables, unless it is `Shared`.
  public func callAsFunction(_ x: SymbolicTensor) -> SymbolicTensor { SymbolicTensor(LayerCall(self, [x])) }

  /// All outputs of the layer applied to `x`: of a recurrent layer that returns its states the output, then the states.
  public func outputs(of x: SymbolicTensor) -> [SymbolicTensor] { LayerCall(self, [x]).outputs }
}

/// A layer that combines several tensors into one: `Add()([a, b])`.
public protocol MergeLayer: ModelLayer {}

extension MergeLayer {
  /// The layer applied to `inputs`, in their order.
  public func callAsFunction(_ inputs: [SymbolicTensor]) -> SymbolicTensor {
    SymbolicTensor(LayerCall(self, inputs))
  }
}
