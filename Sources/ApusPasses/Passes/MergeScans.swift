import ApusCore
import ApusGraph
import ApusOperators

/// Merges scans that have the same operands and carry the same values, such as a forward scan and the one that its
/// gradient extended by outputs.
///
/// The merged scan takes the position of the first one, and gives what each of them gave; outputs that several have are
/// stacked once. Carries are compared node by node, so composites are expanded before. Each value is computed as it was.
public struct MergeScans: Pass {
  public static let record = PassRecord(
    "merge-scans", "merges scans of the same operands that carry the same values",
    statistics: [PassStatistic("merged", "scans merged into an earlier one")])

  public init() {}

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    var graph = try graph.rewritingControlFlow { try run($0, &context) }
    // What reads merged scans may have the same operands only now.
    while true {
      let groups = try graph.scanGroups().filter { _ in context.permits() }
      if groups.isEmpty { return graph }
      context.count("merged", groups.reduce(0) { $0 + $1.members.count - 1 })
      graph = try graph.merging(groups)
    }
  }
}

extension Graph {
  fileprivate func merging(_ groups: [ScanGroup]) throws -> Graph {
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

  fileprivate func scanGroups() throws -> [ScanGroup] {
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
