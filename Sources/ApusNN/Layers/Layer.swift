import ApusCore
import ApusGraph
// Layers carry the names that Keras gave them, and some operators have the same: a name in this module goes before one
// in a module that it exports, so for a user of Apus `Reshape` and `Dropout` are layers.
@_exported import ApusOperators

/// A piece of a model: declares its variables and appends its nodes.
public protocol Layer: Sendable {
  /// The class's name, as `summary()` shows it: `Dense`. The automatic name is its snake case: `dense`, `dense_1`.
  static var typeName: String { get }
  /// The name its variables and nodes carry; nil for an automatic one.
  var name: String? { get }

  /// The layer's output.
  /// - Parameter x: batch first.
  /// - Throws: `ApusError` in words that a user of the layer understands.
  func build(_ x: Value, _ context: LayerContext) throws -> Value
}

extension Layer {
  public var name: String? { nil }
}

/// What a layer builds with.
public struct LayerContext {
  public let builder: GraphBuilder
  /// The layer's name in this model.
  public let name: String

  /// A weight, named `<layer>/<name>`.
  public func variable(
    _ name: String, _ dtype: DType, _ shape: Shape, _ initializer: Initializer, trainable: Bool = true
  ) throws -> Value {
    try builder.variable("\(self.name)/\(name)", dtype, shape, initializer, trainable: trainable)
  }

  /// An error that names the layer.
  public func error(_ message: String, help: String? = nil) -> ApusError {
    .input("layer '\(name)': \(message)", help: help)
  }
}
