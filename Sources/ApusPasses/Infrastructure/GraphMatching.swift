import ApusCore
import ApusGraph

/// Which nodes of two graphs are the same, for a graph and what a pass made of it.
///
/// Numbers of values say nothing: one new node shifts all after it. Nodes are matched in two steps, each a longest
/// common subsequence (Myers 1986):
/// 1. Nodes that compute the same — operator, attributes, types, and all that their operands are computed by — are
///    matched. They anchor the rest.
/// 2. Between two anchors, nodes are matched that look the same but for their operands.
///
/// A pair of the second step is *unchanged* where its operands correspond: each pair of operands is a matched pair, or
/// the old one is gone, the new one is new, and all readers agree that the one replaces the other. So a replaced node
/// changes its own line and no line of its readers, and a node that reads something else than before shows.
struct GraphMatching {
  /// Pairs of positions among the nodes, in order of both.
  private(set) var pairs: [(old: Int, new: Int)] = []
  /// Among the pairs those that read something else than before.
  private(set) var isChanged: [Bool] = []
  /// For each value of the old graph its counterpart, matched or replacing it.
  private var counterpart: [ValueID?]
  private var isTaken: [Bool]

  init(_ old: Graph, _ new: Graph) {
    counterpart = [ValueID?](repeating: nil, count: old.valueCount)
    isTaken = [Bool](repeating: false, count: new.valueCount)

    let anchors = GraphMatching.commonPairs(GraphMatching.deepKeys(old)[...], GraphMatching.deepKeys(new)[...])
    let (looksOld, looksNew) = (GraphMatching.shallowKeys(old), GraphMatching.shallowKeys(new))
    var (i, j) = (0, 0)
    for anchor in anchors + [(old.nodes.count, new.nodes.count)] {
      pairs += GraphMatching.commonPairs(looksOld[i..<anchor.old], looksNew[j..<anchor.new])
      if anchor.old < old.nodes.count { pairs.append(anchor) }
      (i, j) = (anchor.old + 1, anchor.new + 1)
    }

    for pair in pairs {
      for (a, b) in zip(old.nodes[pair.old].results, new.nodes[pair.new].results) { correspond(a, b) }
    }
    for pair in pairs {
      let operands = zip(old.nodes[pair.old].operands, new.nodes[pair.new].operands)
      isChanged.append(!operands.allSatisfy { agree($0, $1, old, new) })
    }
  }

  private mutating func correspond(_ a: ValueID, _ b: ValueID) {
    counterpart[a.index] = b
    isTaken[b.index] = true
  }

  /// Whether `b` is what became of `a`; decided by the first reader where neither is matched.
  mutating func agree(_ a: ValueID, _ b: ValueID, _ old: Graph, _ new: Graph) -> Bool {
    if let known = counterpart[a.index] { return known == b }
    guard !isTaken[b.index], old.type(of: a) == new.type(of: b) else { return false }
    correspond(a, b)
    return true
  }

  /// Pairs of positions of a longest common subsequence.
  static func commonPairs(_ old: ArraySlice<Int>, _ new: ArraySlice<Int>) -> [(old: Int, new: Int)] {
    var (isRemoved, isAdded) = (Set<Int>(), Set<Int>())
    for step in new.difference(from: old) {
      switch step {
      case .remove(let offset, _, _): isRemoved.insert(old.startIndex + offset)
      case .insert(let offset, _, _): isAdded.insert(new.startIndex + offset)
      }
    }
    return Array(zip(old.indices.filter { !isRemoved.contains($0) }, new.indices.filter { !isAdded.contains($0) }))
  }

  /// For each node a hash of all that it computes.
  private static func deepKeys(_ graph: Graph) -> [Int] {
    var keys: [Int] = []
    for (node, look) in zip(graph.nodes, shallowKeys(graph)) {
      var hasher = Hasher()
      hasher.combine(look)
      for operand in node.operands {
        let producer = graph.producer(of: operand)
        hasher.combine(keys[producer.id.index])
        hasher.combine(operand.index - producer.results[0].index)
      }
      keys.append(hasher.finalize())
    }
    return keys
  }

  /// For each node a hash of its line without operands.
  private static func shallowKeys(_ graph: Graph) -> [Int] {
    graph.nodes.map { node in
      var hasher = Hasher()
      hasher.combine(ObjectIdentifier(type(of: node.op)))
      node.op.hash(into: &hasher)
      hasher.combine(node.operands.count)
      hasher.combine(node.regions)
      hasher.combine(graph.resultTypes(of: node))
      hasher.combine(node.origin.name)
      return hasher.finalize()
    }
  }
}
