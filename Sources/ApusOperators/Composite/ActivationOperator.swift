import ApusCore
import ApusGraph

/// A composite function of one number, applied to each element. Its derivative is a formula of its own: shorter than
/// that of the expansion, and finite if that one meets ∞ · 0.
public protocol ActivationOperator: CompositeOperator {
  func value(_ x: Value) throws -> Value

  /// The cotangent of x, given y = f(x) and the cotangent g of y. Formulas use y rather than x if possible, so that x
  /// can be freed and an activation still fuses with its producer.
  func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value
}

extension ActivationOperator {
  public var hasOwnGradient: Bool { true }

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] { [operands[0]] }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] { [try value(operands[0])] }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    [try cotangent(context.operands[0], context.results[0], context.cotangent)]
  }

  /// The record of such an operator.
  public static func activation(
    _ name: String, _ summary: String, attributes: [AttributeRecord] = [], traits: OperatorTraits = []
  ) -> OperatorRecord {
    OperatorRecord(
      name, .activation, summary, operands: [OperandRecord("x", .floating)], attributes: attributes,
      traits: traits.union(.elementwise))
  }
}
