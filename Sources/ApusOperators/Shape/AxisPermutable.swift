import ApusCore
import ApusGraph

/// An operator that can work on operands whose axes are in another order, without being elementwise.
///
/// An order says where axes come from, as the permutation of a transpose does: where x = transpose(u, order), axis i of x
/// is axis order[i] of u.
public protocol AxisPermutable: Operator {
  /// The operator f′ and the order r for which f(transpose(u, order), …) = transpose(f′(u, …), r).
  /// - Parameter operands: the types of f's operands.
  func permuted(_ order: [Int], _ operands: [TensorType]) throws -> (op: any Operator, result: [Int])

  /// Whether an operand has the axes that are permuted; others stay as they are. The first always has.
  func followsAxes(operand: Int) -> Bool
}

extension AxisPermutable {
  public func followsAxes(operand: Int) -> Bool { true }
}

extension [Int] {
  /// An entry for each axis of x as one for each axis of u, where x = transpose(u, order).
  fileprivate func moved(_ order: [Int]) -> [Int] {
    var result = self
    for (axis, entry) in enumerated() { result[order[axis]] = entry }
    return result
  }
}

/// Folded axes leave gaps in the order of the rest.
private func permuted<Reduction: ReductionOperator>(
  _ op: Reduction, _ order: [Int], _ operands: [TensorType]
) throws -> (op: any Operator, result: [Int]) {
  let axes = try Axis.normalized(op.axes, rank: order.count)
  var result = op
  result.axes = axes.map { order[$0] }.sorted()
  if op.keepDims { return (result, order) }
  let kept = order.indices.filter { !axes.contains($0) }.map { order[$0] }
  let sorted = kept.sorted()
  return (result, kept.map { axis in sorted.firstIndex(of: axis) ?? 0 })
}

extension AxisPermutable where Self: ReductionOperator {
  public func permuted(_ order: [Int], _ operands: [TensorType]) throws -> (op: any Operator, result: [Int]) {
    try ApusOperators.permuted(self, order, operands)
  }
}

extension ReduceSum: AxisPermutable {}
extension ReduceProduct: AxisPermutable {}
extension ReduceMax: AxisPermutable {}
extension ReduceMin: AxisPermutable {}
extension ReduceAny: AxisPermutable {}
extension ReduceAll: AxisPermutable {}

extension Pad: AxisPermutable {
  public func permuted(_ order: [Int], _ operands: [TensorType]) throws -> (op: any Operator, result: [Int]) {
    var op = self
    (op.low, op.high) = (low.moved(order), high.moved(order))
    if !interior.isEmpty { op.interior = interior.moved(order) }
    return (op, order)
  }
}

extension Slice: AxisPermutable {
  public func permuted(_ order: [Int], _ operands: [TensorType]) throws -> (op: any Operator, result: [Int]) {
    var op = self
    (op.starts, op.limits) = (starts.moved(order), limits.moved(order))
    if !strides.isEmpty { op.strides = strides.moved(order) }
    return (op, order)
  }
}

extension Concatenate: AxisPermutable {
  public func permuted(_ order: [Int], _ operands: [TensorType]) throws -> (op: any Operator, result: [Int]) {
    (Concatenate(order[try Axis.normalized(axis, rank: order.count)]), order)
  }
}

extension Reverse: AxisPermutable {
  public func permuted(_ order: [Int], _ operands: [TensorType]) throws -> (op: any Operator, result: [Int]) {
    (Reverse(try Axis.normalized(axes, rank: order.count).map { order[$0] }.sorted()), order)
  }
}

extension CumulativeSum: AxisPermutable {
  public func permuted(_ order: [Int], _ operands: [TensorType]) throws -> (op: any Operator, result: [Int]) {
    var op = self
    op.axis = order[try Axis.normalized(axis, rank: order.count)]
    return (op, order)
  }
}

extension BatchNormInference: AxisPermutable {
  public func permuted(_ order: [Int], _ operands: [TensorType]) throws -> (op: any Operator, result: [Int]) {
    var op = self
    op.axis = order[try Axis.normalized(axis, rank: order.count)]
    return (op, order)
  }

  /// The others are vectors over the channels.
  public func followsAxes(operand: Int) -> Bool { operand == 0 }
}
