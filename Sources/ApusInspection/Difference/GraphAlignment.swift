import ApusCore
import ApusGraph

/// Which nodes of two graphs are the same one, whatever they are called and in whatever order they stand.
///
/// Three steps, each on what the one before left. Nodes that compute the same thing, parameters taken by position, are
/// paired by a structural hash from the inputs down. The rest are paired from the outputs up: what the same reader takes in
/// the same place, if it is the same operator. Last, two nodes without a partner in the same place are one replaced by the
/// other.
package struct GraphAlignment: Sendable {
  /// For each node of the old graph its partner in the new one.
  package private(set) var newNodes: [NodeID?]
  /// For each node of the new graph its partner in the old one.
  package private(set) var oldNodes: [NodeID?]

  private let old: Graph
  private let new: Graph

  package init(_ old: Graph, _ new: Graph) {
    (self.old, self.new) = (old, new)
    newNodes = Array(repeating: nil, count: old.nodes.count)
    oldNodes = Array(repeating: nil, count: new.nodes.count)
    pairDeclarations()
    pairEqualNodes()
    let places = zip(old.outputs, new.outputs).map { ($0, $1) } + updatePairs
    pairPlaces(places, replacing: false)
    pairReaders()
    pairPlaces(places, replacing: true)
  }

  /// The value of the new graph that is `value` of the old one.
  func partner(ofOld value: ValueID) -> ValueID? { GraphAlignment.partner(of: value, in: old, newNodes, new) }

  /// The value of the old graph that is `value` of the new one.
  func partner(ofNew value: ValueID) -> ValueID? { GraphAlignment.partner(of: value, in: new, oldNodes, old) }

  private static func partner(of value: ValueID, in graph: Graph, _ partners: [NodeID?], _ other: Graph) -> ValueID? {
    let producer = graph.producer(of: value)
    guard let partner = partners[producer.id.index], let position = producer.results.firstIndex(of: value) else {
      return nil
    }
    let results = other.nodes[partner.index].results
    return position < results.count ? results[position] : nil
  }

  private mutating func pair(_ a: NodeID, _ b: NodeID) {
    newNodes[a.index] = b
    oldNodes[b.index] = a
  }

  // MARK: Declarations

  /// Parameters and variables are a graph's signature: by position where there are as many, else by name.
  private mutating func pairDeclarations() {
    for isKind in [{ $0 is Parameter }, { $0 is Variable }] as [(any Operator) -> Bool] {
      let (a, b) = (old.nodes.filter { isKind($0.op) }, new.nodes.filter { isKind($0.op) })
      if a.count == b.count {
        for (a, b) in zip(a, b) { pair(a.id, b.id) }
      } else {
        let named = Dictionary(b.map { (new.label(of: $0.result), $0.id) }) { first, _ in first }
        for a in a { if let b = named[old.label(of: a.result)] { pair(a.id, b) } }
      }
    }
  }

  /// The values of variables that have an update in both graphs.
  private var updatePairs: [(ValueID, ValueID)] {
    old.updates.compactMap { update in
      guard let variable = partner(ofOld: update.variable),
        let other = new.updates.first(where: { $0.variable == variable })
      else { return nil }
      return (update.value, other.value)
    }
  }

  // MARK: Equal nodes

  private mutating func pairEqualNodes() {
    var classes = NodeClasses()
    // Pairs have one number, that of the old node.
    let a = classes.number(old) { node in newNodes[node.id.index].map { _ in node.id.index } }
    let b = classes.number(new) { node in oldNodes[node.id.index].map(\.index) }
    var waiting: [Int: [NodeID]] = [:]
    for node in new.nodes.reversed() where oldNodes[node.id.index] == nil {
      waiting[b[node.id.index], default: []].append(node.id)
    }
    for node in old.nodes where newNodes[node.id.index] == nil {
      if let partner = waiting[a[node.id.index]]?.popLast() { pair(node.id, partner) }
    }
  }

  // MARK: The same place

  /// Walks from places that correspond towards the inputs.
  /// - Parameter replacing: pairs nodes of different operators too.
  private mutating func pairPlaces(_ places: [(ValueID, ValueID)], replacing: Bool) {
    var stack = Array(places.reversed())
    var seen = Set<[NodeID]>()
    while let (a, b) = stack.popLast() {
      let (x, y) = (old.producer(of: a), new.producer(of: b))
      guard seen.insert([x.id, y.id]).inserted else { continue }
      if newNodes[x.id.index] == nil, oldNodes[y.id.index] == nil {
        let isSame = type(of: x.op) == type(of: y.op)
        guard isSame || (replacing && x.results.count == y.results.count) else { continue }
        pair(x.id, y.id)
      }
      guard newNodes[x.id.index] == y.id else { continue }
      stack += zip(x.operands, y.operands).reversed()
    }
  }

  /// Nodes of one operator that read partners, in the order of the graphs.
  private mutating func pairReaders() {
    let readers = new.readers()
    for node in old.nodes where newNodes[node.id.index] == nil && !node.operands.isEmpty {
      let partners = node.operands.map(partner(ofOld:))
      for partner in partners {
        guard let partner, newNodes[node.id.index] == nil else { continue }
        let candidate = readers[partner.index].first { reader in
          let other = new.nodes[reader.index]
          return oldNodes[reader.index] == nil && type(of: other.op) == type(of: node.op)
            && other.operands.count == node.operands.count
            && zip(other.operands, partners).allSatisfy { $1 == nil || $0 == $1 }
        }
        if let candidate { pair(node.id, candidate) }
      }
    }
  }
}

/// Numbers nodes so that two have one number if they compute the same thing.
struct NodeClasses {
  private struct Key: Hashable {
    let kind: ObjectIdentifier
    let attributes: [String]
    let constant: Tensor?
    let operands: [[Int]]
    let regions: [[Int]]
  }

  private var known: [Key: Int] = [:]
  /// Below them are the numbers of declarations that are paired.
  private static let first = 1 << 32

  /// - Parameter declared: the number of a declaration that has a partner.
  mutating func number(_ graph: Graph, declared: (Node) -> Int?) -> [Int] {
    var numbers: [Int] = []
    for node in graph.nodes {
      if let number = declared(node) {
        numbers.append(number)
        continue
      }
      var operands = node.operands.map { operand -> [Int] in
        let producer = graph.producer(of: operand)
        return [numbers[producer.id.index], producer.results.firstIndex(of: operand) ?? 0]
      }
      if node.op.traits.contains(.commutative) { operands.sort { $0.lexicographicallyPrecedes($1) } }
      let key = Key(
        kind: ObjectIdentifier(type(of: node.op)), attributes: node.op.attributeTexts.map { "\($0)=\($1)" },
        constant: (node.op as? Constant)?.value, operands: operands, regions: node.regions.map { region($0) })
      let next = NodeClasses.first + known.count
      let number = known[key] ?? next
      known[key] = number
      numbers.append(number)
    }
    return numbers
  }

  /// What a region computes: the classes of its outputs, its parameters taken by position.
  private mutating func region(_ graph: Graph) -> [Int] {
    let positions = Dictionary(uniqueKeysWithValues: graph.parameters.enumerated().map { ($1, $0) })
    let numbers = number(graph) { node in node.results.first.flatMap { positions[$0] } }
    let outputs = graph.outputs.flatMap { output -> [Int] in
      let producer = graph.producer(of: output)
      return [numbers[producer.id.index], producer.results.firstIndex(of: output) ?? 0]
    }
    return [graph.parameters.count] + outputs
  }
}
