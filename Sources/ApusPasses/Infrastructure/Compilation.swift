import ApusCore
import ApusGraph
import ApusOperators

/// From a graph as it was built to one that runs: binds the mode and the sizes, runs the backend's passes, prepares.
///
/// The only place that says in which order. Sessions and all commands that run, print or measure compiled graphs use it.
public struct Compilation: Sendable {
  /// Which passes run.
  public enum Passes: Sendable {
    /// The backend's pipeline of this level.
    case level(OptimizationLevel)
    /// These, after what the backend cannot do without.
    case custom(Pipeline)
  }

  public var backend: any Backend
  public var passes: Passes
  /// Whether passes collect remarks.
  public var remarks: Bool

  public init(backend: any Backend, passes: Passes = .level(.standard), remarks: Bool = false) {
    self.backend = backend
    self.passes = passes
    self.remarks = remarks
  }

  /// The passes that a bound graph goes through.
  public func pipeline(for graph: Graph) -> Pipeline {
    switch passes {
    case .level(let level): backend.pipeline(for: graph, level: level)
    case .custom(let pipeline): Pipeline(backend.passes(for: graph).required.passes + pipeline.passes)
    }
  }

  /// The graph after the passes.
  /// - Parameters:
  ///   - mode: what dropout and the like become; nil: the graph has none of them, or is bound already.
  ///   - sizes: of symbols. Those that it leaves out stay.
  ///   - observers: told about each pass, in order.
  /// - Throws: `ApusError` that names the node or the pass at fault.
  public func optimized(
    _ graph: Graph, mode: Mode? = nil, sizes: [String: Int] = [:], observers: [any PipelineObserver] = []
  ) throws -> PipelineResult {
    let moded = try mode.map { try graph.bound(to: $0) } ?? graph
    let bound = try moded.specialized(sizes)
    return try pipeline(for: bound).run(bound, remarking: remarks, observers: observers)
  }

  /// The graph, ready to run.
  /// - Throws: as `optimized`, and `ApusError` if a shape is symbolic or the backend cannot run an operator.
  public func compiled(
    _ graph: Graph, mode: Mode? = nil, sizes: [String: Int] = [:], observers: [any PipelineObserver] = []
  ) throws -> any Executable {
    try backend.prepare(optimized(graph, mode: mode, sizes: sizes, observers: observers).graph)
  }
}

extension Backend {
  /// A bound, static graph after this backend's passes: what `prepare` takes.
  /// - Throws: `ApusError` that names the pass at fault.
  public func optimized(_ graph: Graph, passes: Compilation.Passes = .level(.standard)) throws -> Graph {
    try Compilation(backend: self, passes: passes).optimized(graph).graph
  }

  /// A bound, static graph, ready to run.
  /// - Throws: as `optimized`, and `ApusError` if a shape is symbolic or the backend cannot run an operator.
  public func compile(_ graph: Graph, passes: Compilation.Passes = .level(.standard)) throws -> any Executable {
    try prepare(optimized(graph, passes: passes))
  }
}
