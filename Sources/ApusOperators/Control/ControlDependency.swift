import ApusCore
import ApusGraph

/// A value, but not before another has been computed.
///
/// What reads the result stands behind the other value in every order of the graph, and is neither merged with what reads
/// the value itself nor fused with what computes it: so a pass keeps apart what it computes twice on purpose.
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
  /// This value, but not before `other` has been computed.
  public func after(_ other: Value) throws -> Value { try builder.append(ControlDependency(), [self, other])[0] }
}
