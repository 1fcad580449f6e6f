import ApusCore

/// What becomes of a node in a rewrite.
public enum Rewrite {
  /// The same node, its operands mapped.
  case keep
  /// These values of the new graph replace its results.
  case replace([ValueID])
  /// These values of the new graph stand for values of the old one: of this node, and of nodes that are not visited.
  case define([(old: ValueID, new: ValueID)])
}

extension Graph {
  /// A forward walk that builds a new graph: each node is kept or replaced, operands mapped along.
  ///
  /// Outputs and updates are carried over. The result holds what `visit`
  /// appended, whether something reads it or not: `withoutDeadNodes` drops the rest.
  /// - Parameters:
  ///   - sharingEqualNodes: whether equal nodes become one on the way.
  ///   - keeping: for each node whether it is visited; nil: all are. The others are left out, and nothing that is kept
  ///     may read their results.
  ///   - visit: is called with each node of this graph, its operands in the new graph, and the new graph's builder.
  /// - Throws: what `visit` throws; `ApusError` that names the node if a replacement does not fit.
  public func rewritten(
    sharingEqualNodes: Bool = true, keeping: [Bool]? = nil,
    _ visit: (_ node: Node, _ operands: [ValueID], _ builder: GraphBuilder) throws -> Rewrite
  ) throws -> Graph {
    var rewriter = GraphRewriter(self, sharingEqualNodes: sharingEqualNodes)
    for node in nodes where keeping?[node.id.index] ?? true {
      try rewriter.visit(node) { operands, builder in try visit(node, operands, builder) }
    }
    return try rewriter.finish()
  }

  /// A walk in another order, which gives several nodes one replacement or leaves some out.
  /// - Parameters:
  ///   - order: the nodes to visit; the operands of each must be defined when its turn comes.
  ///   - visit: sees the old node and a function that gives a value's counterpart.
  /// - Returns: the new graph, and for each value of this graph its counterpart in it.
  package func rewritten(
    order: [NodeID],
    _ visit: (_ node: Node, _ counterpart: (ValueID) throws -> ValueID, _ builder: GraphBuilder) throws -> Rewrite
  ) throws -> (graph: Graph, values: [ValueID?]) {
    var rewriter = GraphRewriter(self, sharingEqualNodes: false)
    for id in order {
      let rewrite = try visit(nodes[id.index], rewriter.counterpart, rewriter.builder)
      try rewriter.apply(rewrite, to: nodes[id.index])
    }
    return (try rewriter.finish(), rewriter.counterparts)
  }

  /// Appends this graph's nodes to another, without those whose results have a counterpart already.
  /// - Parameters:
  ///   - map: for each value of this graph its counterpart in `builder`; nil if it has none yet.
  ///   - keeping: for each node whether it is copied; nil: all are.
  ///   - visit: as in `rewritten`.
  /// - Returns: `map` with the counterparts of all values that were copied.
  public func copy(
    into builder: GraphBuilder, map: [ValueID?], keeping: [Bool]? = nil,
    _ visit: (_ node: Node, _ operands: [ValueID], _ builder: GraphBuilder) throws -> Rewrite = { _, _, _ in .keep }
  ) throws -> [ValueID?] {
    var rewriter = GraphRewriter(self, into: builder, counterparts: map)
    for node in nodes where keeping?[node.id.index] ?? true {
      if node.results.contains(where: { rewriter.counterparts[$0.index] != nil }) { continue }
      try rewriter.visit(node) { operands, builder in try visit(node, operands, builder) }
    }
    return rewriter.counterparts
  }

  /// Appends a region's computation to another graph, its parameters replaced by `arguments`.
  /// - Parameter arguments: a value of `builder` for each parameter of this graph, in order.
  /// - Returns: for each value of the region its counterpart.
  public func copied(into builder: GraphBuilder, _ arguments: [ValueID]) throws -> [ValueID?] {
    var map = [ValueID?](repeating: nil, count: values.count)
    for (parameter, argument) in zip(parameters, arguments) { map[parameter.index] = argument }
    return try copy(into: builder, map: map) { node, operands, builder in
      // Names belong to the region: copied twice they would clash.
      .replace(try builder.append(node.op, operands, regions: node.regions, origin: node.origin))
    }
  }

  /// Appends a region's computation to another graph, as `copied`.
  /// - Returns: the counterparts of its outputs.
  public func inlined(into builder: GraphBuilder, _ arguments: [ValueID]) throws -> [ValueID] {
    let map = try copied(into: builder, arguments)
    return try outputs.map { id in
      guard let new = map[id.index] else { throw ApusError.defect("a region's output was not computed") }
      return new
    }
  }
}

extension GraphRewriter {
  /// Visits one node with its operands mapped, and does what the visit says.
  fileprivate mutating func visit(
    _ node: Node, _ body: (_ operands: [ValueID], _ builder: GraphBuilder) throws -> Rewrite
  ) throws {
    let operands = try node.operands.map(counterpart)
    do {
      let rewrite = try body(operands, builder)
      if case .keep = rewrite { try keep(node, operands: operands) } else { try apply(rewrite, to: node) }
    } catch let error as TypeError {
      let origin = node.origin.name.map { " ('\($0)')" } ?? ""
      throw ApusError.input(
        "\(source.label(of: node.results[0])) = \(node.op.name)\(origin): \(error.message)", help: error.help)
    }
  }

  fileprivate mutating func apply(_ rewrite: Rewrite, to node: Node) throws {
    switch rewrite {
    case .keep: try keep(node)
    case .replace(let values): try define(node, as: values)
    case .define(let pairs): for pair in pairs { define(pair.old, as: pair.new) }
    }
  }
}
