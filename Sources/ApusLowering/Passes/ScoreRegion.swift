import ApusCore
import ApusGraph
import ApusOperators

/// Products of scores, and what follows along their rows: nodes that treat each row by itself, as far as the products that
/// read them.
struct ScoreRegion {
  /// In the graph's order.
  let nodes: [Node]
  /// What is computed together, in an order in which each waits for those before it only: first what attention gives, then
  /// its gradients.
  let loops: [ScoreLoop]

  /// The regions of a graph of which nothing is read otherwise.
  /// - Parameter isLarge: whether a product is of scores that are worth it.
  static func regions(of graph: Graph, isLarge: (Node) -> Bool) -> [ScoreRegion] {
    let products = graph.nodes.filter { $0.op is Matmul && isLarge($0) }
    guard !products.isEmpty else { return [] }
    var seeds = Set(products.map(\.id))
    let escaping = graph.escaping()
    // What is a product of weights and values in a region that fails may be one of scores in another.
    while true {
      var search = ScoreSearch(graph, seeds)
      for node in graph.nodes { search.visit(node) }
      for id in search.insideValues where escaping[id.index] { search.fail(id) }
      let failed = search.failedSeeds
      if failed.isEmpty { return search.regions() }
      seeds.subtract(failed)
    }
  }
}

/// Finds regions in one walk over a graph.
private struct ScoreSearch {
  let graph: Graph
  let seeds: Set<NodeID>
  /// By value inside of a region: the region, before they are joined.
  private var regionOf: [ValueID: Int] = [:]
  private var drafts: [Draft] = []
  /// By region: the one that it was joined with, or itself.
  private var joined: [Int] = []

  private struct Draft {
    /// The axes before the last two, and those.
    let batch: [Int]
    let rows: Int
    let columns: Int
    var nodes: [Node] = []
    /// Products that read rows.
    var results: [Node] = []
    var hasFailed = false
  }

  init(_ graph: Graph, _ seeds: Set<NodeID>) { (self.graph, self.seeds) = (graph, seeds) }

  var insideValues: [ValueID] { Array(regionOf.keys) }

  mutating func fail(_ id: ValueID) {
    if let region = regionOf[id] { drafts[root(region)].hasFailed = true }
  }

  mutating func visit(_ node: Node) {
    var regions: [Int] = []
    for id in node.operands {
      guard let region = regionOf[id].map(root), !regions.contains(region) else { continue }
      regions.append(region)
    }
    guard let region = regions.first else { return start(node) }
    let draft = drafts[region]
    if regions.count == 1, Self.isResult(node, graph, { regionOf[$0] != nil }, draft.batch, draft.rows, draft.columns) {
      drafts[region].results.append(node)
    } else if regions.allSatisfy({ isAlike(drafts[$0], draft) }), keepsRows(node, draft) {
      for other in regions.dropFirst() { join(other, region) }
      regionOf[node.result] = region
      drafts[region].nodes.append(node)
    } else {
      for region in regions { drafts[region].hasFailed = true }
    }
  }

  /// A region starts with a product of scores.
  private mutating func start(_ node: Node) {
    guard seeds.contains(node.id), let product = node.op as? Matmul, !product.transposeA,
      let dims = graph.type(of: node.result).shape.numbers, !dims.contains(0)
    else { return }
    regionOf[node.result] = drafts.count
    joined.append(drafts.count)
    drafts.append(
      Draft(batch: Array(dims.dropLast(2)), rows: dims[dims.count - 2], columns: dims[dims.count - 1], nodes: [node]))
  }

  private func root(_ region: Int) -> Int {
    var region = region
    while joined[region] != region { region = joined[region] }
    return region
  }

  private mutating func join(_ other: Int, _ region: Int) {
    joined[other] = region
    drafts[region].nodes += drafts[other].nodes
    drafts[region].results += drafts[other].results
    drafts[region].hasFailed = drafts[region].hasFailed || drafts[other].hasFailed
  }

  private func isAlike(_ a: Draft, _ b: Draft) -> Bool {
    a.batch == b.batch && a.rows == b.rows && a.columns == b.columns
  }

  /// Whether a node is a product that ends with what each row gives, or with a sum over rows.
  static func isResult(
    _ node: Node, _ graph: Graph, _ isInside: (ValueID) -> Bool, _ batch: [Int], _ rows: Int, _ columns: Int
  ) -> Bool {
    guard let product = node.op as? Matmul, isInside(node.operands[0]) != isInside(node.operands[1]),
      let dims = graph.type(of: node.result).shape.numbers, dims.dropLast(2) == batch[...]
    else { return false }
    if !product.transposeA { return isInside(node.operands[0]) && dims[dims.count - 2] == rows }
    return product.sumsRows
  }

  /// Whether a node makes of each row a row or one element.
  private func keepsRows(_ node: Node, _ draft: Draft) -> Bool {
    guard node.results.count == 1, let dims = graph.type(of: node.result).shape.numbers else { return false }
    let (row, element) = (draft.batch + [draft.rows, draft.columns], draft.batch + [draft.rows, 1])
    if let fold = node.op.asReduction {
      let rank = graph.type(of: node.operands[0]).rank
      return fold.keepDims && dims == element && (try? Axis.normalized(fold.axes, rank: rank)) == [rank - 1]
    }
    return node.op.traits.contains(.elementwise) && (dims == row || dims == element)
  }

  // MARK: Results

  /// The products with which regions that failed have started, and those of which nothing is to be computed in parts.
  var failedSeeds: Set<NodeID> {
    var result: Set<NodeID> = []
    for (index, draft) in drafts.enumerated() where joined[index] == index && draft.hasFailed {
      result.formUnion(draft.nodes.filter { seeds.contains($0.id) && $0.op is Matmul }.map(\.id))
    }
    return result
  }

  func regions() -> [ScoreRegion] {
    let roots = drafts.indices.filter { joined[$0] == $0 }
    // Results that wait for each other cannot come from one loop. One number for all regions, so that no two loops wait for
    // each other.
    let results = Set(roots.flatMap { drafts[$0].results.map(\.id) })
    var stages = [Int](repeating: 0, count: graph.valueCount)
    for node in graph.nodes {
      let stage = node.operands.reduce(results.contains(node.id) ? 1 : 0) { most, id in
        max(most, stages[id.index] + (results.contains(node.id) ? 1 : 0))
      }
      for id in node.results { stages[id.index] = stage }
    }
    return roots.compactMap { root in
      let draft = drafts[root]
      // Without a reduction the first product's epilogue computes what follows it.
      guard !draft.results.isEmpty, draft.nodes.contains(where: { $0.op.asReduction != nil }) else { return nil }
      let nodes = draft.nodes.sorted { $0.id < $1.id }
      let byStage = Dictionary(grouping: draft.results) { stages[$0.result.index] }
      let loops = byStage.sorted { $0.key < $1.key }.map { _, results in
        ScoreLoop(
          graph, batch: draft.batch, rows: draft.rows, columns: draft.columns, inside: nodes,
          results: results.sorted { $0.id < $1.id })
      }
      // More stages would compute the same scores ever again.
      return loops.count <= 2 ? ScoreRegion(nodes: nodes, loops: loops) : nil
    }
  }
}

extension Matmul {
  /// Whether it sums over the rows of both operands: aᵀ · b.
  var sumsRows: Bool { transposeA && !transposeB }
}
