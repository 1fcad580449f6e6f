import ApusCore
import ApusGraph

/// The same elements, in row-major order, under another shape.
public struct Reshape: Operator {
  public var shape = Shape.scalar

  public init() {}
  public init(_ shape: Shape) { self.shape = shape }

  public static let record = OperatorRecord(
    "reshape", .shape, "the same elements in row-major order under another shape",
    operands: [OperandRecord("x", .any)],
    attributes: [attribute("shape", \.shape, "the shape of the result", required: true)], traits: .movesData)

  /// Symbols must be the same on both sides, and the numbers' products equal: then the counts agree for every binding.
  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let from = operands[0].shape
    let isEmpty = from.dims.contains(0) && shape.dims.contains(0)
    guard let a = Reshape.product(from), let b = Reshape.product(shape) else {
      throw TypeError("the shape \(shape) has too many elements", attribute: "shape")
    }
    guard a == b, isEmpty || Reshape.symbols(from) == Reshape.symbols(shape) else {
      throw TypeError(
        "\(operands[0]) cannot become \(shape): "
          + (from.numbers != nil && shape.numbers != nil
            ? "\(a) elements do not fill \(b) places" : "numbers and symbols must have the same product on both sides"),
        attribute: "shape")
    }
    return [operands[0].with(shape: shape)]
  }

  private static func product(_ shape: Shape) -> Int? { Shape.elementCount(shape.dims.compactMap(\.number)) }
  private static func symbols(_ shape: Shape) -> [String] { shape.dims.compactMap(\.symbol).sorted() }

  // A reshape back.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    [try context.cotangent.reshaped(context.operands[0].shape)]
  }

  public func isIdentity(_ operands: [TensorType], _ results: [TensorType]) -> Bool { operands[0].shape == shape }
}

extension Value {
  /// The same elements under another shape; itself if it has that shape already.
  public func reshaped(_ shape: Shape) throws -> Value { shape == self.shape ? self : try apply(Reshape(shape)) }

  /// Reshaped to `dims`, of which one may be -1: it is computed from the others. A symbol cannot be divided.
  public func reshaped(dims: [Int]) throws -> Value {
    guard let gap = dims.firstIndex(of: -1) else { return try reshaped(Shape(dims)) }
    guard dims.count(where: { $0 < 0 }) == 1 else {
      throw ApusError.input("reshape to \(dims): only one dimension can be -1")
    }
    let others = Shape.elementCount(dims.enumerated().filter { $0.offset != gap }.map(\.element)) ?? 0
    let own = Shape.elementCount(shape.dims.compactMap(\.number)) ?? 0
    var shape = Shape(dims)
    switch self.shape.symbols.count {
    case 0 where others != 0 && own % others == 0: shape[gap] = .number(own / others)
    case 1 where others == own: shape[gap] = .symbol(self.shape.symbols[0])
    default: throw ApusError.input("reshape of \(self) to \(dims): -1 has no solution")
    }
    return try reshaped(shape)
  }

  /// A new axis of size 1 before `axis` (counted in the result; negative from its end).
  public func expandedDims(at axis: Int) throws -> Value {
    let axis = try normalized(axis, rank: rank + 1)
    var dims = shape.dims
    dims.insert(1, at: axis)
    return try reshaped(Shape(dims))
  }

  /// Without `axis`, whose size must be 1.
  public func squeezed(axis: Int) throws -> Value {
    let axis = try normalized(axis, rank: rank)
    guard shape[axis] == 1 else { throw ApusError.input("axis \(axis) of \(self) has a size other than 1") }
    var dims = shape.dims
    dims.remove(at: axis)
    return try reshaped(Shape(dims))
  }

  /// All axes but the first in one: (batch, 28, 28) → (batch, 784).
  public func flattened() throws -> Value {
    guard rank > 0, let rest = Shape(Array(shape.dims.dropFirst())).elementCount else {
      throw ApusError.input("\(self) cannot be flattened: only its first dimension may be a symbol")
    }
    return try reshaped([shape[0], .number(rest)])
  }

  /// An axis counted from the front.
  /// - Throws: `ApusError` that names this value if the axis does not exist.
  func normalized(_ axis: Int, rank: Int) throws -> Int {
    do { return try Axis.normalized(axis, rank: rank) } catch let error as TypeError {
      throw ApusError.input("\(self): \(error.message)")
    }
  }
}
