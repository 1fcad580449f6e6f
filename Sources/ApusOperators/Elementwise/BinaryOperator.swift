import ApusCore
import ApusGraph

/// A function of two numbers of one type, applied elementwise; shapes broadcast as NumPy's do.
public protocol BinaryOperator: Operator {
  /// The cotangents of a and b before broadcasting is undone, given y = f(a, b) and the cotangent g of y;
  /// nil if the derivative is zero almost everywhere.
  func cotangents(_ a: Value, _ b: Value, _ y: Value, _ g: Value, _ wanted: [Bool]) throws -> (Value?, Value?)
}

extension BinaryOperator {
  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    [try Self.broadcastType(operands)]
  }

  /// Same element type, shapes broadcast.
  public static func broadcastType(_ operands: [TensorType]) throws -> TensorType {
    guard operands[0].dtype == operands[1].dtype else {
      throw TypeError(
        "the operands must have one element type, not \(operands[0].dtype) and \(operands[1].dtype)", operand: 1,
        help: "cast one of them")
    }
    guard let shape = Shape.broadcast(operands[0].shape, operands[1].shape) else {
      throw TypeError(
        "the shapes \(operands[0].shape) and \(operands[1].shape) do not broadcast", operand: 1,
        help: "aligned at the last axis, dimensions must be equal or 1")
    }
    return TensorType(operands[0].dtype, shape)
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (a, b) = (context.operands[0], context.operands[1])
    let (da, db) = try cotangents(a, b, context.results[0], context.cotangent, context.wanted)
    return [
      try context.wanted[0] ? da?.summed(to: a.shape) : nil,
      try context.wanted[1] ? db?.summed(to: b.shape) : nil,
    ]
  }

  /// The record of such an operator.
  public static func binary(
    _ name: String, _ summary: String, _ dtypes: DTypeSet = .numeric, family: OperatorFamily = .elementwise,
    traits: OperatorTraits = []
  ) -> OperatorRecord {
    OperatorRecord(
      name, family, summary, operands: [OperandRecord("a", dtypes), OperandRecord("b", dtypes)],
      traits: traits.union(.elementwise))
  }
}

extension Value {
  /// Undoes a broadcast: the sum over the axes along which a tensor of `shape` was repeated.
  public func summed(to shape: Shape) throws -> Value {
    var result = self
    let extra = rank - shape.rank
    if extra > 0 { result = try result.sum(axes: Array(0..<extra)) }
    let repeated = (0..<shape.rank).filter { shape[$0] == 1 && result.shape[$0] != 1 }
    return repeated.isEmpty ? result : try result.sum(axes: repeated, keepDims: true)
  }
}
