import ApusCore
import ApusGraph
import ApusInterpreter
import ApusOperators

/// Computes nodes whose operands are constants, with the interpreter's kernels.
///
/// Not folded: random draws (they follow a counter at run time), control flow (it may not end), fusions, and results
/// for which the budget does not suffice. Sizes of static dimensions are constants too.
public struct FoldConstants: Pass {
  /// How many bytes of constants one run of the pass may create.
  public var limit = 1 << 20

  public static let record = PassRecord(
    "fold-constants", "computes what depends on constants only",
    options: [option("limit", \.limit, "bytes of constants that may be created")],
    statistics: [PassStatistic("folded", "nodes computed"), PassStatistic("bytes", "bytes of constants created")])

  public init() {}

  /// - Parameter limit: how many bytes of constants one run of the pass may create.
  public init(limit: Int) { self.limit = limit }

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    var budget = limit
    return try folded(graph, &budget, &context)
  }

  private func folded(_ graph: Graph, _ budget: inout Int, _ context: inout PassContext) throws -> Graph {
    let graph = try graph.rewritingControlFlow { try folded($0, &budget, &context) }
    var count = 0
    let result = try graph.rewritten { node, operands, builder in
      if let value = node.op.determinedResult(operands.map { builder.graph.type(of: $0) }), context.permits() {
        count += 1
        return .replace(try builder.append(Constant(value), [], origin: node.origin))
      }
      guard let values = constants(operands, builder), node.isComputedFromOperands else { return .keep }
      let sizes = graph.resultTypes(of: node).map(\.byteCount)
      if sizes.contains(nil) {
        context.missed(
          "\(node.op.name) \(graph.label(of: node.results[0])) was not folded: its size is not known yet", at: node)
        return .keep
      }
      let bytes = sizes.reduce(0) { $0 + ($1 ?? 0) }
      guard bytes <= budget else {
        context.missed(
          "\(node.op.name) \(graph.label(of: node.results[0])) was not folded: its \(bytes) bytes exceed what is left of the limit, \(budget) of \(limit)",
          at: node)
        return .keep
      }
      // Numbers that the kernel refuses are left for the run to refuse.
      guard let results = try? evaluate(node, values) else {
        context.missed(
          "\(node.op.name) \(graph.label(of: node.results[0])) was not folded: its operands are out of range", at: node)
        return .keep
      }
      guard context.permits() else { return .keep }
      budget -= bytes
      count += 1
      context.count("bytes", bytes)
      return .replace(try results.flatMap { try builder.append(Constant($0), [], origin: node.origin) })
    }
    context.count("folded", count)
    return count == 0 ? graph : try result.withoutDeadNodes()
  }

  /// The operands' values; nil if one is no constant, or there is none.
  private func constants(_ operands: [ValueID], _ builder: GraphBuilder) -> [Tensor]? {
    guard !operands.isEmpty else { return nil }
    var values: [Tensor] = []
    for operand in operands {
      guard let constant = builder.graph.producer(of: operand).op as? Constant else { return nil }
      values.append(constant.value)
    }
    return values
  }

  private func evaluate(_ node: Node, _ values: [Tensor]) throws -> [Tensor] {
    let builder = GraphBuilder("fold")
    let operands = try values.map { try builder.constant($0) }
    let results = try builder.append(node.op, operands.map(\.id), origin: Origin())
    return try Interpreter(builder.build(outputs: results)).run([], variables: []).outputs
  }
}
