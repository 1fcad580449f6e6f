import ApusCore
import ApusGraph
import ApusOperators

/// A layer that combines tensors element by element.
///
/// - Inputs: tensors of one element type and number of axes, whose shapes are equal or have 1 along an axis.
/// - Output: their common shape, each axis as large as its largest.
/// - Errors: the layer takes another number of inputs; element types or numbers of axes differ; the shapes do not fit.
public protocol ElementwiseMergeLayer: MergeLayer {
  /// How many inputs the layer takes.
  static var inputCounts: ClosedRange<Int> { get }
  /// The combination of tensors whose shapes have been checked.
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

/// The sum of its inputs: y = x₁ + x₂ + ….
///
/// - Inputs: two or more.
/// - Output: the common shape of the inputs; see `ElementwiseMergeLayer`.
public struct Add: ElementwiseMergeLayer {
  public static let typeName = "Add"
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func combine(_ inputs: [Value]) throws -> Value { try folded(inputs) { try $0 + $1 } }
}

/// The difference of its inputs: y = x₁ − x₂.
///
/// - Inputs: two.
/// - Output: the common shape of the inputs; see `ElementwiseMergeLayer`.
public struct Subtract: ElementwiseMergeLayer {
  public static let typeName = "Subtract"
  public static let inputCounts = 2...2
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func combine(_ inputs: [Value]) throws -> Value { try folded(inputs) { try $0 - $1 } }
}

/// The product of its inputs: y = x₁ · x₂ · ….
///
/// - Inputs: two or more.
/// - Output: the common shape of the inputs; see `ElementwiseMergeLayer`.
public struct Multiply: ElementwiseMergeLayer {
  public static let typeName = "Multiply"
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func combine(_ inputs: [Value]) throws -> Value { try folded(inputs) { try $0 * $1 } }
}

/// The mean of its n inputs: y = (x₁ + x₂ + …) / n.
///
/// - Inputs: two or more.
/// - Output: the common shape of the inputs; see `ElementwiseMergeLayer`.
public struct Average: ElementwiseMergeLayer {
  public static let typeName = "Average"
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func combine(_ inputs: [Value]) throws -> Value {
    try folded(inputs) { try $0 + $1 } / Double(inputs.count)
  }
}

/// The largest of its inputs: y = max(x₁, x₂, …); NaN wins.
///
/// - Inputs: two or more.
/// - Output: the common shape of the inputs; see `ElementwiseMergeLayer`.
public struct Maximum: ElementwiseMergeLayer {
  public static let typeName = "Maximum"
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func combine(_ inputs: [Value]) throws -> Value { try folded(inputs) { try $0.maximum($1) } }
}

/// The smallest of its inputs: y = min(x₁, x₂, …); NaN wins.
///
/// - Inputs: two or more.
/// - Output: the common shape of the inputs; see `ElementwiseMergeLayer`.
public struct Minimum: ElementwiseMergeLayer {
  public static let typeName = "Minimum"
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func combine(_ inputs: [Value]) throws -> Value { try folded(inputs) { try $0.minimum($1) } }
}

/// Its inputs one after the other along an axis.
///
/// - Inputs: one or more tensors of one element type, whose shapes agree except along `axis`.
/// - Output: their shape, with the sum of their sizes along `axis`.
/// - Errors: `axis` is the batch or does not exist; element types or other sizes differ.
public struct Concatenate: MergeLayer {
  public static let typeName = "Concatenate"
  /// Counted with the batch, from the end if negative; not the batch.
  public var axis: Int
  public var name: String?

  /// - Parameter axis: counted with the batch, from the end if negative; not the batch.
  public init(axis: Int = -1, name: String? = nil) { (self.axis, self.name) = (axis, name) }

  public func build(_ inputs: [Value], _ context: LayerContext) throws -> Value {
    try context.checkMerge(inputs, counts: 1...Int.max)
    let rank = inputs[0].rank
    guard let axis = inputs[0].sampleAxis(axis) else {
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
  /// Checks the number of inputs, and that their element types and numbers of axes are equal.
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
