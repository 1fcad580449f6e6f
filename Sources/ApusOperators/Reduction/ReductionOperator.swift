import ApusCore
import ApusGraph

/// A primitive that folds axes into one element each.
public protocol ReductionOperator: AxisFolding {}

extension Operator {
  /// The operator as a reduction; nil if it is not one.
  package var asReduction: (any ReductionOperator)? { Self.isReduction ? self as? any ReductionOperator : nil }
}

extension ReductionOperator {
  public static var isReduction: Bool { true }

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    [try folded(operands[0])]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    operands[0].shape.elementCount ?? 0
  }

  public static func reduction(
    _ name: String, _ summary: String, _ dtypes: DTypeSet = .numeric
  ) -> OperatorRecord {
    folding(name, .reduction, summary, dtypes)
  }
}
