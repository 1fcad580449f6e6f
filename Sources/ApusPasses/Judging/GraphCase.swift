import ApusCore
import ApusGraph
import ApusInterpreter
import ApusOperators

/// A graph, with what it is run on if that is known.
public struct GraphCase: Sendable {
  public var graph: Graph
  /// Values of parameters and variables by name.
  public var values: [String: Tensor]
  /// Whether the values are known; if not, whoever runs the graph draws them.
  let hasValues: Bool

  /// - Parameter values: of all parameters and variables; nil if they are not known.
  public init(graph: Graph, values: [String: Tensor]? = nil) {
    (self.graph, self.values, hasValues) = (graph, values ?? [:], values != nil)
  }

  /// The values of the parameters, in order.
  public var feeds: [Tensor] { graph.parameters.compactMap { values[graph.name(of: $0) ?? ""] } }
  /// The values of the variables, in order.
  public var variables: [Tensor] { graph.variables.compactMap { values[$0.declaration.label] } }

  /// Positions of nodes that compute.
  var computations: [Int] {
    graph.nodes.filter { !$0.op.traits.contains(.declaration) }.map(\.id.index)
  }

  // MARK: Parts

  /// The case without what nothing reads, and with the values of the inputs that are left.
  func pruned(_ graph: Graph) throws -> GraphCase {
    let live = graph.liveNodes()
    var read = Set(graph.nodes.filter { live[$0.id.index] }.flatMap(\.operands) + graph.outputs)
    for update in graph.updates { read.formUnion([update.variable, update.value]) }
    let keeping = graph.nodes.map { node in
      let isUnread = !node.results.contains(where: read.contains)
      return live[node.id.index] && !(isUnread && (node.op is Parameter || node.op is Variable))
    }
    let small = try graph.rewritten(sharingEqualNodes: false, keeping: keeping) { _, _, _ in .keep }
    let names = Set((small.parameters + small.variables.map(\.id)).compactMap { small.name(of: $0) })
    return GraphCase(graph: small, values: hasValues ? values.filter { names.contains($0.key) } : nil)
  }

  /// The case with these outputs and updates only.
  func keeping(outputs: [ValueID], updates: [Graph.Update] = []) throws -> GraphCase {
    let builder = GraphBuilder(graph.name, sharingEqualNodes: false)
    let map = try graph.copy(into: builder, map: .init(repeating: nil, count: graph.valueCount))
    for update in updates {
      if let variable = map[update.variable.index], let value = map[update.value.index] {
        builder.appendUpdate(variable, value)
      }
    }
    return try pruned(builder.build(outputs: outputs.compactMap { map[$0.index] }))
  }

  /// What leaves a part of the graph: values of nodes up to a position that others read or that leave the graph.
  func ending(before position: Int) throws -> GraphCase? {
    let inside = Set(graph.nodes.prefix(position).flatMap(\.results))
    var leaving = Set(graph.outputs + graph.updates.map(\.value))
    for node in graph.nodes.dropFirst(position) { leaving.formUnion(node.operands) }
    let outputs = inside.intersection(leaving)
      .filter { !graph.producer(of: $0).op.traits.contains(.declaration) }.sorted()
    return outputs.isEmpty ? nil : try keeping(outputs: outputs)
  }

  // MARK: Cuts

  /// The results of these nodes as parameters, fed what the interpreter computes if the inputs' values are known.
  func cutting(_ positions: [Int]) throws -> GraphCase? {
    let nodes = positions.map { graph.nodes[$0] }
      .filter { !($0.op is Parameter || $0.op is Variable) && !$0.results.isEmpty }
    guard !nodes.isEmpty else { return nil }
    let ids = nodes.flatMap(\.results)
    var names: [ValueID: String] = [:]
    for id in ids { names[id] = "cut\(id.index)_\(graph.valueCount)" }
    var values = values
    if hasValues {
      let probe = try keeping(outputs: ids)
      let computed = try Interpreter(probe.graph).run(probe.feeds, variables: probe.variables).outputs
      for (id, tensor) in zip(ids, computed) { values[names[id] ?? ""] = tensor }
    }
    let cut = try graph.rewritten(sharingEqualNodes: false) { node, _, builder in
      guard nodes.contains(where: { $0.id == node.id }) else { return .keep }
      return .replace(
        try node.results.map { id in
          let type = graph.type(of: id)
          return try builder.parameter(names[id] ?? "", type.dtype, type.shape).id
        })
    }
    return try GraphCase(graph: cut, values: hasValues ? values : nil).pruned(cut)
  }

  /// Everything that is read from a position on, and computed before, as parameters.
  func beginning(at position: Int) throws -> GraphCase? {
    var read = Set(graph.outputs + graph.updates.map(\.value))
    for node in graph.nodes.dropFirst(position) { read.formUnion(node.operands) }
    return try cutting(
      graph.nodes.prefix(position)
        .filter { !$0.op.traits.contains(.declaration) && $0.results.contains(where: read.contains) }.map(\.id.index))
  }

  /// A node's results as constants that repeat a number.
  func fixing(_ position: Int, at number: Double) throws -> GraphCase? {
    let node = graph.nodes[position]
    let types = graph.resultTypes(of: node)
    guard !node.op.traits.contains(.declaration), !(node.op is Constant), types.allSatisfy({ $0.shape.numbers != nil })
    else { return nil }
    return try pruned(
      graph.rewritten(sharingEqualNodes: false) { other, _, builder in
        guard other.id == node.id else { return .keep }
        return .replace(
          try types.map { try builder.constant(Tensor(repeating: number, $0.dtype, $0.shape.numbers ?? [])).id })
      })
  }

  /// An operand in place of a node's first result, if the types agree.
  func bypassing(_ position: Int, _ operand: Int) throws -> GraphCase? {
    try graph.bypassing(position, operand).map { try pruned($0) }
  }

  // MARK: Regions

  /// Nodes of regions: the outer node, the region, the node, the operand that may replace it.
  var regionNodes: [(node: Int, region: Int, inner: Int, operand: Int)] {
    graph.nodes.indices.flatMap { node in
      graph.nodes[node].regions.enumerated().flatMap { region, body in
        body.nodes.indices.reversed().flatMap { inner in
          body.nodes[inner].operands.indices.map { (node, region, inner, $0) }
        }
      }
    }
  }

  func bypassingInRegion(_ place: (node: Int, region: Int, inner: Int, operand: Int)) throws -> GraphCase? {
    let node = graph.nodes[place.node]
    guard let body = try node.regions[place.region].bypassing(place.inner, place.operand) else { return nil }
    var regions = node.regions
    regions[place.region] = try body.withoutDeadNodes()
    return try pruned(
      graph.rewritten(sharingEqualNodes: false) { other, operands, builder in
        guard other.id == node.id else { return .keep }
        return .replace(
          try builder.append(
            other.op, operands, regions: regions, names: graph.names(of: other), origin: other.origin))
      })
  }

  /// The nodes of a region instead of the node that has it, if the region takes its last operands and gives its results:
  /// a fusion, a branch, the body of a loop, run once.
  func inlining(_ position: Int, region: Int) throws -> GraphCase? {
    let node = graph.nodes[position]
    let body = node.regions[region]
    let skipped = node.operands.count - body.parameters.count
    guard skipped >= 0, body.outputTypes == graph.resultTypes(of: node),
      body.parameters.map(body.type(of:)) == node.operands.dropFirst(skipped).map(graph.type(of:))
    else { return nil }
    return try pruned(
      graph.rewritten(sharingEqualNodes: false) { other, operands, builder in
        other.id == node.id ? .replace(try body.inlined(into: builder, Array(operands.dropFirst(skipped)))) : .keep
      })
  }
}

extension Graph {
  fileprivate func bypassing(_ position: Int, _ operand: Int) throws -> Graph? {
    let node = nodes[position]
    guard node.results.count == 1, type(of: node.operands[operand]) == type(of: node.result) else { return nil }
    return try rewritten(sharingEqualNodes: false) { other, operands, _ in
      other.id == node.id ? .replace([operands[operand]]) : .keep
    }
  }
}
