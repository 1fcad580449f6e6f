import ApusCore
import ApusGraph
import ApusOperators

/// Layers that combine tensors element by element. Shapes are equal, or have 1 along an axis that others have more of.
public protocol ElementwiseMergeLayer: MergeLayer {
  /// How many inputs the layer takes.
  static var inputCounts: ClosedRange<Int> { get }
  /// The combination of tensors whose shapes fit each other.
  func combine(_ inputs: [Value]) throws -> Value
}

extension ElementwiseMergeLayer {
  public static var inputCounts: ClosedRange<Int> { 2...Int.max }

  public func build(_ inputs: [Value], _ context: LayerContext) throws -> Value {
    try context.checkMerge(inputs, counts: Self.inputCounts)
    var shape: Shape? = inputs.first?.shape
    for input in inputs { shape = shape.flatMap { Shape.broadcast($0, input.shape) } }
    guard shape != nil else {
      throw context.error(
        "the shapes of its inputs differ: \(context.list(inputs))", help: "they must be equal, or 1 along an axis")
    }
    return try combine(inputs)
  }
}

/// The sum of its inputs.
public struct Add: ElementwiseMergeLayer {
  public static let typeName = "Add"
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func combine(_ inputs: [Value]) throws -> Value { try folded(inputs) { try $0 + $1 } }
}

/// The first of its two inputs minus the second.
public struct Subtract: ElementwiseMergeLayer {
  public static let typeName = "Subtract"
  public static let inputCounts = 2...2
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func combine(_ inputs: [Value]) throws -> Value { try folded(inputs) { try $0 - $1 } }
}

/// The product of its inputs.
public struct Multiply: ElementwiseMergeLayer {
  public static let typeName = "Multiply"
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func combine(_ inputs: [Value]) throws -> Value { try folded(inputs) { try $0 * $1 } }
}

/// The mean of its inputs.
public struct Average: ElementwiseMergeLayer {
  public static let typeName = "Average"
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func combine(_ inputs: [Value]) throws -> Value {
    try folded(inputs) { try $0 + $1 } / Double(inputs.count)
  }
}

/// The larger of its inputs.
public struct Maximum: ElementwiseMergeLayer {
  public static let typeName = "Maximum"
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func combine(_ inputs: [Value]) throws -> Value { try folded(inputs) { try $0.maximum($1) } }
}

/// The smaller of its inputs.
public struct Minimum: ElementwiseMergeLayer {
  public static let typeName = "Minimum"
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func combine(_ inputs: [Value]) throws -> Value { try folded(inputs) { try $0.minimum($1) } }
}

/// Its inputs one after the other along an axis.
public struct Concatenate: MergeLayer {
  public static let typeName = "Concatenate"
  /// Counted with the batch, from the end where negative; not the batch.
  public var axis: Int
  public var name: String?

  public init(axis: Int = -1, name: String? = nil) { (self.axis, self.name) = (axis, name) }

  public func build(_ inputs: [Value], _ context: LayerContext) throws -> Value {
    try context.checkMerge(inputs, counts: 1...Int.max)
    let rank = inputs[0].rank
    let axis = axis < 0 ? axis + rank : axis
    guard (1..<max(rank, 1)).contains(axis) else {
      throw context.error(
        "its inputs \(context.list(inputs)) cannot follow each other along axis \(self.axis)",
        help: rank < 2
          ? "they have no axis but the batch" : "the axis must be one of 1 … \(rank - 1), or of -1 … \(1 - rank)")
    }
    for other in 1..<rank where other != axis {
      guard inputs.allSatisfy({ $0.shape[other] == inputs[0].shape[other] }) else {
        throw context.error(
          "its inputs \(context.list(inputs)) differ along axis \(other)",
          help: "only axis \(axis), along which they follow each other, may differ")
      }
    }
    return try concatenate(inputs, axis: axis)
  }
}

private func folded(_ values: [Value], _ combine: (Value, Value) throws -> Value) throws -> Value {
  guard let first = values.first else { throw ApusError.input("there are no inputs to merge") }
  return try values.dropFirst().reduce(first, combine)
}

extension LayerContext {
  /// Checks the number of inputs, and that they are of one element type and have as many axes.
  /// - Throws: `ApusError` that names the layer and lists its inputs.
  func checkMerge(_ inputs: [Value], counts: ClosedRange<Int>) throws {
    guard counts.contains(inputs.count) else {
      let few = counts.lowerBound == counts.upperBound ? "" : "at least "
      throw error("it takes \(few)\(counts.lowerBound) inputs, not \(inputs.count)")
    }
    guard inputs.allSatisfy({ $0.dtype == inputs[0].dtype && $0.rank == inputs[0].rank }) else {
      throw error("the element types or numbers of axes of its inputs differ: \(list(inputs))")
    }
  }

  /// The types of values: `f32[batch, 3], f32[batch, 4]`.
  func list(_ values: [Value]) -> String { values.map { "\($0.type)" }.joined(separator: ", ") }
}
