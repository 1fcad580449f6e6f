import ApusCore
import ApusGraph
import ApusInterpreter
import ApusPasses
import Synchronization

/// Variables, and programs that read and update them.
///
/// Variables are shared by name: a training graph and an evaluation graph of one model see the same weights. Safe to use
/// from several tasks: runs of one session follow each other.
public final class Session: Sendable {
  public let backend: any Backend
  /// Seed of the variables' first values.
  public let seed: UInt64
  private let store = Mutex<[String: Tensor]>([:])

  /// What a graph goes through, once its shapes are known, before the backend prepares it.
  public let pipeline: Pipeline

  /// - Parameter pipeline: `O2` where nil; an empty one runs graphs as they were built.
  public init(backend: any Backend = InterpreterBackend(), seed: UInt64 = 0, pipeline: Pipeline? = nil) {
    self.backend = backend
    self.seed = seed
    self.pipeline = pipeline ?? .standard
  }

  /// A graph that this session can run. Variables that the session does not have yet get their first values.
  /// - Throws: `ApusError` where a variable of that name has another type.
  public func load(_ graph: Graph) throws -> Program {
    try store.withLock { store in
      for (_, variable) in graph.variables {
        if let known = store[variable.label] {
          guard known.type == variable.type else {
            throw ApusError.input(
              "variable '\(variable.label)' is a \(variable.type) in graph @\(graph.name), but a \(known.type) in this session"
            )
          }
        } else {
          store[variable.label] = try variable.initialValue(seed: seed)
        }
      }
    }
    return Program(graph, self)
  }

  /// A variable's value; nil where there is none of that name.
  public func value(of variable: String) -> Tensor? { store.withLock { $0[variable] } }

  /// Gives a variable a value.
  /// - Throws: `ApusError` where the type differs from the one it has.
  public func setValue(_ value: Tensor, of variable: String) throws {
    try store.withLock { store in
      if let known = store[variable], known.type != value.type {
        throw ApusError.input("variable '\(variable)' is a \(known.type) and cannot become a \(value.type)")
      }
      store[variable] = value
    }
  }

  /// All variables by name, in order of names.
  public var values: [(name: String, value: Tensor)] {
    store.withLock { store in store.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
  }

  /// Runs once: `body` sees the variables and says how they change.
  fileprivate func withVariables<R>(_ names: [String], _ body: ([Tensor]) throws -> (R, [(Int, Tensor)])) throws -> R {
    try store.withLock { store in
      let values = try names.map { name in
        guard let value = store[name] else { throw ApusError.defect("variable '\(name)' was not loaded") }
        return value
      }
      let (result, updates) = try body(values)
      for (position, value) in updates { store[names[position]] = value }
      return result
    }
  }
}

/// A graph loaded into a session. Prepared once for each binding of its symbols, when first run with it.
public final class Program: Sendable {
  public let graph: Graph
  private let session: Session
  private let parameters: [String]
  private let variables: [String]
  private let executables = Mutex<[[String: Int]: any Executable]>([:])

  fileprivate init(_ graph: Graph, _ session: Session) {
    self.graph = graph
    self.session = session
    parameters = graph.parameters.map { graph.name(of: $0) ?? "" }
    variables = graph.variables.map(\.declaration.label)
  }

  /// Runs the graph and applies its updates.
  /// - Parameter feeds: a tensor for each parameter, in order; their shapes bind the graph's symbols.
  /// - Returns: a tensor for each output.
  /// - Throws: `ApusError` that names the parameter where a feed does not fit; nothing is updated then.
  public func run(_ feeds: [Tensor]) throws -> [Tensor] {
    let bindings = try graph.bindings(for: feeds.map(\.dimensions))
    let executable = try self.executable(bindings)
    return try session.withVariables(variables) { values in
      let result = try executable.run(feeds, variables: values)
      return (result.outputs, result.updates.map { ($0.variable, $0.value) })
    }
  }

  /// Runs the graph on feeds by name.
  /// - Throws: `ApusError` where a feed is missing, unknown, or does not fit.
  public func run(_ feeds: [String: Tensor]) throws -> [Tensor] {
    for name in feeds.keys.sorted() where !parameters.contains(name) {
      throw ApusError.input(
        "graph @\(graph.name) has no input '\(name)'",
        help: Suggestion.didYouMean(name, among: parameters) ?? "its inputs: \(parameters.joined(separator: ", "))")
    }
    return try run(
      parameters.map { name in
        guard let feed = feeds[name] else {
          throw ApusError.input("input '\(name)' of graph @\(graph.name) is not fed")
        }
        return feed
      })
  }

  private func executable(_ bindings: [String: Int]) throws -> any Executable {
    try executables.withLock { known in
      if let executable = known[bindings] { return executable }
      let optimized = try session.pipeline.run(graph.specialised(bindings)).graph
      let executable = try session.backend.prepare(optimized)
      known[bindings] = executable
      return executable
    }
  }
}
