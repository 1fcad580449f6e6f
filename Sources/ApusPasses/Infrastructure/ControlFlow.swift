import ApusCore
import ApusGraph
import ApusOperators

extension Graph {
  /// The graph with the bodies of its loops and branches rewritten. A pass calls this with itself, so that it reaches
  /// regions at any depth. Fusions are left as they are: a pass has finished them.
  /// - Parameters:
  ///   - includesOpenFusions: whether fusions that state no nest are rewritten too. They come from texts, and are lowered
  ///     node by node, so a pass that native code needs must reach their nodes.
  ///   - rewrite: a function from a body to an equivalent body.
  public func rewritingControlFlow(
    includesOpenFusions: Bool = false, _ rewrite: (Graph) throws -> Graph
  ) throws -> Graph {
    func isRewritten(_ node: Node) -> Bool {
      if node.op.traits.contains(.controlFlow) { return true }
      return includesOpenFusions && (node.op as? Fusion).map { $0.domain == nil } == true
    }
    guard nodes.contains(where: isRewritten) else { return self }
    var changed = false
    let result = try rewritten(sharingEqualNodes: false) { node, operands, builder in
      guard isRewritten(node) else { return .keep }
      let regions = try node.regions.map(rewrite)
      guard regions != node.regions else { return .keep }
      changed = true
      return .replace(
        try builder.append(node.op, operands, regions: regions, names: names(of: node), origin: node.origin))
    }
    return changed ? result : self
  }
}
