import ApusGraph
import ApusOperators

/// The place of a node: its position in the graph, or a path into regions that alternates nodes and regions.
public struct NodeAddress: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let path: [Int]

  public init(_ path: [Int]) { self.path = path }

  public var description: String { path.map(String.init).joined(separator: ".") }

  public static func < (a: NodeAddress, b: NodeAddress) -> Bool { a.path.lexicographicallyPrecedes(b.path) }

  func inside(region: Int, node: Int) -> NodeAddress { NodeAddress(path + [region, node]) }
}

/// Numbers values so that two of one number are the same function of the same inputs. Fusions are transparent: what is
/// computed inside one has the number that it would have outside.
struct ValueClasses {
  private struct Key: Hashable {
    let op: AnyHashable
    let operands: [Int]
    let regions: [Graph]
    let result: Int
  }

  private var known: [Key: Int] = [:]
  private var count = 0

  private mutating func fresh() -> Int {
    count += 1
    return count
  }

  /// The classes of the results of all nodes, those inside fusions too.
  /// - Parameter declared: for each parameter, then each variable, its class.
  mutating func classes(of graph: Graph, declared: [Int]) -> [NodeAddress: [Int]] {
    var found: [NodeAddress: [Int]] = [:]
    var declared = declared[...]
    let parameters = graph.parameters.map { ($0, declared.popFirst() ?? fresh()) }
    let variables = graph.variables.map { ($0.id, declared.popFirst() ?? fresh()) }
    _ = number(graph, Dictionary(uniqueKeysWithValues: parameters + variables), at: nil, &found)
    return found
  }

  /// As many classes as a graph has declarations.
  mutating func declarations(of graph: Graph) -> [Int] {
    (0..<(graph.parameters.count + graph.variables.count)).map { _ in fresh() }
  }

  /// - Returns: the classes of the graph's outputs.
  private mutating func number(
    _ graph: Graph, _ given: [ValueID: Int], at place: (NodeAddress, region: Int)?,
    _ found: inout [NodeAddress: [Int]]
  ) -> [Int] {
    var classes = [Int](repeating: 0, count: graph.valueCount)
    for node in graph.nodes {
      let address = place.map { $0.0.inside(region: $0.region, node: node.id.index) } ?? NodeAddress([node.id.index])
      let results: [Int]
      if let result = node.results.first, let known = given[result] {
        results = [known]
      } else {
        let operands = node.operands.map { classes[$0.index] }
        results = node.op is Fusion ? inside(node, operands, address, &found) : outside(node, operands)
      }
      for (id, number) in zip(node.results, results) { classes[id.index] = number }
      found[address] = results
    }
    return graph.outputs.map { classes[$0.index] }
  }

  private mutating func inside(
    _ fusion: Node, _ operands: [Int], _ address: NodeAddress, _ found: inout [NodeAddress: [Int]]
  ) -> [Int] {
    let region = fusion.regions[0]
    let given = Dictionary(uniqueKeysWithValues: zip(region.parameters, operands))
    return number(region, given, at: (address, 0), &found)
  }

  private mutating func outside(_ node: Node, _ operands: [Int]) -> [Int] {
    let operands = node.op.traits.contains(.commutative) ? operands.sorted() : operands
    return node.results.indices.map { result in
      let key = Key(op: AnyHashable(node.op), operands: operands, regions: node.regions, result: result)
      if let number = known[key] { return number }
      let number = fresh()
      known[key] = number
      return number
    }
  }
}
