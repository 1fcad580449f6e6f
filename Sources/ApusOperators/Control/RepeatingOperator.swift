import ApusCore
import ApusGraph

/// An operator that runs its regions again and again.
public protocol RepeatingOperator: Operator {
  /// How often, as far as the types of its operands tell; 1 if they do not.
  func iterationCount(_ operands: [TensorType]) -> Int
}
