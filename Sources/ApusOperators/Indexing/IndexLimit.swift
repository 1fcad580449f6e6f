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
  /// their limits, through views, casts to integers and the regions of fusions and scans. Nil if nothing looks up by it.
  public func indexLimit(of value: ValueID) -> Int? { indexUses(of: value).limit }

  /// The limit of a value, and the values that have the same numbers.
  private func indexUses(of value: ValueID) -> (limit: Int?, carriers: Set<ValueID>) {
    var carriers: Set<ValueID> = [value]
    var limit: Int?
    for node in nodes {
      for (position, operand) in node.operands.enumerated() where carriers.contains(operand) {
        func take(_ found: Int?) { if let found { limit = min(limit ?? found, found) } }
        take((node.op as? any LookUpOperator)?.indexLimit(ofOperand: position, operandTypes(of: node)))
        let isCarried = node.op.traits.contains(.movesData) || node.op is any IndexCarrier
        if isCarried, position == 0, node.results.count == 1, !type(of: node.result).dtype.isFloating {
          carriers.insert(node.result)
        }
        // A region whose parameters are the operands.
        for region in node.regions where region.parameters.count == node.operands.count {
          let inside = region.indexUses(of: region.parameters[position])
          take(inside.limit)
          guard region.outputs.count == node.results.count else { continue }
          for (result, output) in zip(node.results, region.outputs) where inside.carriers.contains(output) {
            carriers.insert(result)
          }
        }
      }
    }
    return (limit, carriers)
  }
}

extension TensorType {
  fileprivate func size(along axis: Int) -> Int? {
    (try? Axis.normalized(axis, rank: shape.rank)).flatMap { shape[$0].number }
  }
}
