import ApusCore
import ApusGraph

/// A part of a model, which declares its variables and appends its nodes. `Layer` and `MergeLayer` refine it.
public protocol ModelLayer: Sendable {
  /// The class's name, as `summary()` shows it: `Dense`. The automatic name is its snake case: `dense`, `dense_1`.
  static var typeName: String { get }
  /// The name its variables and nodes carry; nil for an automatic one.
  var name: String? { get }

  /// The layer's output.
  /// - Parameter inputs: batch first.
  /// - Throws: `ApusError` in words that a user of the layer understands.
  func build(_ inputs: [Value], _ context: LayerContext) throws -> Value
}

extension ModelLayer {
  public var name: String? { nil }
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
}

/// A layer that combines several tensors into one: `Add()([a, b])`.
public protocol MergeLayer: ModelLayer {}

extension MergeLayer {
  /// The layer applied to `inputs`, in their order.
  public func callAsFunction(_ inputs: [SymbolicTensor]) -> SymbolicTensor {
    SymbolicTensor(LayerCall(self, inputs))
  }
}

/// The builder, name and call that a layer is built for.
public struct LayerContext {
  public let builder: GraphBuilder
  /// The layer's name in this model.
  public let name: String
  /// Which call of the layer this is; above 0 only if it is `Shared`.
  public let callIndex: Int

  /// A weight, named `<layer>/<name>`. Later calls of a shared layer get the variable of the first call.
  /// - Throws: `ApusError` that names the layer if this call needs another type than the first.
  public func variable(
    _ name: String, _ dtype: DType, _ shape: Shape, _ initializer: Initializer, trainable: Bool = true
  ) throws -> Value {
    let label = "\(self.name)/\(name)"
    guard callIndex > 0, let known = builder.graph.variables.first(where: { $0.declaration.label == label }) else {
      return try builder.variable(label, dtype, shape, initializer, trainable: trainable)
    }
    let type = TensorType(dtype, shape)
    guard known.declaration.type == type else {
      throw error(
        "its variable '\(name)' is a \(known.declaration.type) since its first call, but call \(callIndex + 1) needs a "
          + "\(type)",
        help: "a shared layer takes inputs of one size; give another size a layer of its own")
    }
    return builder.value(known.id)
  }

  /// An error that names the layer.
  public func error(_ message: String, help: String? = nil) -> ApusError {
    .input("layer '\(name)': \(message)", help: help)
  }
}
