import ApusCore
import ApusGraph

/// Forwards its first operand, scheduled after its second.
///
/// A reader of the result follows the second operand in every order of the graph. It is neither merged with readers of the
/// first operand nor fused with its producer, so that a value can be computed twice on purpose.
public struct ControlDependency: Operator {
  public init() {}

  public static let record = OperatorRecord(
    "control_dependency", .control, "x unchanged, but not before another value has been computed",
    operands: [OperandRecord("x", .any), OperandRecord("after", .any, "what must be computed first; not read")],
    traits: .movesData)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] { [operands[0]] }

  // Only the order is constrained, so the cotangent flows to x alone.
  public func gradient(_ context: GradientContext) throws -> [Value?] { [try context.cotangent, nil] }
}

extension Value {
  /// Forwards this value, scheduled after `other`.
  public func after(_ other: Value) throws -> Value { try builder.append(ControlDependency(), [self, other])[0] }
}
