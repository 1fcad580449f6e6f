import ApusCore
import ApusGraph
import ApusOperators
import ApusPasses

/// All values of one run of a graph.
struct ValueRun {
  /// What nodes compute, and what they are given; constants are left out.
  let values: [ValueID: Tensor]
  /// The same of the regions of fusions, by the positions of their nodes: as the interpreter computes them of what the fusion
  /// was given.
  let inside: [Int: [ValueID: Tensor]]

  /// - Parameters:
  ///   - graph: as `backend` takes it.
  ///   - inputs: for its parameters and variables.
  /// - Throws: `ApusError` if it cannot be run, or its values do not fit into memory.
  init(_ graph: Graph, _ inputs: ReportInputs, on backend: any Backend) throws {
    let trace = try ValueTrace(graph, inputs.feeds, variables: inputs.variables, on: backend)
    values = Self.values(trace)
    var inside: [Int: [ValueID: Tensor]] = [:]
    for node in graph.nodes where node.op is Fusion {
      let given = node.operands.compactMap { trace[$0] }
      guard given.count == node.operands.count else { continue }
      inside[node.id.index] = Self.values(try ValueTrace(node.regions[0], given, variables: []))
    }
    self.inside = inside
  }

  private static func values(_ trace: ValueTrace) -> [ValueID: Tensor] {
    var values: [ValueID: Tensor] = [:]
    for node in trace.graph.nodes where !(node.op is Constant) { for id in node.results { values[id] = trace[id] } }
    return values
  }
}

/// What a graph is run on to look at its values.
public struct ReportInputs: Sendable {
  /// For each parameter, in order.
  public var feeds: [Tensor]
  /// For each variable, in order.
  public var variables: [Tensor]
  /// Where they are from, for people: `x from x.npy`, `y random with seed 0`.
  public var sources: [String]

  public init(feeds: [Tensor], variables: [Tensor], sources: [String]) {
    (self.feeds, self.variables, self.sources) = (feeds, variables, sources)
  }

  /// The same numbers in double precision.
  func inDoublePrecision() throws -> ReportInputs {
    var result = self
    result.feeds = try feeds.map { try $0.inDoublePrecision() }
    result.variables = try variables.map { try $0.inDoublePrecision() }
    return result
  }
}
