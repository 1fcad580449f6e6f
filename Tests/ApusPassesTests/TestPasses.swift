import Apus
import ApusGraph
import ApusOperators

/// Passes that do what no pass may do: the pipeline has to notice.

/// Updates a value that is no variable, twice: breaks two rules of the verifier.
struct BreakingPass: Pass {
  static let record = PassRecord("break", "breaks the graph")
  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let builder = GraphBuilder(graph.name)
    let x = try builder.parameter("x", .f32, [2])
    builder.appendUpdate(x.id, x.id)
    builder.appendUpdate(ValueID(7), x.id)
    return try builder.build([x])
  }
}

/// Computes −x instead of x.
struct NegatingPass: Pass {
  static let record = PassRecord("negate", "negates the outputs")
  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let builder = GraphBuilder(extending: graph)
    return try builder.build(graph.outputs.map { try -builder.value($0) })
  }
}

/// Changes nothing.
struct IdlePass: Pass {
  static let record = PassRecord("idle", "does nothing", statistics: [PassStatistic("done", "nothing")])
  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph { graph }
}

/// Adds a node, and says that it did nothing.
struct DenyingPass: Pass {
  static let record = PassRecord("deny", "changes in secret", statistics: [PassStatistic("done", "changes")])
  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    try NegatingPass().run(NegatingPass().run(graph, &context), &context)
  }
}

/// Does nothing, and says that it did.
struct BoastingPass: Pass {
  static let record = PassRecord("boast", "claims changes", statistics: [PassStatistic("done", "changes")])
  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    context.count("done", 3)
    return graph
  }
}

/// Counts what its record does not list.
struct MiscountingPass: Pass {
  static let record = PassRecord("miscount", "counts something else", statistics: [PassStatistic("done", "changes")])
  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    context.count("dne")
    return graph
  }
}

/// Takes an input away.
struct NarrowingPass: Pass {
  static let record = PassRecord("narrow", "drops the parameters")
  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let builder = GraphBuilder(graph.name)
    return try builder.build([builder.constant(Tensor(zeros: .f32, [2]))])
  }
}

/// Fails.
struct FailingPass: Pass {
  struct Reason: Error {}
  static let record = PassRecord("fail", "throws")
  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph { throw Reason() }
}

/// exp of a vector of two.
func exponential() throws -> Graph {
  let builder = GraphBuilder("g")
  return try builder.build([builder.parameter("x", .f32, [2]).exp()])
}

/// What a defect says; nil if `body` throws none.
func defect<Result>(_ body: () throws -> Result) -> ApusError? {
  do { _ = try body() } catch let error as ApusError where error.fault == .defect { return error } catch { return nil }
  return nil
}
