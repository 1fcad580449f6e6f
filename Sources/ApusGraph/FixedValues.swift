extension Graph {
  /// Values that are the same in every run: constants, variables that the graph does not update, and what is computed
  /// from those alone.
  package func fixedValues() -> Set<ValueID> {
    let updated = Set(updates.map(\.variable))
    var fixed: Set<ValueID> = []
    for node in nodes {
      let isFixed =
        switch node.op {
        case is Parameter: false
        case is Variable: !updated.contains(node.result)
        default: node.operands.allSatisfy(fixed.contains) && node.regions.isEmpty
        }
      if isFixed { fixed.formUnion(node.results) }
    }
    return fixed
  }
}
