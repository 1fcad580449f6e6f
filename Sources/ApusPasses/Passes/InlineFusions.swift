import ApusCore
import ApusGraph
import ApusOperators

/// Replaces fusions by the nodes in them: what a backend with an idea of its own about fusing starts from.
public struct InlineFusions: Pass {
  public static let record = PassRecord(
    "inline-fusions", "replaces fusions by the nodes in them",
    statistics: [PassStatistic("inlined", "fusions replaced")])

  public init() {}

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    let count = graph.nodes.count { $0.op is Fusion }
    context.count("inlined", count)
    if count == 0 { return graph }
    let result = try graph.rewritten { node, operands, builder in
      guard node.op is Fusion else { return .keep }
      var map = [ValueID?](repeating: nil, count: node.regions[0].valueCount)
      for (parameter, operand) in zip(node.regions[0].parameters, operands) { map[parameter.index] = operand }
      map = try node.regions[0].copy(into: builder, map: map) { inner, operands, builder in
        .replace(
          try builder.append(
            inner.op, operands, regions: inner.regions,
            origin: inner.origin.name == nil ? node.origin : inner.origin))
      }
      let values = try node.regions[0].outputs.map { id in
        guard let value = map[id.index] else { throw ApusError.defect("a fusion's output was not computed") }
        return value
      }
      for (old, new) in zip(node.results, values) {
        if let name = graph.name(of: old) { builder.name(builder.value(new), name) }
      }
      return .replace(values)
    }
    // A fusion in a fusion.
    return try run(result, &context)
  }
}
