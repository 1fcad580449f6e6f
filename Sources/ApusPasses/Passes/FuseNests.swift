import ApusCore
import ApusGraph
import ApusOperators

/// Gathers nodes into `fusion` nodes that one loop nest can compute, with several results where several are needed.
///
/// A nest runs over one shape, its domain. It is built around a contraction or a window that moves over each channel, whose
/// result is the domain and after which elementwise nodes of that shape follow; or around elementwise nodes and reductions over one set of axes, with what
/// follows from the reductions, whether it has the domain's shape (softmax) or the reduced one (a mean).
///
/// Walks forward: a node joins the nest of one of its operands, and the nests of the others join with it, where shapes
/// agree and no path leads out of the nest and back into it. Unlike `fuse`, which never computes or stores anything
/// twice either, a value may be read outside of its nest: then it becomes a further result.
public struct FuseNests: Pass {
  /// The most nodes in one nest.
  public var size = 64

  public static let record = PassRecord(
    "fuse-nests", "gathers nodes into loop nests with several results",
    options: [option("size", \.size, "the most nodes in one nest")],
    statistics: [PassStatistic("nests", "nests made"), PassStatistic("fused", "nodes in them")])

  public init() {}

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    var plan = NestPlan(try graph.withoutDeadNodes(), size: size)
    plan.grow()
    let nests = plan.nests.filter { $0.members.count > 1 }
    context.count("nests", nests.count)
    context.count("fused", nests.reduce(0) { $0 + $1.members.count })
    return nests.isEmpty ? graph : try plan.rewritten().graph.withoutDeadNodes()
  }

  /// The graph's nests, for passes that must know what will stand in memory.
  /// - Parameter graph: without dead nodes.
  func nested(_ graph: Graph) throws -> NestedGraph {
    var plan = NestPlan(graph, size: size)
    plan.grow()
    return try plan.rewritten()
  }
}

/// How a member's axes lie in its nest's domain.
private enum NestForm {
  /// Aligned at the last axis, of the domain's shape or broadcast to it.
  case aligned
  /// Without the folded axes.
  case folded
}

private struct NestCandidate {
  var members: [NodeID]
  var domain: Shape
  /// The axes that its reductions fold; nil: no reduction yet.
  var foldedAxes: [Int]?
  /// Whether it is built around a contraction or a window.
  var hasHead = false

  /// A scalar for all that is folded is aligned with anything.
  var foldsAll: Bool { foldedAxes?.count == domain.rank }
}

private struct NestPlan {
  let graph: Graph
  let size: Int
  private(set) var nests: [NestCandidate] = []
  private var nestOf: [Int?]
  private var forms: [NestForm]

  init(_ graph: Graph, size: Int) {
    self.graph = graph
    self.size = size
    nestOf = [Int?](repeating: nil, count: graph.nodes.count)
    forms = [NestForm](repeating: .aligned, count: graph.valueCount)
  }

  mutating func grow() {
    for node in graph.nodes where canFuse(node) {
      var joined: Int?
      for nest in nestsOfOperands(node) {
        if let target = joined {
          if canMerge(nest, into: target) {
            merge(nest, into: target)
          } else if canMergeRows(nest, into: target) {
            for member in nests[nest].members { forms[graph.nodes[member.index].result.index] = .folded }
            merge(nest, into: target)
          }
        } else if let form = formToJoin(node, nest), !closesPath(node, nest) {
          nests[nest].members.append(node.id)
          nestOf[node.id.index] = nest
          forms[node.result.index] = form
          if let axes = foldedAxes(of: node) { nests[nest].foldedAxes = axes }
          joined = nest
        }
      }
      if joined == nil, let nest = newNest(node) {
        nestOf[node.id.index] = nests.count
        nests.append(nest)
        if let op = node.op.asReduction, !op.keepDims, !nest.foldsAll, nest.foldedAxes != [] {
          forms[node.result.index] = .folded
        }
      }
    }
  }

  private func canFuse(_ node: Node) -> Bool {
    node.results.count == 1 && node.regions.isEmpty && node.op.asComposite == nil
      && (!node.op.traits.isDisjoint(with: [.elementwise, .broadcasts]) || node.op.asReduction != nil
        || node.headsNest(graph))
  }

  private func shape(_ id: ValueID) -> Shape { graph.type(of: id).shape }

  private func foldedAxes(of node: Node) -> [Int]? {
    guard let op = node.op.asReduction else { return nil }
    return try? Axis.normalized(op.axes, rank: shape(node.operands[0]).rank)
  }

  private func newNest(_ node: Node) -> NestCandidate? {
    // A broadcast alone is a view.
    if node.op.traits.contains(.broadcasts) { return nil }
    if let axes = foldedAxes(of: node) {
      return NestCandidate(members: [node.id], domain: shape(node.operands[0]), foldedAxes: axes)
    }
    return NestCandidate(
      members: [node.id], domain: shape(node.result), hasHead: node.headsNest(graph))
  }

  /// The nests that compute the node's operands: those with a contraction or a window first, then the latest.
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

  /// The form that a node's result would have in a nest that computes an operand of it; nil where it cannot be computed
  /// there.
  private func formToJoin(_ node: Node, _ index: Int) -> NestForm? {
    let nest = nests[index]
    guard nest.members.count < size else { return nil }
    let inside = node.operands.filter { nestOf[graph.producer(of: $0).id.index] == index }
    let shape = shape(node.result)
    let isPlain = !node.op.traits.isDisjoint(with: [.elementwise, .broadcasts])
    if nest.hasHead { return isPlain && shape == nest.domain ? .aligned : nil }
    if let axes = foldedAxes(of: node), let op = node.op.asReduction {
      guard self.shape(node.operands[0]) == nest.domain, forms[node.operands[0].index] == .aligned,
        nest.foldedAxes ?? axes == axes, isWorthFolding(nest.domain, axes)
      else { return nil }
      return op.keepDims || axes.isEmpty || axes.count == nest.domain.rank ? .aligned : .folded
    }
    guard isPlain else { return nil }
    if shape == nest.domain, inside.allSatisfy({ forms[$0.index] == .aligned }) { return .aligned }
    guard let axes = nest.foldedAxes else { return nil }
    if shape == nest.domain.reduced(axes, keepDims: true), inside.allSatisfy({ forms[$0.index] == .aligned }) {
      return .aligned
    }
    if shape == nest.domain.reduced(axes, keepDims: false), inside.allSatisfy({ forms[$0.index] == .folded }) {
      return .folded
    }
    return nil
  }

  /// A fold of very many elements into few is better off alone: its work can then be shared in another way than that of
  /// the elements.
  private func isWorthFolding(_ domain: Shape, _ axes: [Int]) -> Bool {
    guard let all = domain.elementCount, let kept = domain.reduced(axes, keepDims: false).elementCount else {
      return true
    }
    return kept >= 16 || all <= 1 << 15
  }

  // MARK: Paths

  /// Whether a path leads from the nest through other nodes to an operand of the node.
  private func closesPath(_ node: Node, _ nest: Int) -> Bool {
    reaches(from: nest, to: node.operands.filter { nestOf[graph.producer(of: $0).id.index] != nest })
  }

  /// Whether one of the values depends on the nest, through nodes outside of it. Where that cannot be told with little
  /// effort, yes.
  private func reaches(from nest: Int, to values: [ValueID]) -> Bool {
    var seenNests = Set<Int>()
    var seenNodes = Set<NodeID>()
    var pending = values.map { graph.producer(of: $0).id }
    var effort = 4096
    while let id = pending.popLast() {
      if nestOf[id.index] == nest { return true }
      effort -= 1
      if effort == 0 { return true }
      if let other = nestOf[id.index] {
        guard seenNests.insert(other).inserted else { continue }
        // A nest is computed as one: it depends on what any of its members reads, those that stand late in the graph too.
        for member in nests[other].members {
          for operand in graph.nodes[member.index].operands {
            let producer = graph.producer(of: operand).id
            if nestOf[producer.index] != other { pending.append(producer) }
          }
        }
      } else if seenNodes.insert(id).inserted {
        pending += graph.nodes[id.index].operands.map { graph.producer(of: $0).id }
      }
    }
    return false
  }

  /// What a nest reads from outside.
  private func inputs(_ nest: Int, besides other: Int) -> [ValueID] {
    nests[nest].members.flatMap { graph.nodes[$0.index].operands }.filter {
      let producer = nestOf[graph.producer(of: $0).id.index]
      return producer != nest && producer != other
    }
  }

  private func canMerge(_ a: Int, into b: Int) -> Bool {
    guard nests[a].domain == nests[b].domain, nests[a].members.count + nests[b].members.count <= size,
      !(nests[a].hasHead && nests[b].hasHead)
    else { return false }
    if nests[a].hasHead || nests[b].hasHead {
      guard nests[a].foldedAxes == nil, nests[b].foldedAxes == nil else { return false }
    }
    if let folded = nests[a].foldedAxes, let other = nests[b].foldedAxes, folded != other { return false }
    guard readsAsComputed(a, of: b), readsAsComputed(b, of: a) else { return false }
    return !reaches(from: a, to: inputs(b, besides: a)) && !reaches(from: b, to: inputs(a, besides: b))
  }

  /// Whether what a nest reads of another is numbered in both alike: a row of sums is not the same as that row broadcast
  /// over the domain. A contraction or a window reads its operands in another order than that in which a nest computes them.
  private func readsAsComputed(_ reader: Int, of other: Int) -> Bool {
    nests[reader].members.allSatisfy { member in
      let node = graph.nodes[member.index]
      let form = node.op.asReduction != nil ? .aligned : forms[node.result.index]
      return node.operands.allSatisfy { operand in
        nestOf[graph.producer(of: operand).id.index] != other
          || (forms[operand.index] == form && !node.headsNest(graph))
      }
    }
  }

  /// Whether a nest of elementwise nodes has the shape that the other's reductions leave, so that it can be computed there.
  private func canMergeRows(_ a: Int, into b: Int) -> Bool {
    guard let axes = nests[b].foldedAxes, !nests[b].foldsAll, !axes.isEmpty, nests[a].foldedAxes == nil,
      !nests[a].hasHead, nests[a].domain == nests[b].domain.reduced(axes, keepDims: false),
      nests[a].members.count + nests[b].members.count <= size
    else { return false }
    // What is read there as broadcast to the domain is not numbered like a row.
    let isReadAsRow = nests[b].members.allSatisfy { member in
      let node = graph.nodes[member.index]
      return forms[node.result.index] == .folded && node.op.asReduction == nil
        || node.operands.allSatisfy { nestOf[graph.producer(of: $0).id.index] != a }
    }
    guard isReadAsRow else { return false }
    return !reaches(from: a, to: inputs(b, besides: a)) && !reaches(from: b, to: inputs(a, besides: b))
  }

  private mutating func merge(_ a: Int, into b: Int) {
    for member in nests[a].members { nestOf[member.index] = b }
    nests[b].members += nests[a].members
    nests[b].foldedAxes = nests[b].foldedAxes ?? nests[a].foldedAxes
    nests[b].hasHead = nests[b].hasHead || nests[a].hasHead
    nests[a].members = []
  }

  // MARK: The new graph

  /// The graph with each nest of two and more as a fusion, in an order in which everything stands before its readers.
  func rewritten() throws -> NestedGraph {
    let isFused = nestOf.map { $0.map { nests[$0].members.count > 1 } ?? false }
    let readers = graph.readers()
    let escapes = graph.escaping()
    let builder = GraphBuilder(graph.name, sharingEqualNodes: false)
    var map = [ValueID?](repeating: nil, count: graph.valueCount)
    func mapped(_ id: ValueID) throws -> ValueID {
      guard let new = map[id.index] else {
        throw ApusError.defect("fuse-nests: \(graph.label(of: id)) is used before it is computed")
      }
      return new
    }
    var units: [[NodeID]] = []
    for unit in order(isFused) {
      let node = graph.nodes[unit.index]
      guard isFused[unit.index], let index = nestOf[unit.index] else {
        units.append([unit])
        let results = try builder.append(
          node.op, node.operands.map(mapped), regions: node.regions, names: graph.names(of: node), origin: node.origin)
        for (old, new) in zip(node.results, results) { map[old.index] = new }
        continue
      }
      let members = nests[index].members.sorted()
      units.append(members)
      let outputs = members.map { graph.nodes[$0.index].result }.filter { id in
        escapes[id.index] || readers[id.index].contains { nestOf[$0.index] != index }
      }
      let (region, arguments) = try region(of: members, index, outputs)
      let results = try builder.append(
        Fusion(), arguments.map(mapped), regions: [region], names: outputs.map { graph.name(of: $0) },
        origin: origin(of: members))
      for (old, new) in zip(outputs, results) { map[old.index] = new }
    }
    for update in graph.updates { try builder.appendUpdate(mapped(update.variable), mapped(update.value)) }
    return NestedGraph(graph: try builder.build(outputs: graph.outputs.map(mapped)), values: map, members: units)
  }

  /// Nodes, and for each nest its first member, as early as their operands allow, else in the graph's order.
  private func order(_ isFused: [Bool]) -> [NodeID] {
    // Units: a nest stands for its members under its first member's id.
    var unit = graph.nodes.map(\.id)
    for (index, nest) in nests.enumerated() where nest.members.count > 1 {
      let first = nest.members.min() ?? NodeID(0)
      for member in nest.members where nestOf[member.index] == index { unit[member.index] = first }
    }
    var waiting = [Int](repeating: 0, count: graph.nodes.count)
    var readers = [[NodeID]](repeating: [], count: graph.nodes.count)
    for node in graph.nodes {
      for operand in node.operands {
        let producer = unit[graph.producer(of: operand).id.index]
        if producer != unit[node.id.index] {
          readers[producer.index].append(unit[node.id.index])
          waiting[unit[node.id.index].index] += 1
        }
      }
    }
    var ready = NodeHeap(graph.nodes.map(\.id).filter { unit[$0.index] == $0 && waiting[$0.index] == 0 })
    var result: [NodeID] = []
    while let next = ready.popMin() {
      result.append(next)
      for reader in readers[next.index] {
        waiting[reader.index] -= 1
        if waiting[reader.index] == 0 { ready.insert(reader) }
      }
    }
    return result
  }

  private func origin(of members: [NodeID]) -> Origin {
    let nodes = members.map { graph.nodes[$0.index] }
    return (nodes.first { $0.op.traits.contains(.contraction) } ?? nodes[nodes.count - 1]).origin
  }

  /// The nest as a graph. An argument that is read as aligned by one member and as folded by another is passed twice.
  private func region(of members: [NodeID], _ index: Int, _ outputs: [ValueID]) throws -> (Graph, [ValueID]) {
    struct Argument: Hashable {
      let value: ValueID
      let isFolded: Bool
    }
    let builder = GraphBuilder("body", sharingEqualNodes: false)
    var arguments: [Argument] = []
    var map: [Argument: ValueID] = [:]
    func key(_ operand: ValueID, _ member: NodeID) -> Argument {
      let isInside = nestOf[graph.producer(of: operand).id.index] == index
      let reader = graph.nodes[member.index]
      let isFolded = forms[reader.result.index] == .folded && reader.op.asReduction == nil
      return Argument(value: operand, isFolded: isInside ? false : isFolded)
    }
    for id in members {
      for operand in graph.nodes[id.index].operands {
        let argument = key(operand, id)
        if nestOf[graph.producer(of: operand).id.index] == index || arguments.contains(argument) { continue }
        if scalar(operand) == nil { arguments.append(argument) }
      }
    }
    for (position, argument) in arguments.enumerated() {
      let type = graph.type(of: argument.value)
      map[argument] = try builder.parameter("x\(position)", type.dtype, type.shape).id
    }
    for id in members {
      let node = graph.nodes[id.index]
      let operands = try node.operands.map { operand -> ValueID in
        let argument = key(operand, id)
        if let known = map[argument] { return known }
        guard let scalar = scalar(operand) else {
          throw ApusError.defect("fuse-nests: an operand of \(node.op.name) is missing")
        }
        let value = try builder.append(Constant(scalar), [], origin: Origin())[0]
        map[argument] = value
        return value
      }
      map[Argument(value: node.result, isFolded: false)] = try builder.append(
        node.op, operands, regions: [], origin: Origin(name: node.origin.name))[0]
    }
    let values = try outputs.map { id in
      guard let value = map[Argument(value: id, isFolded: false)] else {
        throw ApusError.defect("fuse-nests: a result is missing")
      }
      return value
    }
    return (builder.build(outputs: values), arguments.map(\.value))
  }

  /// The tensor of a scalar constant, which goes into the region.
  private func scalar(_ id: ValueID) -> Tensor? {
    guard let constant = graph.producer(of: id).op as? Constant, constant.value.rank == 0 else { return nil }
    return constant.value
  }
}
