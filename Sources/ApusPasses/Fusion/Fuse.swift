import ApusCore
import ApusGraph
import ApusOperators

/// Gathers nodes into `fusion` nodes that one loop nest can compute, with several results where several are needed.
///
/// A nest runs over one shape, its domain. It is built around
/// - a *head*: a contraction, or a window that moves over each channel. Its result is the domain, and elementwise nodes of
///   that shape follow on it;
/// - or elementwise nodes and reductions over one set of axes, with what follows from the reductions, whether it has the
///   domain's shape (softmax) or the reduced one (a mean).
///
/// The pass walks forward: a node joins the nest of one of its operands, and the nests of its other operands join with
/// it, if shapes agree and no path leads out of the nest and back into it. Elementwise nests that read the same tensors
/// become one. It never duplicates work. A value that is read outside its nest becomes an additional result; unless it
/// follows on a head, and one other nest reads both it and all that it is computed from: then it moves there. Scalar
/// constants move into the region, and so do positions (`iota`) unless the nest has a head; everything else that a nest
/// reads is an operand.
///
/// A remark tells for each producer and consumer that stayed apart why (`FusionObstacle`).
public struct Fuse: Pass {
  /// The most nodes in one fusion.
  public var size = 64

  public static let record = PassRecord(
    "fuse", "gathers nodes into loop nests: elementwise chains, reductions, epilogues",
    options: [option("size", \.size, "the most nodes in one fusion")],
    statistics: [PassStatistic("fusions", "fusions made"), PassStatistic("fused", "nodes in them")])

  public init() {}

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    // A dead reader does not count: a second run, which no longer sees it, must not fuse more.
    var plan = NestPlan(try graph.withoutDeadNodes(), size: size)
    plan.grow()
    plan.permitted = Set(plan.nests.indices.filter { plan.isGathered($0) && context.permits() })
    // What keeps nodes apart is told of the whole plan: nothing is, if a limit leaves out a part of it.
    if context.isRemarking { plan.remark(&context) }
    let nests = plan.nests.indices.filter(plan.isGathered).map { plan.nests[$0] }
    context.count("fusions", nests.count)
    context.count("fused", nests.reduce(0) { $0 + $1.members.count })
    return nests.isEmpty ? graph : try plan.rewritten().graph.withoutDeadNodes()
  }

  /// The graph's nests, for passes that must know which values will be in memory.
  /// - Parameter graph: without dead nodes.
  package func nested(_ graph: Graph) throws -> NestedGraph {
    var plan = NestPlan(graph, size: size)
    plan.grow()
    return try plan.rewritten()
  }
}

/// A graph with its nests as fusions, and where each of its nodes went.
package struct NestedGraph {
  package let graph: Graph
  /// For each value its counterpart; nil for a value that its nest keeps to itself.
  package let values: [ValueID?]
  /// For each node of the new graph the nodes that it represents, in order.
  package let members: [[NodeID]]
}
