import ApusCore
import ApusGraph
import ApusPasses

/// All values of one run of a graph.
struct ValueRun {
  /// What nodes compute, and what they are given; constants are left out.
  let values: [ValueID: Tensor]

  /// - Parameters:
  ///   - graph: as `backend` takes it.
  ///   - inputs: for its parameters and variables.
  /// - Throws: `ApusError` if it cannot be run, or its values do not fit into memory.
  init(_ graph: Graph, _ inputs: ReportInputs, on backend: any Backend) throws {
    let trace = try ValueTrace(graph, inputs.feeds, variables: inputs.variables, on: backend)
    var values: [ValueID: Tensor] = [:]
    for id in graph.nodes.flatMap(\.results) where !(graph.producer(of: id).op is Constant) { values[id] = trace[id] }
    self.values = values
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
