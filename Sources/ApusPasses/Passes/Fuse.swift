import ApusCore
import ApusGraph
import ApusOperators

/// Gathers nodes that one kernel can compute into `fusion` nodes.
///
/// A fusion grows from its last node, the root, backwards. A node joins the fusion of its readers where
/// - all its readers are in that fusion, and it is neither an output nor an update: so nothing computed is needed twice,
///   and as only the root's value leaves the fusion, no path can leave it and come back;
/// - it is elementwise and has the shape of the fusion's loop (before or after the reduction in it); or it is a
///   contraction whose result the loop runs over, and the fusion has none yet (the rest is its epilogue); or it is a
///   reduction whose result the loop runs over, likewise (elementwise producers then join in front of it; they do not
///   join in front of a contraction).
///
/// What follows from a contraction alone, element by element, stays with it: where two of them meet, as in a residual block,
/// the earlier keeps its own epilogue, and a reduction behind it does not take it away.
///
/// Scalar constants go into the region. Everything else that a fusion reads is an operand.
public struct Fuse: Pass {
  /// The most nodes in one fusion.
  public var size = 64

  public static let record = PassRecord(
    "fuse", "gathers elementwise chains, epilogues and reductions into fusions",
    options: [option("size", \.size, "the most nodes in one fusion")],
    statistics: [PassStatistic("fusions", "fusions made"), PassStatistic("fused", "nodes in them")])

  public init() {}

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    // A dead reader is none: a second run, which no longer sees it, must not fuse more.
    var plan = FusionPlan(try graph.withoutDeadNodes(), size: size)
    plan.grow(&context)
    let groups = plan.groups.filter { $0.members.count > 1 }
    context.count("fusions", groups.count)
    context.count("fused", groups.reduce(0) { $0 + $1.members.count })
    return groups.isEmpty ? graph : try plan.rewritten()
  }
}

/// What a fusion's kernel is built around.
public enum FusionKind: String, Sendable, Hashable { case elementwise, reduction, contraction }

extension Graph {
  /// The kind of a fusion with this region.
  public var fusionKind: FusionKind {
    if nodes.contains(where: { $0.op.traits.contains(.contraction) }) { return .contraction }
    return nodes.contains(where: { $0.op.traits.contains(.reduction) }) ? .reduction : .elementwise
  }
}

/// Which nodes go into which fusion.
private struct FusionPlan {
  struct Group {
    let root: NodeID
    var members: [NodeID]
    /// The shape that the kernel's loop runs over: the root's.
    let shape: Shape
    /// With a reduction inside: the shape that is folded.
    var foldedShape: Shape?
    var hasContraction = false
  }

  let graph: Graph
  let size: Int
  private(set) var groups: [Group] = []
  private var groupOf: [Int?]
  /// By node: the contraction that it is the epilogue of, the latest where there are several.
  private let contractions: [NodeID?]

  init(_ graph: Graph, size: Int) {
    self.graph = graph
    self.size = size
    groupOf = [Int?](repeating: nil, count: graph.nodes.count)
    contractions = FusionPlan.contractions(of: graph)
  }

  private static func contractions(of graph: Graph) -> [NodeID?] {
    let (readers, escapes) = (graph.readers(), graph.escaping())
    var result = [NodeID?](repeating: nil, count: graph.nodes.count)
    for node in graph.nodes where node.results.count == 1 {
      if node.op.traits.contains(.contraction) {
        result[node.id.index] = node.id
      } else if node.op.traits.contains(.elementwise) {
        let shape = graph.type(of: node.result).shape
        let followed = node.operands.filter {
          graph.type(of: $0).shape == shape && readers[$0.index].count == 1 && !escapes[$0.index]
        }
        result[node.id.index] = followed.compactMap { result[graph.producer(of: $0).id.index] }.max()
      }
    }
    return result
  }

  /// Last node first: a node's readers have their groups when its turn comes.
  mutating func grow(_ context: inout PassContext) {
    let readers = graph.readers()
    let escapes = graph.escaping()
    for node in graph.nodes.reversed() where canFuse(node) {
      let value = node.result
      if let group = groupToJoin(node, readers[value.index], escapes: escapes[value.index], &context) {
        join(node, group)
      } else {
        groupOf[node.id.index] = groups.count
        groups.append(newGroup(node))
      }
    }
  }

  private func canFuse(_ node: Node) -> Bool {
    // An elementwise composite (an activation) fuses as it stands: backends expand regions too.
    node.results.count == 1 && node.regions.isEmpty
      && (node.op.traits.contains(.elementwise)
        || node.op.asComposite == nil && !node.op.traits.isDisjoint(with: [.reduction, .contraction]))
  }

  private func newGroup(_ node: Node) -> Group {
    var group = Group(root: node.id, members: [node.id], shape: graph.type(of: node.result).shape)
    FusionPlan.note(node, in: graph, &group)
    return group
  }

  /// Not a method: a call of one would hold all groups while it changes one, which copies them.
  private static func note(_ node: Node, in graph: Graph, _ group: inout Group) {
    if node.op.traits.contains(.contraction) { group.hasContraction = true }
    if node.op.traits.contains(.reduction) { group.foldedShape = graph.type(of: node.operands[0]).shape }
  }

  private mutating func join(_ node: Node, _ index: Int) {
    groupOf[node.id.index] = index
    groups[index].members.append(node.id)
    FusionPlan.note(node, in: graph, &groups[index])
  }

  private func groupToJoin(_ node: Node, _ readers: [NodeID], escapes: Bool, _ context: inout PassContext) -> Int? {
    guard let first = readers.first(where: { groupOf[$0.index] != nil }), let index = groupOf[first.index] else {
      return nil
    }
    let group = groups[index]
    let name = "\(node.op.name) \(graph.label(of: node.result))"
    let target = graph.label(of: graph.nodes[first.index].result)
    let unique = readers.reduce(into: [NodeID]()) { if !$0.contains($1) { $0.append($1) } }
    // Worth a remark only where somebody might expect a fusion.
    let isNotable = !node.op.traits.isDisjoint(with: [.contraction, .reduction])
    func missed(_ reason: String) -> Int? {
      if isNotable { context.missed("\(name) was not fused into \(target): \(reason)", at: node) }
      return nil
    }
    guard unique.allSatisfy({ groupOf[$0.index] == index }) else {
      let labels = unique.map { graph.label(of: graph.nodes[$0.index].results[0]) }
      return missed("it has \(labels.count == 2 ? "two" : String(labels.count)) readers, \(list(labels))")
    }
    if escapes { return missed("its value leaves the graph") }
    guard group.members.count < size else { return missed("the fusion has \(size) nodes already") }
    let shape = graph.type(of: node.result).shape
    if node.op.traits.contains(.contraction) {
      if group.hasContraction { return missed("the fusion has a contraction already") }
      if group.foldedShape != nil { return missed("the fusion has a reduction") }
      guard shape == group.shape else { return missed("its result is broadcast to \(group.shape)") }
      return index
    }
    if node.op.traits.contains(.reduction) {
      if group.hasContraction { return missed("the fusion has a contraction") }
      if group.foldedShape != nil { return missed("the fusion has a reduction already") }
      guard shape == group.shape else { return missed("its result is broadcast to \(group.shape)") }
      return index
    }
    // In front of a contraction each element is read many times: that would be computing it many times.
    if readers.contains(where: { graph.nodes[$0.index].op.traits.contains(.contraction) }) { return nil }
    if let own = contractions[node.id.index] {
      let other = contractions[group.root.index]
      if group.foldedShape != nil || other ?? own != own { return nil }
    }
    return shape == group.shape || shape == group.foldedShape ? index : nil
  }

  private func list(_ labels: [String]) -> String {
    labels.dropLast().joined(separator: ", ") + " and " + (labels.last ?? "")
  }

  /// The graph with each group of two and more as a fusion, where its root stood: all its operands stand before.
  func rewritten() throws -> Graph {
    let isFused = groupOf.map { $0.map { groups[$0].members.count > 1 } ?? false }
    let builder = GraphBuilder(graph.name, sharingEqualNodes: false)
    var map = [ValueID?](repeating: nil, count: graph.valueCount)
    func mapped(_ id: ValueID) throws -> ValueID {
      guard let new = map[id.index] else {
        throw ApusError.defect("fuse: \(graph.label(of: id)) was fused away but is used")
      }
      return new
    }
    for node in graph.nodes {
      guard isFused[node.id.index], let index = groupOf[node.id.index] else {
        let results = try builder.append(
          node.op, node.operands.map(mapped), regions: node.regions, names: graph.names(of: node), origin: node.origin)
        for (old, new) in zip(node.results, results) { map[old.index] = new }
        continue
      }
      guard groups[index].root == node.id else { continue }
      let (region, arguments) = try region(of: groups[index])
      map[node.result.index] = try builder.append(
        Fusion(), arguments.map(mapped), regions: [region], names: graph.names(of: node),
        origin: origin(of: groups[index]))[0]
    }
    for update in graph.updates { try builder.appendUpdate(mapped(update.variable), mapped(update.value)) }
    return try builder.build(outputs: graph.outputs.map(mapped)).withoutDeadNodes()
  }

  /// The name of the layer that the group's heaviest part came from: its contraction, else its root.
  private func origin(of group: Group) -> Origin {
    let nodes = group.members.map { graph.nodes[$0.index] }
    return (nodes.first { $0.op.traits.contains(.contraction) } ?? graph.nodes[group.root.index]).origin
  }

  private func region(of group: Group) throws -> (Graph, arguments: [ValueID]) {
    let members = group.members.sorted()
    let isMember = Set(members)
    var arguments: [ValueID] = []
    var scalars: [ValueID] = []
    for id in members {
      for operand in graph.nodes[id.index].operands {
        let producer = graph.producer(of: operand)
        if isMember.contains(producer.id) || arguments.contains(operand) || scalars.contains(operand) { continue }
        if let constant = producer.op as? Constant, constant.value.rank == 0 {
          scalars.append(operand)
        } else {
          arguments.append(operand)
        }
      }
    }
    let builder = GraphBuilder("body", sharingEqualNodes: false)
    var map: [ValueID: ValueID] = [:]
    for (position, argument) in arguments.enumerated() {
      let type = graph.type(of: argument)
      map[argument] = try builder.parameter("x\(position)", type.dtype, type.shape).id
    }
    for scalar in scalars { map[scalar] = try builder.append(graph.producer(of: scalar).op, [], origin: Origin())[0] }
    for id in members {
      let node = graph.nodes[id.index]
      let operands = try node.operands.map { operand in
        guard let new = map[operand] else { throw ApusError.defect("fuse: an operand of \(node.op.name) is missing") }
        return new
      }
      map[node.result] = try builder.append(node.op, operands, origin: Origin(name: node.origin.name))[0]
    }
    guard let result = map[graph.nodes[group.root.index].result] else {
      throw ApusError.defect("fuse: a root is missing")
    }
    return (builder.build(outputs: [result]), arguments)
  }
}
