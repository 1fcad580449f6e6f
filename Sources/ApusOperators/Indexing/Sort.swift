import ApusCore
import ApusGraph

/// A stable sort along one axis, of elements or of their positions. NaN is the largest.
public protocol SortOperator: Operator {
  var axis: Int { get set }
  /// Whether the largest element is first.
  var descending: Bool { get set }
}

extension SortOperator {
  public init(axis: Int, descending: Bool) {
    self.init()
    (self.axis, self.descending) = (axis, descending)
  }

  static func sort(_ name: String, _ summary: String) -> OperatorRecord {
    OperatorRecord(
      name, .indexing, summary, operands: [OperandRecord("x", .comparable)],
      attributes: [
        attribute("axis", \.axis, "the axis to sort along"), attribute("descending", \.descending, "largest first"),
      ])
  }
}

/// The elements in order along an axis. Equal elements (0 and -0 are equal) keep their order.
public struct Sort: SortOperator {
  public var axis = -1
  public var descending = false
  public init() {}
  public static let record = sort("sort", "x in order along an axis; stable; NaN counts as the largest")

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    _ = try Axis.normalized(axis, rank: operands[0].rank)
    return [operands[0]]
  }

  // Each cotangent goes back to the position that its element came from.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let x = context.operands[0]
    let positions = try x.argSort(axis: axis, descending: descending)
    return [try context.builder.zeros(x.type).putAlongAxisAdd(positions, context.cotangent, axis: axis)]
  }
}

/// The positions that sort x along an axis.
public struct ArgSort: SortOperator {
  public var axis = -1
  public var descending = false
  public init() {}
  public static let record = sort(
    "arg_sort", "the positions (i64) whose elements are in order along an axis; stable; NaN is the largest")

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    _ = try Axis.normalized(axis, rank: operands[0].rank)
    return [operands[0].with(dtype: .i64)]
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    throw NotDifferentiable("its result is positions")
  }
}

/// The k largest elements along the last axis, largest first, and their positions; the first of ties comes first, NaN is the
/// largest.
public struct TopK: Operator {
  public var k = 1
  public init() {}
  public init(k: Int) { self.k = k }

  public static let record = OperatorRecord(
    "top_k", .indexing, "the k largest along the last axis and their positions (i64); first of ties; NaN is largest",
    operands: [OperandRecord("x", .comparable)], attributes: [attribute("k", \.k, "how many", required: true)],
    results: ["values", "indices"])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let axis = try Axis.normalized(-1, rank: operands[0].rank)
    guard let size = operands[0].shape[axis].number else {
      throw TypeError("the last axis of \(operands[0]) must be a number", operand: 0, help: "bind the symbol first")
    }
    guard k >= 0, k <= size else {
      throw TypeError("k must lie in 0 … \(size), the size of the last axis, but is \(k)", attribute: "k")
    }
    var shape = operands[0].shape
    shape[axis] = .number(k)
    return [operands[0].with(shape: shape), TensorType(.i64, shape)]
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    guard let g = context.cotangents[0] else { throw NotDifferentiable("its second result is positions") }
    let x = context.operands[0]
    return [try context.builder.zeros(x.type).putAlongAxisAdd(context.results[1], g, axis: -1)]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    operands[0].shape.elementCount ?? 0
  }
}

extension Value {
  /// The elements in order along an axis; stable, NaN is the largest.
  public func sorted(axis: Int = -1, descending: Bool = false) throws -> Value {
    try apply(Sort(axis: axis, descending: descending))
  }

  /// The positions (i64) that sort this value along an axis.
  public func argSort(axis: Int = -1, descending: Bool = false) throws -> Value {
    try apply(ArgSort(axis: axis, descending: descending))
  }

  /// The k largest along the last axis, largest first, and their positions (i64).
  public func topK(_ k: Int) throws -> (values: Value, indices: Value) {
    let results = try builder.append(TopK(k: k), [self])
    return (results[0], results[1])
  }
}
