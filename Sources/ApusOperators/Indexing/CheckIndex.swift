import ApusCore
import ApusGraph

/// Integers that must be in 0 … size − 1. Another one is an error when the graph runs.
///
/// For labels, which unlike indices of `gather` never count from the end: a label of −1 is a mistake in the data, not the
/// last class.
public struct CheckIndex: Operator {
  /// The bound, excluded.
  public var size = 1
  public init() {}
  public init(size: Int) { self.size = size }

  public static let record = OperatorRecord(
    "check_index", .indexing, "x unchanged; an error at run time where an element is not in 0 … size − 1",
    operands: [OperandRecord("x", .index)],
    attributes: [attribute("size", \.size, "what all elements stay below", required: true)],
    traits: [.elementwise, .idempotent])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    guard size >= 0 else { throw TypeError("'size' cannot be negative, but is \(size)", attribute: "size") }
    return operands
  }

  /// Every backend's message for an element that is out of range.
  package var outOfRangeHelp: String {
    size == 0 ? "there are no classes" : "labels and indices must lie in 0 … \(size - 1)"
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] { [nil] }
  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int { 0 }
}

extension Value {
  /// This value, checked at run time: all elements are in 0 … size − 1.
  public func checkedIndex(below size: Int) throws -> Value { try apply(CheckIndex(size: size)) }
}
