import ApusCore
import ApusGraph
import ApusOperators

extension NestPlan {
  /// The graph with each nest of two and more nodes as a fusion, in an order in which every value precedes its readers.
  func rewritten() throws -> NestedGraph {
    let isFused = nestOf.map { $0.map(isGathered) ?? false }
    let readers = graph.readers()
    let escapes = graph.escaping()
    var units: [[NodeID]] = []
    let (result, map) = try graph.rewritten(order: order(isFused)) { node, map, builder in
      guard isFused[node.id.index], let index = nestOf[node.id.index] else {
        units.append([node.id])
        return .keep
      }
      let members = nests[index].members.sorted()
      units.append(members)
      let outputs = members.map { graph.nodes[$0.index].result }.filter { id in
        escapes[id.index] || readers[id.index].contains { nestOf[$0.index] != index }
      }
      let nest = try region(of: members, index, outputs)
      // What a composite becomes shifts the positions of values.
      let op = nest.region.hasComposites ? Fusion() : Fusion(nest.shape)
      let results = try builder.append(
        op, nest.arguments.map(map), regions: [nest.region], names: outputs.map { graph.name(of: $0) },
        origin: origin(of: members))
      return .define(zip(outputs, results).map { ($0, $1) })
    }
    return NestedGraph(graph: result, values: map, members: units)
  }

  /// Nodes, and for each nest its first member, as early as their operands allow, else in the graph's order. What has no
  /// operands is there as soon as it is read: the gradient of a layer, whose nest also updates a variable that is declared
  /// behind all gradients, does not wait for those of the layers before it, and its cotangent need not be kept so long.
  private func order(_ isFused: [Bool]) -> [NodeID] {
    // Units: a nest stands for its members under its first member's id. One that it took over from a nest far before it does
    // not count.
    var unit = graph.nodes.map(\.id)
    for (index, nest) in nests.enumerated() where nest.members.count > 1 && isGathered(index) {
      let first = nest.members.filter { !moved.contains($0) }.min() ?? NodeID(0)
      for member in nest.members where nestOf[member.index] == index { unit[member.index] = first }
    }
    var waiting = [Int](repeating: 0, count: graph.nodes.count)
    var readers = [[NodeID]](repeating: [], count: graph.nodes.count)
    /// Of each unit what it reads that has no operands.
    var sources = [[NodeID]](repeating: [], count: graph.nodes.count)
    for node in graph.nodes {
      for operand in node.operands {
        let producer = unit[graph.producer(of: operand).id.index]
        if graph.nodes[producer.index].operands.isEmpty, !isFused[producer.index] {
          sources[unit[node.id.index].index].append(producer)
        } else if producer != unit[node.id.index] {
          readers[producer.index].append(unit[node.id.index])
          waiting[unit[node.id.index].index] += 1
        }
      }
    }
    var ready = NodeHeap(graph.nodes.map(\.id).filter { unit[$0.index] == $0 && waiting[$0.index] == 0 })
    var result: [NodeID] = []
    var isEmitted = [Bool](repeating: false, count: graph.nodes.count)
    func emit(_ node: NodeID) {
      guard !isEmitted[node.index] else { return }
      isEmitted[node.index] = true
      result.append(node)
    }
    // Their order is the graph's signature.
    var declarations = graph.nodes.filter { $0.op.traits.contains(.declaration) }.map(\.id)[...]
    while let next = ready.popMin() {
      for node in sources[next.index].sorted() + [next] {
        if graph.nodes[node.index].op.traits.contains(.declaration) {
          while let first = declarations.first, first <= node { emit(declarations.removeFirst()) }
        }
        emit(node)
      }
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
  private func region(
    of members: [NodeID], _ index: Int, _ outputs: [ValueID]
  ) throws -> (region: Graph, arguments: [ValueID], shape: NestShape) {
    struct Argument: Hashable {
      let value: ValueID
      let isFolded: Bool
    }
    let builder = GraphBuilder("body", sharingEqualNodes: false)
    var arguments: [Argument] = []
    var map: [Argument: ValueID] = [:]
    var foldedValues: [Int] = []
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
        if inlined(operand, index) == nil { arguments.append(argument) }
      }
    }
    for (position, argument) in arguments.enumerated() {
      let type = graph.type(of: argument.value)
      let parameter = try builder.parameter("x\(position)", type.dtype, type.shape).id
      map[argument] = parameter
      if argument.isFolded { foldedValues.append(parameter.index) }
    }
    for id in members {
      let node = graph.nodes[id.index]
      let operands = try node.operands.map { operand -> ValueID in
        let argument = key(operand, id)
        if let known = map[argument] { return known }
        guard let op = inlined(operand, index) else {
          throw ApusError.defect("fuse: an operand of \(node.op.name) is missing")
        }
        let value = try builder.append(op, [], origin: Origin())[0]
        map[argument] = value
        if argument.isFolded, op is Iota { foldedValues.append(value.index) }
        return value
      }
      let value = try builder.append(node.op, operands, origin: Origin(name: node.origin.name))[0]
      map[Argument(value: node.result, isFolded: false)] = value
      if forms[node.result.index] == .folded { foldedValues.append(value.index) }
    }
    let values = try outputs.map { id in
      guard let value = map[Argument(value: id, isFolded: false)] else {
        throw ApusError.defect("fuse: a result is missing")
      }
      return value
    }
    let shape = NestShape(
      domain: nests[index].domain, foldedAxes: nests[index].foldedAxes ?? [], foldedValues: foldedValues)
    return (builder.build(outputs: values), arguments.map(\.value), shape)
  }

  /// An operator without operands that goes into the region of each nest that reads it, rather than through memory: a
  /// scalar constant, and positions, which a loop knows.
  private func inlined(_ id: ValueID, _ nest: Int) -> (any Operator)? {
    let op = graph.producer(of: id).op
    if let constant = op as? Constant { return constant.value.rank == 0 ? constant : nil }
    return op is Iota && !nests[nest].hasHead ? op : nil
  }

  /// Whether a nest becomes a fusion: more than a node that reads tensors alone.
  func isGathered(_ nest: Int) -> Bool {
    if let permitted, !permitted.contains(nest) { return false }
    let members = nests[nest].members
    return members.count > 1
      || members.contains { member in
        graph.nodes[member.index].operands.contains { inlined($0, nest) is Iota }
      }
  }
}
