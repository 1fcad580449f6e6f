import ApusCore
import ApusGraph

/// An operator that looks something up by the elements of an operand.
public protocol LookUpOperator: Operator {
  /// What the elements of an operand must stay below.
  /// - Returns: nil if the operand is not an index, or if its limit is a symbol.
  func indexLimit(ofOperand position: Int, _ operands: [TensorType]) -> Int?
}

/// An elementwise operator whose result has the same numbers as its operand, if that is an index.
protocol IndexCarrier: Operator {}

extension CheckIndex: IndexCarrier {}
extension Cast: IndexCarrier {}

extension CheckIndex: LookUpOperator {
  public func indexLimit(ofOperand position: Int, _ operands: [TensorType]) -> Int? { size }
}

extension OneHot: LookUpOperator {
  public func indexLimit(ofOperand position: Int, _ operands: [TensorType]) -> Int? { depth }
}

extension Gather: LookUpOperator {
  public func indexLimit(ofOperand position: Int, _ operands: [TensorType]) -> Int? {
    position == 1 ? operands[0].size(along: axis) : nil
  }
}

extension TakeAlongAxis: LookUpOperator {
  public func indexLimit(ofOperand position: Int, _ operands: [TensorType]) -> Int? {
    position == 1 ? operands[0].size(along: axis) : nil
  }
}

extension ScatterAdd: LookUpOperator {
  public func indexLimit(ofOperand position: Int, _ operands: [TensorType]) -> Int? {
    position == 0 ? operands[2].size(along: axis) : nil
  }
}

extension PutAlongAxisAdd: LookUpOperator {
  public func indexLimit(ofOperand position: Int, _ operands: [TensorType]) -> Int? {
    position == 0 ? operands[2].size(along: axis) : nil
  }
}

extension SparseCategoricalCrossEntropy: LookUpOperator {
  public func indexLimit(ofOperand position: Int, _ operands: [TensorType]) -> Int? {
    position == 0 ? operands[1].size(along: -1) : nil
  }
}

extension Graph {
  /// What the elements of an integer value must stay below, as far as the operators that look up by it say: the least of
  /// their limits, through views and casts to integers. Nil if nothing looks up by it.
  public func indexLimit(of value: ValueID) -> Int? {
    var carriers: Set<ValueID> = [value]
    var limit: Int?
    for node in nodes {
      for (position, operand) in node.operands.enumerated() where carriers.contains(operand) {
        if let found = (node.op as? any LookUpOperator)?.indexLimit(ofOperand: position, operandTypes(of: node)) {
          limit = min(limit ?? found, found)
        }
        let isCarried = node.op.traits.contains(.movesData) || node.op is any IndexCarrier
        if isCarried, position == 0, node.results.count == 1, !type(of: node.result).dtype.isFloating {
          carriers.insert(node.result)
        }
      }
    }
    return limit
  }
}

extension TensorType {
  fileprivate func size(along axis: Int) -> Int? {
    (try? Axis.normalized(axis, rank: shape.rank)).flatMap { shape[$0].number }
  }
}
