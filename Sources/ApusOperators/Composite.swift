import ApusCore
import ApusGraph

extension Graph {
  /// The graph with composites replaced by their definitions, in regions too: only primitives and declarations are
  /// left, which is what backends understand.
  public func expandingComposites() throws -> Graph {
    try rewritten { node, operands, builder in
      let regions = try node.regions.map { try $0.expandingComposites() }
      guard node.op is any CompositeOperator else {
        return .replace(
          try builder.append(node.op, operands, regions: regions, names: names(of: node), origin: node.origin))
      }
      return .replace(try expand(node.op, operands.map(builder.value), builder, node.origin, depth: 0).map(\.id))
    }
  }

  /// One composite, and the composites in its expansion.
  private func expand(
    _ op: any Operator, _ operands: [Value], _ builder: GraphBuilder, _ origin: Origin, depth: Int
  ) throws -> [Value] {
    guard let composite = op as? any CompositeOperator else {
      throw ApusError.defect("\(op.name) is not a composite")
    }
    guard depth < 16 else { throw ApusError.defect("the expansion of \(op.name) does not end") }
    // On a scratch graph first: only what the results need is copied over.
    let scratch = GraphBuilder("expansion")
    let arguments = try operands.enumerated().map { try scratch.parameter("p\($0)", $1.dtype, $1.shape) }
    let expansion = try scratch.build(composite.expand(arguments, scratch))
    let live = expansion.liveNodes()
    var map = [ValueID?](repeating: nil, count: expansion.valueCount)
    for (parameter, operand) in zip(expansion.parameters, operands) { map[parameter.index] = operand.id }
    map = try expansion.copy(into: builder, map: map, keeping: live) { node, inner, builder in
      guard node.op is any CompositeOperator else {
        return .replace(try builder.append(node.op, inner, regions: node.regions, origin: origin))
      }
      return .replace(
        try expand(node.op, inner.map(builder.value), builder, origin, depth: depth + 1).map(\.id))
    }
    return try expansion.outputs.map { id in
      guard let value = map[id.index] else { throw ApusError.defect("\(op.name): an output was not expanded") }
      return builder.value(value)
    }
  }
}
