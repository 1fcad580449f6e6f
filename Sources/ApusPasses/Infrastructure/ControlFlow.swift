import ApusCore
import ApusGraph

extension Graph {
  /// The graph with the bodies of its loops and branches rewritten. A pass calls this with itself, so that it reaches
  /// regions at any depth. Fusions are left as they are: a pass has finished them.
  /// - Parameter rewrite: a function from a body to an equivalent body.
  public func rewritingControlFlow(_ rewrite: (Graph) throws -> Graph) throws -> Graph {
    guard nodes.contains(where: { $0.op.traits.contains(.controlFlow) }) else { return self }
    var changed = false
    let result = try rewritten(sharingEqualNodes: false) { node, operands, builder in
      guard node.op.traits.contains(.controlFlow) else { return .keep }
      let regions = try node.regions.map(rewrite)
      guard regions != node.regions else { return .keep }
      changed = true
      return .replace(
        try builder.append(node.op, operands, regions: regions, names: names(of: node), origin: node.origin))
    }
    return changed ? result : self
  }
}
