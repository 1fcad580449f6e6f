import ApusCore
import ApusGraph
import ApusOperators

/// How a member's axes correspond to its nest's domain.
enum NestForm {
  /// Aligned at the last axis: of the domain's shape or broadcast to it.
  case aligned
  /// Without the folded axes.
  case folded
}

/// A nest while it grows.
struct NestCandidate {
  var members: [NodeID]
  var domain: Shape
  /// The axes that its reductions fold; nil: no reduction yet.
  var foldedAxes: [Int]?
  /// Whether it is built around a contraction or a window.
  var hasHead = false

  /// The position of the earliest member.
  var first: Int { members.reduce(.max) { min($0, $1.index) } }

  /// A scalar for all that is folded is aligned with anything.
  var foldsAll: Bool { foldedAxes?.count == domain.rank }
}

/// Which nodes of a graph go into which nest.
struct NestPlan {
  let graph: Graph
  let size: Int
  private(set) var nests: [NestCandidate] = []
  /// By node; nil: in no nest.
  private(set) var nestOf: [Int?]
  /// By value.
  private(set) var forms: [NestForm]
  /// What kept a value out of the nest of a node that reads it, when that was tried.
  private(set) var obstacles: [Edge: FusionObstacle] = [:]
  /// Members that were others' before.
  private(set) var moved: Set<NodeID> = []
  /// Positions of nodes, ascending, such that no nest has members both before and from there on.
  private var cuts: [Int] = []
  /// The nests that may become fusions; nil: all.
  var permitted: Set<Int>?

  struct Edge: Hashable {
    let value: ValueID
    let reader: NodeID
  }

  /// - Parameter graph: without dead nodes.
  init(_ graph: Graph, size: Int) {
    self.graph = graph
    self.size = size
    nestOf = [Int?](repeating: nil, count: graph.nodes.count)
    forms = [NestForm](repeating: .aligned, count: graph.valueCount)
  }

  mutating func grow() {
    for node in graph.nodes {
      cuts.append(node.id.index)
      guard canFuse(node) else { continue }
      var joined: Int?
      for nest in nestsOfOperands(node) {
        do throws(FusionObstacle) {
          if let target = joined {
            try unite(nest, with: target)
          } else {
            try join(node, nest)
            joined = nest
          }
        } catch {
          note(error, between: nest, and: node)
        }
      }
      if joined == nil { begin(node) }
    }
    uniteSiblings()
    moveToReaders()
  }

  /// Makes a member of a nest one of another, aligned with its domain.
  mutating func move(_ member: NodeID, from nest: Int, to target: Int) {
    for operand in graph.nodes[member.index].operands where nestOf[graph.producer(of: operand).id.index] == nest {
      obstacles[Edge(value: operand, reader: member)] = .moved
    }
    nests[nest].members.removeAll { $0 == member }
    nests[target].members.append(member)
    nestOf[member.index] = target
    moved.insert(member)
  }

  /// Removes the cuts that a nest has grown over.
  private mutating func span(_ nest: Int) {
    let first = nests[nest].first
    while let last = cuts.last, last > first { cuts.removeLast() }
  }

  /// The last cut that no member of a nest precedes. What is before it cannot depend on the nest.
  func cut(before nest: Int) -> Int {
    let first = nests[nest].first
    // Binary search for the first cut after it.
    var (low, high) = (0, cuts.count)
    while low < high {
      let middle = (low + high) / 2
      if cuts[middle] > first { high = middle } else { low = middle + 1 }
    }
    return low == 0 ? 0 : cuts[low - 1]
  }

  private mutating func note(_ obstacle: FusionObstacle, between nest: Int, and node: Node) {
    for operand in node.operands where nestOf[graph.producer(of: operand).id.index] == nest {
      obstacles[Edge(value: operand, reader: node.id)] = obstacle
    }
  }

  func canFuse(_ node: Node) -> Bool {
    node.results.count == 1 && node.regions.isEmpty && (node.op.asComposite == nil || isElementwise(node))
      && (!node.op.traits.isDisjoint(with: [.elementwise, .broadcasts]) || node.op.asReduction != nil
        || node.headsNest(graph))
  }

  func isElementwise(_ node: Node) -> Bool { node.op.traits.contains(.elementwise) }

  func shape(_ id: ValueID) -> Shape { graph.type(of: id).shape }

  private func foldedAxes(of node: Node) -> [Int]? {
    guard let op = node.op.asReduction else { return nil }
    return try? Axis.normalized(op.axes, rank: shape(node.operands[0]).rank)
  }

  // MARK: Beginning and joining

  private mutating func begin(_ node: Node) {
    // A broadcast alone is a view.
    if node.op.traits.contains(.broadcasts) { return }
    var nest = NestCandidate(
      members: [node.id], domain: shape(node.result), hasHead: node.headsNest(graph))
    if let axes = foldedAxes(of: node) {
      nest = NestCandidate(members: [node.id], domain: shape(node.operands[0]), foldedAxes: axes)
    }
    nestOf[node.id.index] = nests.count
    nests.append(nest)
    if let op = node.op.asReduction, !op.keepDims, !nest.foldsAll, nest.foldedAxes != [] {
      forms[node.result.index] = .folded
    }
  }

  /// The nests that compute the node's operands: those with a head first, then the largest, then the latest.
  private func nestsOfOperands(_ node: Node) -> [Int] {
    var found: [Int] = []
    for operand in node.operands {
      if let nest = nestOf[graph.producer(of: operand).id.index], !found.contains(nest) { found.append(nest) }
    }
    return found.sorted {
      (nests[$0].hasHead ? 1 : 0, nests[$0].members.count, $0)
        > (nests[$1].hasHead ? 1 : 0, nests[$1].members.count, $1)
    }
  }

  private mutating func join(_ node: Node, _ nest: Int) throws(FusionObstacle) {
    let form = try form(of: node, joining: nest)
    if closesPath(node, nest) { throw .path }
    nests[nest].members.append(node.id)
    nestOf[node.id.index] = nest
    forms[node.result.index] = form
    if let axes = foldedAxes(of: node) { nests[nest].foldedAxes = axes }
    span(nest)
  }

  /// The form that a node's result has in a nest that computes an operand of it.
  private func form(of node: Node, joining index: Int) throws(FusionObstacle) -> NestForm {
    let nest = nests[index]
    guard nest.members.count < size else { throw .size(size) }
    let inside = node.operands.filter { nestOf[graph.producer(of: $0).id.index] == index }
    let shape = shape(node.result)
    let isPlain = !node.op.traits.isDisjoint(with: [.elementwise, .broadcasts])
    if nest.hasHead {
      guard isPlain else {
        throw node.op.asReduction == nil ? .recomputation(node.op.name) : .reductionAfterHead
      }
      guard shape == nest.domain else { throw .domain(nest: nest.domain, consumer: shape) }
      return .aligned
    }
    if let axes = foldedAxes(of: node), let op = node.op.asReduction {
      // It is aligned if it has the domain's shape: what is folded has fewer axes.
      let operand = node.operands[0]
      guard self.shape(operand) == nest.domain else { throw .domain(nest: nest.domain, consumer: self.shape(operand)) }
      guard nest.foldedAxes ?? axes == axes else { throw .axes(nest: nest.foldedAxes ?? [], consumer: axes) }
      guard isWorthFolding(nest.domain, axes) else { throw .largeFold }
      return op.keepDims || axes.isEmpty || axes.count == nest.domain.rank ? .aligned : .folded
    }
    guard isPlain else { throw .recomputation(node.op.name) }
    let (isAligned, isFolded) = (
      inside.allSatisfy { forms[$0.index] == .aligned }, inside.allSatisfy { forms[$0.index] == .folded }
    )
    if shape == nest.domain, isAligned { return .aligned }
    if let axes = nest.foldedAxes {
      if shape == nest.domain.reduced(axes, keepDims: true), isAligned { return .aligned }
      if shape == nest.domain.reduced(axes, keepDims: false), isFolded { return .folded }
    }
    throw shape == nest.domain ? .alignment : .domain(nest: nest.domain, consumer: shape)
  }

  /// A fold of very many elements into few is faster alone: its work can then be divided in another way than that of the
  /// elements.
  private func isWorthFolding(_ domain: Shape, _ axes: [Int]) -> Bool {
    guard let all = domain.elementCount, let kept = domain.reduced(axes, keepDims: false).elementCount else {
      return true
    }
    return kept >= 16 || all <= 1 << 15
  }

  // MARK: Merging

  /// Merges a nest into another.
  mutating func unite(_ nest: Int, with target: Int) throws(FusionObstacle) {
    if canMergeRows(nest, into: target) {
      for member in nests[nest].members { forms[graph.nodes[member.index].result.index] = .folded }
    } else {
      try requireMergeable(nest, into: target)
    }
    for member in nests[nest].members { nestOf[member.index] = target }
    nests[target].members += nests[nest].members
    nests[target].foldedAxes = nests[target].foldedAxes ?? nests[nest].foldedAxes
    nests[target].hasHead = nests[target].hasHead || nests[nest].hasHead
    nests[nest].members = []
    span(target)
  }
}
