import ApusCore
import ApusGraph
import ApusOperators

/// Products of scores, and what follows along their rows: nodes that treat each row by itself, as far as the products that
/// read them.
struct ScoreRegion {
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
    // What is a product of weights and values in a region that fails may be one of scores in another. Where that goes on and
    // on, what is known by then is enough.
    for round in 1... {
      var search = ScoreSearch(graph, seeds)
      for node in graph.nodes { search.visit(node) }
      for id in search.insideValues where escaping[id.index] { search.fail(id) }
      let failed = search.failedSeeds
      if failed.isEmpty || round == mostRounds { return search.regions() }
      seeds.subtract(failed)
    }
    return []
  }

  private static let mostRounds = 8
}

/// A batch of matrices of scores.
struct ScoreShape: Hashable {
  let batch: [Int]
  let rows: Int
  let columns: Int

  /// - Parameter dims: two and more.
  init(_ dims: [Int]) {
    (batch, rows, columns) = (Array(dims.dropLast(2)), dims[dims.count - 2], dims[dims.count - 1])
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
    let shape: ScoreShape
    var nodes: [Node] = []
    /// Products that read rows.
    var results: [Node] = []
    var hasFailed = false
  }

  init(_ graph: Graph, _ seeds: Set<NodeID>) { (self.graph, self.seeds) = (graph, seeds) }

  var insideValues: [ValueID] { Array(regionOf.keys) }

  mutating func fail(_ id: ValueID) {
    guard let region = regionOf[id] else { return }
    drafts[root(region)].hasFailed = true
  }

  mutating func visit(_ node: Node) {
    var regions: [Int] = []
    for id in node.operands {
      guard let region = regionOf[id] else { continue }
      let root = root(region)
      if !regions.contains(root) { regions.append(root) }
    }
    guard let region = regions.first else { return start(node) }
    let shape = drafts[region].shape
    if regions.count == 1, isResult(node, shape) {
      drafts[region].results.append(node)
    } else if regions.allSatisfy({ drafts[$0].shape == shape }), keepsRows(node, shape) {
      let all = regions.dropFirst().reduce(region) { join($1, $0) }
      regionOf[node.result] = all
      drafts[all].nodes.append(node)
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
    drafts.append(Draft(shape: ScoreShape(dims), nodes: [node]))
  }

  private mutating func root(_ region: Int) -> Int {
    var region = region
    while joined[region] != region {
      joined[region] = joined[joined[region]]
      region = joined[region]
    }
    return region
  }

  /// The smaller one joins the larger one.
  /// - Returns: the region of both.
  private mutating func join(_ a: Int, _ b: Int) -> Int {
    let (other, region) = drafts[a].nodes.count < drafts[b].nodes.count ? (a, b) : (b, a)
    joined[other] = region
    drafts[region].nodes += drafts[other].nodes
    drafts[region].results += drafts[other].results
    drafts[region].hasFailed = drafts[region].hasFailed || drafts[other].hasFailed
    (drafts[other].nodes, drafts[other].results) = ([], [])
    return region
  }

  /// Whether a node is a product that ends with what each row gives, or with a sum over rows.
  private func isResult(_ node: Node, _ shape: ScoreShape) -> Bool {
    let isInside = node.operands.map { regionOf[$0] != nil }
    guard let product = node.op as? Matmul, isInside[0] != isInside[1],
      let dims = graph.type(of: node.result).shape.numbers, dims.dropLast(2) == shape.batch[...],
      // Not one element of each row.
      graph.type(of: node.operands[isInside[0] ? 0 : 1]).shape.dims.last == .number(shape.columns)
    else { return false }
    if !product.transposeA { return isInside[0] && dims[dims.count - 2] == shape.rows }
    return product.sumsRows
  }

  /// Whether a node makes of each row a row or one element.
  private func keepsRows(_ node: Node, _ shape: ScoreShape) -> Bool {
    guard node.results.count == 1, let dims = graph.type(of: node.result).shape.numbers else { return false }
    let (row, element) = (shape.batch + [shape.rows, shape.columns], shape.batch + [shape.rows, 1])
    if let fold = node.op.asReduction {
      let rank = graph.type(of: node.operands[0]).rank
      return fold.keepDims && dims == element && (try? Axis.normalized(fold.axes, rank: rank)) == [rank - 1]
    }
    return node.op.traits.contains(.elementwise) && (dims == row || dims == element)
  }

  // MARK: Results

  /// Products with which no region should have started: those without a reduction after them, for they may be what others have
  /// failed by; if there are none, all that have failed.
  var failedSeeds: Set<NodeID> {
    let failed = drafts.indices.filter { joined[$0] == $0 && !isComplete(drafts[$0]) }.map { drafts[$0] }
    let plain = failed.filter { !hasReduction($0) }
    return Set((plain.isEmpty ? failed : plain).flatMap(\.nodes).map(\.id)).intersection(seeds)
  }

  private func isComplete(_ draft: Draft) -> Bool { !draft.hasFailed && !draft.results.isEmpty && hasReduction(draft) }

  /// Without a reduction the first product's epilogue computes what follows it.
  private func hasReduction(_ draft: Draft) -> Bool { draft.nodes.contains { $0.op.asReduction != nil } }

  func regions() -> [ScoreRegion] {
    let roots = drafts.indices.filter { joined[$0] == $0 }
    // Results that wait for each other cannot come from one loop. One number for all regions, so that no two loops wait for
    // each other.
    let results = Set(roots.filter { isComplete(drafts[$0]) }.flatMap { drafts[$0].results.map(\.id) })
    var stages = [Int](repeating: 0, count: graph.valueCount)
    for node in graph.nodes {
      let stage = node.operands.reduce(0) { max($0, stages[$1.index]) } + (results.contains(node.id) ? 1 : 0)
      for id in node.results { stages[id.index] = stage }
    }
    return roots.compactMap { root in
      let draft = drafts[root]
      guard isComplete(draft) else { return nil }
      let nodes = draft.nodes.sorted { $0.id < $1.id }
      let byStage = Dictionary(grouping: draft.results) { stages[$0.result.index] }
      // More stages would compute the same scores ever again.
      guard byStage.count <= 2 else { return nil }
      let loops = byStage.sorted { $0.key < $1.key }.map { _, results in
        ScoreLoop(graph, draft.shape, inside: nodes, results: results.sorted { $0.id < $1.id })
      }
      return ScoreRegion(loops: loops)
    }
  }
}

extension Matmul {
  /// Whether it sums over the rows of both operands: aᵀ · b.
  var sumsRows: Bool { transposeA && !transposeB }
}
