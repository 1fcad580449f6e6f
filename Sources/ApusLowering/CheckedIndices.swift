import ApusGraph
import ApusOperators

/// Which look-ups need no check of their own, because one before them, in the same graph, fails for the same indices.
///
/// A run that fails says so before anything of it is seen, whichever launch comes first: until then a look-up without a
/// check reads or writes element 0. The gradient of `gather` looks up by the same indices at the end of a step: without a
/// check of its own, what writes variables need not wait for it.
struct CheckedIndices {
  /// By value: what its elements are below, or the run fails. Negative ones count from the end, and a longer axis has
  /// those, too.
  private var limits: [Int?]

  init(_ graph: Graph) { limits = [Int?](repeating: nil, count: graph.valueCount) }

  /// The operands of a node that nodes before it have checked.
  func operands(of node: Node, _ graph: Graph) -> Set<Int> {
    guard let op = node.op as? any LookUpOperator else { return [] }
    let types = graph.operandTypes(of: node)
    return Set(
      node.operands.indices.filter { position in
        guard let own = op.indexLimit(ofOperand: position, types), let known = limits[node.operands[position].index]
        else { return false }
        return known <= own
      })
  }

  /// Takes note of what a node checks.
  mutating func insert(_ node: Node, _ graph: Graph) {
    guard let op = node.op as? any LookUpOperator,
      // Nothing is looked up for an empty result.
      graph.type(of: node.result).shape.elementCount != 0
    else { return }
    let types = graph.operandTypes(of: node)
    for (position, operand) in node.operands.enumerated() {
      guard let own = op.indexLimit(ofOperand: position, types) else { continue }
      limits[operand.index] = min(limits[operand.index] ?? own, own)
      // Its result has the same elements.
      if op is CheckIndex { limits[node.result.index] = limits[operand.index] }
    }
  }
}
