import ApusCore
import ApusGraph

/// A function of one number, applied to each element.
public protocol UnaryOperator: Operator {
  /// The cotangent of x, given y = f(x) and the cotangent g of y; nil if the derivative is zero almost everywhere.
  /// Formulas use y rather than x if possible, so that x can be freed, and an activation still fuses.
  func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value?
}

extension UnaryOperator {
  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] { [operands[0]] }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    [try cotangent(context.operands[0], context.results[0], context.cotangent)]
  }

  /// The record of such an operator.
  public static func unary(
    _ name: String, _ summary: String, _ dtypes: DTypeSet = .floating, family: OperatorFamily = .elementwise,
    attributes: [AttributeRecord] = [], traits: OperatorTraits = []
  ) -> OperatorRecord {
    OperatorRecord(
      name, family, summary, operands: [OperandRecord("x", dtypes)], attributes: attributes,
      traits: traits.union(.elementwise))
  }
}

extension Value {
  /// Appends an operator without attributes whose only operand is this value.
  public func apply(_ op: some Operator) throws -> Value { try builder.append(op, [self])[0] }

  /// A scalar constant of this value's element type.
  public func scalar(_ value: Double) throws -> Value { try builder.constant(value, dtype) }
}
