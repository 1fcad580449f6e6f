import ApusCore
import ApusGraph

extension Graph {
  /// The graph with composites replaced by their definitions, in regions too: only primitives and declarations are
  /// left, which is what backends understand.
  /// - Parameter sharingEqualNodes: whether equal nodes become one on the way. The interpreter computes each of them.
  public func expandingComposites(sharingEqualNodes: Bool = true) throws -> Graph {
    try expandingComposites(sharingEqualNodes: sharingEqualNodes) { _ in true }
  }

  /// - Parameters:
  ///   - leavesUnbound: whether a composite stays that can be expanded only when symbols of its operands are bound, as a
  ///     product whose axes become one; else it is an error.
  ///   - isExpanded: which composites to replace; the others stay.
  package func expandingComposites(
    sharingEqualNodes: Bool = true, leavesUnbound: Bool = false, where isExpanded: (any CompositeOperator) -> Bool
  ) throws -> Graph {
    func expanded(_ region: Graph) throws -> Graph {
      try region.expandingComposites(
        sharingEqualNodes: sharingEqualNodes, leavesUnbound: leavesUnbound, where: isExpanded)
    }
    return try rewritten(sharingEqualNodes: sharingEqualNodes) { node, operands, builder in
      // The nest that a fusion states is of this very region.
      let isFinished = node.op is Fusion && !node.regions[0].hasComposites
      let regions = isFinished ? node.regions : try node.regions.map(expanded)
      guard let composite = node.op.asComposite, isExpanded(composite) else {
        let op: any Operator = node.op is Fusion && !isFinished ? Fusion() : node.op
        return .replace(
          try builder.append(op, operands, regions: regions, names: names(of: node), origin: node.origin))
      }
      let values = try expand(
        composite, operands.map(builder.value), resultTypes(of: node), builder, node.origin, expanded,
        leavesUnbound: leavesUnbound, where: isExpanded)
      for (result, value) in zip(node.results, values) {
        if let name = name(of: result) { builder.name(value, name) }
      }
      return .replace(values.map(\.id))
    }
  }

  /// One composite, and the composites in its expansion.
  /// - Parameters:
  ///   - results: the types that its shape rule gave.
  ///   - expanded: gives a region with its composites replaced.
  private func expand(
    _ op: any CompositeOperator, _ operands: [Value], _ results: [TensorType], _ builder: GraphBuilder,
    _ origin: Origin, _ expanded: (Graph) throws -> Graph, leavesUnbound: Bool,
    where isExpanded: (any CompositeOperator) -> Bool
  ) throws -> [Value] {
    // Results without elements are known, and what would lead to them may be of any size: positions along a long axis.
    if !results.isEmpty, results.allSatisfy({ $0.shape.elementCount == 0 }) {
      return try results.map { try builder.constant(Tensor(zeros: $0.dtype, $0.shape.numbers ?? [])) }
    }
    // On a scratch graph first: only what the results need is copied over.
    let types = operands.map(\.type)
    let expansion: Graph
    do { expansion = try GraphBuilder.expansion(of: op, types, giving: results) } catch let error as ApusError
      where leavesUnbound && error.fault == .input && types.contains(where: { !$0.shape.symbols.isEmpty })
    {
      return try builder.append(op, operands.map(\.id), origin: origin).map(builder.value)
    }
    let live = expansion.liveNodes()
    var map = [ValueID?](repeating: nil, count: expansion.valueCount)
    for (parameter, operand) in zip(expansion.parameters, operands) { map[parameter.index] = operand.id }
    map = try expansion.copy(into: builder, map: map, keeping: live) { node, inner, builder in
      guard let composite = node.op.asComposite, isExpanded(composite) else {
        let regions = try node.regions.map(expanded)
        return .replace(try builder.append(node.op, inner, regions: regions, origin: origin))
      }
      return .replace(
        try Expansion.following(op) {
          try expand(
            composite, inner.map(builder.value), expansion.resultTypes(of: node), builder, origin, expanded,
            leavesUnbound: leavesUnbound, where: isExpanded)
        }.map(\.id))
    }
    return try expansion.outputs.map { id in
      guard let value = map[id.index] else { throw ApusError.defect("\(op.name): an output was not expanded") }
      return builder.value(value)
    }
  }
}

extension Graph {
  /// Whether there is a composite here or in a region.
  package var hasComposites: Bool {
    nodes.contains { $0.op.asComposite != nil || $0.regions.contains(where: \.hasComposites) }
  }
}
