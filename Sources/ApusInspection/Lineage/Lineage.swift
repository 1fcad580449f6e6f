import ApusGraph
import ApusOperators

/// What became of the nodes of a graph in the one that a pass made of it.
///
/// Nothing is recorded while passes run: the links are found afterwards, by what nodes compute. A node that computes the
/// same, inside a fusion too, is the same node; what is left has a partner in its place (`GraphAlignment`), and what has
/// none was taken up by a reader or an operand. So every node has a way down and a way up unless its graph has none.
public struct Lineage: Sendable {
  public enum Kind: String, Sendable {
    /// It computes the same, or is the same operator on other operands in the same place.
    case same
    /// Another operator in its place.
    case place
    /// The nearest reader that has a link, or else the nearest operand.
    case near
  }

  public struct Link: Hashable, Sendable {
    public let from: NodeAddress
    public let to: NodeAddress
    public let kind: Kind
  }

  /// In the order of the old graph, those that only the new one has a need of at the end.
  public private(set) var links: [Link] = []

  /// Links of one node to as many others suffice: a constant may be in hundreds of fusions.
  private static let limit = 8

  /// - Parameter alignment: of the two graphs.
  init(_ old: Graph, _ new: Graph, _ alignment: GraphAlignment) {
    var numbering = ValueClasses()
    let declared = numbering.declarations(of: old)
    let before = numbering.classes(of: old, declared: declared)
    let after = numbering.classes(of: new, declared: declared)
    linkEqual(before, after)
    linkPartners(old, new, alignment)
    complete(old, before, isDown: true)
    complete(new, after, isDown: false)
  }

  public init(_ old: Graph, _ new: Graph) { self.init(old, new, GraphAlignment(old, new)) }

  private mutating func linkEqual(_ before: [NodeAddress: [Int]], _ after: [NodeAddress: [Int]]) {
    var places: [Int: [NodeAddress]] = [:]
    for (address, classes) in after.sorted(by: { $0.key < $1.key }) {
      for number in classes { places[number, default: []].append(address) }
    }
    for (address, classes) in before.sorted(by: { $0.key < $1.key }) {
      var met = Set<NodeAddress>()
      // The node that holds the computation comes first, parameters of regions and fusions around it last.
      let found = classes.flatMap { places[$0] ?? [] }.filter { met.insert($0).inserted }
      for target in found.prefix(Lineage.limit) { links.append(Link(from: address, to: target, kind: .same)) }
    }
  }

  private mutating func linkPartners(_ old: Graph, _ new: Graph, _ alignment: GraphAlignment) {
    let linked = Set(links.map(\.from))
    let reached = Set(links.map(\.to))
    for node in old.nodes {
      guard let partner = alignment.newNodes[node.id.index] else { continue }
      let (from, to) = (NodeAddress([node.id.index]), NodeAddress([partner.index]))
      if linked.contains(from) && reached.contains(to) { continue }
      let isSame = node.op.isEqual(to: new.nodes[partner.index].op)
      links.append(Link(from: from, to: to, kind: isSame ? .same : .place))
    }
  }

  /// Gives nodes without a link those of a neighbor.
  /// - Parameter isDown: whether `graph` is the old one.
  private mutating func complete(_ graph: Graph, _ classes: [NodeAddress: [Int]], isDown: Bool) {
    var ends: [NodeAddress: NodeAddress] = [:]
    for link in links {
      let (near, far) = isDown ? (link.from, link.to) : (link.to, link.from)
      if ends[near] == nil { ends[near] = far }
    }
    let readers = graph.readers()
    var added: [Link] = []
    func adopt(_ node: Node, _ neighbors: [Node]) {
      let address = NodeAddress([node.id.index])
      guard ends[address] == nil else { return }
      guard let far = neighbors.lazy.compactMap({ ends[NodeAddress([$0.id.index])] }).first else { return }
      ends[address] = far
      added.append(isDown ? Link(from: address, to: far, kind: .near) : Link(from: far, to: address, kind: .near))
    }
    for node in graph.nodes.reversed() {
      adopt(node, node.results.flatMap { readers[$0.index] }.map { graph.nodes[$0.index] })
    }
    for node in graph.nodes { adopt(node, node.operands.map(graph.producer(of:))) }
    // Nodes in regions belong to the node around them.
    for address in classes.keys.sorted() where address.path.count > 1 && ends[address] == nil {
      guard let far = ends[NodeAddress([address.path[0]])] else { continue }
      added.append(isDown ? Link(from: address, to: far, kind: .near) : Link(from: far, to: address, kind: .near))
    }
    links += added
  }
}
