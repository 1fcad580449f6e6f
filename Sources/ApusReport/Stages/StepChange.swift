import ApusGraph
import ApusInspection

/// What distinguishes two graphs, as the nodes that are not the same in both.
struct StepChange {
  /// A node that is only in one of the graphs, or differs.
  struct Line {
    /// Its position; of what is in a region the position of the outermost node around it.
    let node: Int
    let text: String
    let path: [String]
  }

  let old: Graph
  let new: Graph
  let removed: [Line]
  let added: [Line]
  /// How nodes differ that are in both.
  let details: [String]
  private let alignment: GraphAlignment
  private let changedOld: Set<Int>
  private let changedNew: Set<Int>

  init(_ old: Graph, _ new: Graph) {
    let difference = GraphDifference(old, new)
    (self.old, self.new, alignment) = (old, new, difference.alignment)
    var (removed, added): ([Line], [Line]) = ([], [])
    // A result that is another value is no change of the node that computes it.
    for change in difference.changes where change.kind != .output && change.kind != .update {
      let owner = change.path.first.flatMap { old.node(labeled: $0.prefix { $0 != " " }) }
      let newOwner = owner.flatMap { difference.alignment.newNodes[$0]?.index }
      if let text = change.old, let node = owner ?? change.oldNode {
        removed.append(Line(node: node, text: text, path: change.path))
      }
      if let text = change.new, let node = newOwner ?? change.newNode {
        added.append(Line(node: node, text: text, path: change.path))
      }
    }
    (self.removed, self.added) = (Self.inOrder(removed), Self.inOrder(added))
    details = difference.changes.compactMap { $0.kind == .replaced ? nil : $0.detail }
    (changedOld, changedNew) = (Set(removed.map(\.node)), Set(added.map(\.node)))
  }

  /// By position, and each once: a node may differ in more than one way.
  private static func inOrder(_ lines: [Line]) -> [Line] {
    var seen = Set<String>()
    return lines.sorted { $0.node < $1.node }.filter {
      seen.insert(($0.path + [$0.text]).joined(separator: "\n")).inserted
    }
  }

  /// How many nodes differ.
  var size: Int { removed.count + added.count }

  /// The node of the old graph that a node of the new one is, unchanged.
  func keptOld(_ node: Int) -> Int? {
    guard let partner = alignment.oldNodes[node]?.index, !changedNew.contains(node), !changedOld.contains(partner)
    else {
      return nil
    }
    return partner
  }

  /// The node of the new graph that a node of the old one is, unchanged.
  func keptNew(_ node: Int) -> Int? {
    alignment.newNodes[node].flatMap { keptOld($0.index) == node ? $0.index : nil }
  }
}

extension Graph {
  /// The position of the node whose first result is called so.
  fileprivate func node(labeled label: Substring) -> Int? {
    nodes.first { $0.results.first.map { self.label(of: $0) == label } ?? false }?.id.index
  }
}
