import ApusCore

/// A value of a graph that is being built: a handle to pass to the next operator.
///
/// Operators are methods and functions on it (`x.relu()`, `try a + b`), added by the catalog.
public struct Value {
  public let builder: GraphBuilder
  public let id: ValueID
  public let type: TensorType

  package init(_ builder: GraphBuilder, _ id: ValueID, _ type: TensorType) {
    self.builder = builder
    self.id = id
    self.type = type
  }

  public var dtype: DType { type.dtype }
  public var shape: Shape { type.shape }
  public var rank: Int { type.rank }

  /// `%12: f32[batch, 10]`
  public var description: String { "\(builder.graph.label(of: id)): \(type)" }
}

extension Value: CustomStringConvertible {}

/// Values of one builder are equal if their ids are; gradient rules compare them.
extension Value: Hashable {
  public static func == (a: Value, b: Value) -> Bool { a.builder === b.builder && a.id == b.id }
  public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}
