import ApusCore
import ApusGraph

extension Graph {
  /// The graph with scans merged that have the same operands and carry the same values, such as a forward scan and the
  /// one that its gradient extended by outputs.
  ///
  /// The merged scan takes the position of the first one; the operands of all are the same. Carries are compared node by
  /// node, so composites are expanded before.
  package func mergingScans() throws -> Graph {
    let groups = try scanGroups()
    guard !groups.isEmpty else { return self }
    var groupOf = [Int?](repeating: nil, count: nodes.count)
    for (index, group) in groups.enumerated() {
      for member in group.members { groupOf[member.node.index] = index }
    }
    var merged = [[ValueID]?](repeating: nil, count: groups.count)
    return try rewritten(sharingEqualNodes: false) { node, operands, builder in
      guard let index = groupOf[node.id.index],
        let member = groups[index].members.first(where: { $0.node == node.id })
      else { return .keep }
      if merged[index] == nil {
        merged[index] = try builder.append(
          node.op, operands, regions: [groups[index].body], names: names(of: node), origin: node.origin)
      }
      return .replace(member.results.map { (merged[index] ?? [])[$0] })
    }
  }

  private func scanGroups() throws -> [ScanGroup] {
    let candidates = nodes.filter { $0.op is Scan }
    guard candidates.count > 1 else { return [] }
    let live = liveNodes()
    var groups: [ScanGroup] = []
    var byOperands: [[ValueID]: [Int]] = [:]
    for node in candidates where live[node.id.index] {
      guard let op = node.op as? Scan else { continue }
      var isMember = false
      for index in byOperands[node.operands] ?? [] where !isMember && groups[index].op == op {
        isMember = try groups[index].join(node)
      }
      if isMember { continue }
      byOperands[node.operands, default: []].append(groups.count)
      groups.append(
        ScanGroup(
          op: op, operands: node.operands, body: node.regions[0],
          members: [(node.id, Array(node.results.indices))]))
    }
    return groups.filter { $0.members.count > 1 }
  }
}

/// Scans that are merged.
private struct ScanGroup {
  let op: Scan
  let operands: [ValueID]
  var body: Graph
  /// For each scan the positions of its results in the merged one.
  var members: [(node: NodeID, results: [Int])]

  /// Adds a scan's outputs to the body if both carry the same values.
  mutating func join(_ node: Node) throws -> Bool {
    let other = node.regions[0]
    let builder = GraphBuilder(extending: body)
    let outputs = try other.inlined(into: builder, body.parameters)
    guard outputs.prefix(op.carries) == body.outputs.prefix(op.carries) else { return false }
    var all = body.outputs
    var positions = Array(0..<op.carries)
    for output in outputs.dropFirst(op.carries) {
      if let position = all.dropFirst(op.carries).firstIndex(of: output) {
        positions.append(position)
      } else {
        positions.append(all.count)
        all.append(output)
      }
    }
    body = builder.build(outputs: all)
    members.append((node.id, positions))
    return true
  }
}
