import ApusGraph

/// An operator whose result can be an alias of the memory of its first operand: nothing is computed, and the operand is
/// live while the result is.
public protocol ViewOperator: Operator {}

extension Reshape: ViewOperator {}
extension Transpose: ViewOperator {}
extension Broadcast: ViewOperator {}
extension Slice: ViewOperator {}
extension Reverse: ViewOperator {}
extension ControlDependency: ViewOperator {}
