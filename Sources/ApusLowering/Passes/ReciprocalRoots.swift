import ApusCore
import ApusGraph
import ApusOperators
import ApusPasses

/// Divides by a square root by multiplying with the reciprocal one: a / √b = a · b^(−½), for `f32`.
///
/// Not bit for bit: two roundings are replaced by two others, and a backend's reciprocal root may be off by 2 units in
/// the last place. The same at all edges: b of 0, ∞, below 0, NaN. An optimizer's update is mostly this quotient, and
/// roots and divisions take ten times as long as multiplications.
public struct ReciprocalRoots: Pass {
  public static let record = PassRecord(
    "reciprocal-roots", "divides by f32 square roots by multiplying with reciprocal ones (to 3 ULP)",
    statistics: [PassStatistic("replaced", "divisions replaced")], rules: [reciprocal])

  private static let reciprocal = RewriteRule("reciprocal", "a / √b → a · b^(−½) for f32", .rounded)

  public init() {}

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    guard graph.nodes.contains(where: { $0.op is Sqrt }) else { return graph }
    var count = 0
    // Roots of the new graph, and what they are taken of.
    var radicands: [ValueID: ValueID] = [:]
    let result = try graph.rewritten { node, operands, builder in
      guard node.results.count == 1, graph.type(of: node.result).dtype == .f32 else { return .keep }
      if node.op is Sqrt {
        let root = try builder.append(node.op, operands, names: graph.names(of: node), origin: node.origin)
        radicands[root[0]] = operands[0]
        return .replace(root)
      }
      guard node.op is Divide, let radicand = radicands[operands[1]], context.permits(Self.reciprocal) else {
        return .keep
      }
      count += 1
      return .replace([try (builder.value(operands[0]) * builder.value(radicand).rsqrt()).id])
    }
    context.count("replaced", count)
    return count == 0 ? graph : try result.withoutDeadNodes()
  }
}
