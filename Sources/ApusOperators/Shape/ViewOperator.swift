import ApusGraph

/// An operator whose result may be another look at the memory of its first operand: nothing is computed, and the operand
/// is needed for as long as the result is.
public protocol ViewOperator: Operator {}

extension Reshape: ViewOperator {}
extension Transpose: ViewOperator {}
extension Broadcast: ViewOperator {}
extension Slice: ViewOperator {}
extension Reverse: ViewOperator {}
extension ControlDependency: ViewOperator {}
