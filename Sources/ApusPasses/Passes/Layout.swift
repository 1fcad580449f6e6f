import ApusCore
import ApusGraph
import ApusOperators

/// Moves transposes through what can work in another order of axes, to where they meet their inverses or the graph ends.
///
/// Convolutions and pools take images with their channels last. A model that is written with channels first has a
/// transpose before and one behind each of them; with what lies between computed channels last, too, those at the graph's
/// edges are left.
///
/// Nodes that can work in any order, elementwise ones and those that are `AxisPermutable`, form islands. An island whose
/// operands are transposes may be computed in the order that those transposes take from; then each value of it that
/// leaves it in the old order is transposed behind it, and each that comes into it in the old order before it. The pass
/// does that where it leaves fewer bytes to be transposed, island by island, until nothing is gained any more.
///
/// Sums over several axes are taken in another order, so where a reduction is moved results agree to rounding.
public struct Layout: Pass {
  /// How many nodes the walks that try islands may visit: some two seconds of them. It is a number of nodes, not a time, so
  /// that the same graph becomes the same graph on every machine.
  public var budget = 1 << 20

  public static let record = PassRecord(
    "layout", "moves transposes to where they cancel: images have their channels last, whatever the model says",
    options: [option("budget", \.budget, "nodes to visit while islands are tried; then it stops, and says so")],
    statistics: [
      PassStatistic("moved", "nodes computed in another order of axes"),
      PassStatistic("saved", "bytes no longer transposed, a symbol counting as 1"),
    ], rules: [transposes, anyOrder, reduction])

  private static let transposes = RewriteRule("transposes", "transpose(transpose(x, p), q) → transpose(x, p ∘ q)")
  fileprivate static let anyOrder = RewriteRule(
    "any-order", "f(transpose(x), …) → transpose(f(x, …)) where f works element by element, or moves elements")
  fileprivate static let reduction = RewriteRule(
    "reduction", "f(transpose(x)) → transpose(f(x)) where f folds axes, in another order", .rounded)

  /// Islands that are tried one by one in a round.
  private static let mostIslands = 256

  public init() {}

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    guard graph.nodes.contains(where: { $0.op is Transpose }) else { return graph }
    var current = graph
    var moved = 0
    var left = budget
    while let step = try improved(current, &left), context.permits([Self.transposes] + step.rules) {
      current = step.graph
      moved += step.moved
    }
    remark(current, isComplete: left > 0, &context)
    if left <= 0 {
      context.missed("the budget of \(budget) visited nodes is used up: transposes that are left were not all tried")
    }
    let saved = graph.transposedBytes - current.transposedBytes
    context.count("saved", saved)
    context.count("moved", saved == 0 ? 0 : moved)
    return saved == 0 ? graph : current
  }

  /// The graph with fewer bytes transposed; nil if none is found.
  /// - Parameter left: how many nodes may still be visited.
  private func improved(
    _ graph: Graph, _ left: inout Int
  ) throws -> (graph: Graph, moved: Int, rules: [RewriteRule])? {
    let islands = Islands(graph)
    var chosen: Set<Int> = []
    var best: (graph: Graph, moved: Int, rules: [RewriteRule])?
    var least = graph.transposedBytes
    for island in [nil] + islands.beginning.prefix(Self.mostIslands).map(Optional.some) {
      if left <= 0 { break }
      left -= graph.nodes.count
      let tried = chosen.union(island.map { [$0] } ?? [])
      var walk = LayoutWalk(graph, islands, moving: tried)
      let result = try walk.rewritten()
      guard result.transposedBytes < least else { continue }
      (chosen, best, least) = (tried, (result, walk.moved, walk.rules), result.transposedBytes)
    }
    return best
  }

  /// Says of each transpose that is left what holds it.
  /// - Parameter isComplete: whether all has been tried.
  private func remark(_ graph: Graph, isComplete: Bool, _ context: inout PassContext) {
    let free = isComplete ? "moving it would transpose no fewer bytes" : "not every way to move it was tried"
    let readers = graph.readers()
    let escapes = graph.escaping()
    for node in graph.nodes where node.isCostlyTranspose(in: graph) {
      let producer = graph.producer(of: node.operands[0])
      let before = "\(producer.op.name) \(graph.label(of: node.operands[0]))"
      var behind = readers[node.result.index].prefix(3).map { id in
        "\(graph.nodes[id.index].op.name) \(graph.label(of: graph.nodes[id.index].results[0]))"
      }
      if escapes[node.result.index] { behind.append("the graph's end") }
      let isFree = Islands.isPermutable(producer)
      context.missed(
        "transpose \(graph.label(of: node.result)) stays between \(before) and \(behind.joined(separator: ", ")): "
          + (isFree ? free : "\(producer.op.name) gives its axes in this order"),
        at: node)
    }
  }
}

/// Which nodes can be computed in any order of axes, and which of those hang together.
private struct Islands {
  /// For each node the first node of its island; nil if its order is fixed.
  private(set) var island: [Int?]
  /// The islands that read a transpose.
  private(set) var beginning: [Int] = []

  init(_ graph: Graph) {
    island = graph.nodes.map { Islands.isPermutable($0) ? $0.id.index : nil }
    for node in graph.nodes where island[node.id.index] != nil {
      for operand in node.operands {
        let producer = graph.producer(of: operand).id.index
        if island[producer] != nil { unite(producer, node.id.index) }
      }
    }
    for index in island.indices where island[index] != nil { island[index] = root(index) }
    var known: Set<Int> = []
    for node in graph.nodes where node.operands.contains(where: { graph.producer(of: $0).op is Transpose }) {
      if let found = island[node.id.index], known.insert(found).inserted { beginning.append(found) }
    }
  }

  static func isPermutable(_ node: Node) -> Bool {
    node.results.count == 1 && node.regions.isEmpty && !node.operands.isEmpty
      && (node.op.traits.contains(.elementwise) || node.op is any AxisPermutable)
  }

  private func root(_ index: Int) -> Int {
    var index = index
    while let parent = island[index], parent != index { index = parent }
    return index
  }

  private mutating func unite(_ a: Int, _ b: Int) {
    let (a, b) = (root(a), root(b))
    island[max(a, b)] = min(a, b)
  }
}

/// A forward walk that leaves transposes undone until a reader needs them.
private struct LayoutWalk {
  /// transpose(base, order); the base itself where there is no order.
  private struct Pending {
    var base: ValueID
    var order: [Int]?
  }

  let graph: Graph
  let islands: Islands
  let moving: Set<Int>
  private(set) var moved = 0
  private var movesReduction = false
  private var rewriter: GraphRewriter
  private var pending: [Pending?]
  private var builder: GraphBuilder { rewriter.builder }

  init(_ graph: Graph, _ islands: Islands, moving: Set<Int>) {
    self.graph = graph
    self.islands = islands
    self.moving = moving
    rewriter = GraphRewriter(graph)
    pending = [Pending?](repeating: nil, count: graph.valueCount)
  }

  /// By which nodes were moved.
  var rules: [RewriteRule] {
    moved == 0 ? [] : movesReduction ? [Layout.anyOrder, Layout.reduction] : [Layout.anyOrder]
  }

  mutating func rewritten() throws -> Graph {
    for node in graph.nodes {
      if let op = node.op as? Transpose {
        let operand = try pending(node.operands[0])
        let order = op.permutation.map { operand.order?[$0] ?? $0 }
        pending[node.result.index] = Pending(base: operand.base, order: order.isIdentityOrder ? nil : order)
      } else if let island = islands.island[node.id.index], moving.contains(island), try move(node) {
        moved += 1
        if node.op.traits.contains(.reduction) { movesReduction = true }
      } else {
        let results = try rewriter.keep(node, operands: node.operands.map { try value($0) })
        for (old, new) in zip(node.results, results) { pending[old.index] = Pending(base: new) }
      }
    }
    for id in graph.outputs + graph.updates.map(\.value) { _ = try value(id) }
    return try rewriter.finish().withoutDeadNodes()
  }

  private func pending(_ id: ValueID) throws -> Pending {
    guard let known = pending[id.index] else {
      throw ApusError.defect("layout: \(graph.label(of: id)) is read before it is computed")
    }
    return known
  }

  /// A value in its own order.
  private mutating func value(_ id: ValueID) throws -> ValueID {
    if let known = rewriter.counterparts[id.index] { return known }
    let known = try pending(id)
    var result = known.base
    if let order = known.order { result = try transposed(known.base, order, graph.producer(of: id).origin) }
    if let name = graph.name(of: id) { builder.name(builder.value(result), name) }
    rewriter.define(id, as: result)
    return result
  }

  /// The base with its axes in another order: a reshape where only axes of size 1 change places.
  private func transposed(_ base: ValueID, _ order: [Int], _ origin: Origin) throws -> ValueID {
    if order.isIdentityOrder { return base }
    let shape = builder.graph.type(of: base).shape
    let op: any Operator =
      order.movesOnlyOnes(of: shape) ? Reshape(Shape(order.map { shape[$0] })) : Transpose(order)
    return try builder.append(op, [base], origin: origin)[0]
  }

  /// Computes a node in the order of its largest transposed operand; false where none is transposed.
  private mutating func move(_ node: Node) throws -> Bool {
    let rank = node.op is any AxisPermutable ? type(node.operands[0]).rank : type(node.result).rank
    guard let order = try order(for: node, rank) else { return false }
    let (op, resultOrder) =
      try (node.op as? any AxisPermutable)?.permuted(order, graph.operandTypes(of: node)) ?? (node.op, order)
    let operands = try node.operands.enumerated().map { position, id in
      try follows(node, position) ? following(id, order, rank, node.origin) : value(id)
    }
    let result = try builder.append(op, operands, origin: node.origin)[0]
    let shape = builder.graph.type(of: result).shape
    guard resultOrder.map({ shape[$0] }) == type(node.result).shape.dims else {
      throw ApusError.defect(
        "layout: \(node.op.name) \(graph.label(of: node.result)) became \(shape) by \(resultOrder)")
    }
    pending[node.result.index] = Pending(base: result, order: resultOrder.isIdentityOrder ? nil : resultOrder)
    return true
  }

  private func type(_ id: ValueID) -> TensorType { graph.type(of: id) }

  private func follows(_ node: Node, _ position: Int) -> Bool {
    (node.op as? any AxisPermutable)?.followsAxes(operand: position) ?? true
  }

  private func order(for node: Node, _ rank: Int) throws -> [Int]? {
    var best: (order: [Int], bytes: Int)?
    for (position, id) in node.operands.enumerated() where follows(node, position) {
      guard let order = try pending(id).order else { continue }
      let lead = rank - order.count
      let bytes = graph.type(of: id).leastBytes
      if bytes > best?.bytes ?? -1 { best = (Array(0..<lead) + order.map { $0 + lead }, bytes) }
    }
    return best?.order
  }

  /// What an operand is where the node is computed on u with x = transpose(u, order).
  private mutating func following(_ id: ValueID, _ order: [Int], _ rank: Int, _ origin: Origin) throws -> ValueID {
    let known = try pending(id)
    if known.order == order { return known.base }
    let shape = graph.type(of: id).shape
    if shape.dims.allSatisfy({ $0 == 1 }) { return try value(id) }
    // Broadcasting aligns at the last axis, so missing axes are in front.
    let lead = rank - shape.rank
    let full = Shape([Dim](repeating: 1, count: lead) + shape.dims)
    let inverse = Transpose(order).inverse
    if inverse.movesOnlyOnes(of: full) {
      let dims = inverse.map { full[$0] }
      let kept = lead > 0 ? Array(dims.drop { $0 == 1 }) : dims
      return try builder.append(Reshape(Shape(kept)), [value(id)], origin: origin)[0]
    }
    guard lead == 0 else {
      let whole = try builder.append(Reshape(full), [value(id)], origin: origin)[0]
      return try transposed(whole, inverse, origin)
    }
    return try transposed(known.base, inverse.map { known.order?[$0] ?? $0 }, origin)
  }
}

extension Graph {
  /// Bytes that transposes move; a symbol counts as 1. Constants are transposed once, and axes of size 1 need no move.
  fileprivate var transposedBytes: Int {
    nodes.reduce(0) { sum, node in
      sum + (node.isCostlyTranspose(in: self) ? type(of: node.result).leastBytes : 0)
    }
  }
}

extension Node {
  fileprivate func isCostlyTranspose(in graph: Graph) -> Bool {
    guard let op = op as? Transpose, !(graph.producer(of: operands[0]).op is Constant) else { return false }
    return !op.permutation.movesOnlyOnes(of: graph.type(of: operands[0]).shape)
  }
}

extension TensorType {
  /// Bytes where each symbol is 1.
  fileprivate var leastBytes: Int {
    (Shape.elementCount(shape.dims.map { $0.number ?? 1 }) ?? 0).multipliedReportingOverflow(by: dtype.byteCount)
      .partialValue
  }
}

extension [Int] {
  fileprivate var isIdentityOrder: Bool { self == Array(indices) }

  /// Whether axes longer than 1 keep their order.
  fileprivate func movesOnlyOnes(of shape: Shape) -> Bool {
    let long = filter { shape[$0] != 1 }
    return long == long.sorted()
  }
}
