import ApusCore
import ApusData
import ApusGraph
import ApusNative
import ApusOperators
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
  /// The passes that graphs go through once their shapes are bound, before the backend prepares them.
  public let passes: Compilation.Passes
  private let store = Mutex<[String: Tensor]>([:])
  private let loaded = Mutex<[Graph: LoadedGraph]>([:])
  private let changed = Atomic<Bool>(false)

  /// - Parameters:
  ///   - backend: if nil, that of `DefaultBackend`.
  ///   - passes: the backend's pipeline of some level, or others; `.level(.none)` runs graphs as they were built.
  public init(
    backend: (any Backend)? = nil, seed: UInt64 = 0, passes: Compilation.Passes = .level(.standard)
  ) {
    self.backend = backend ?? DefaultBackend.make()
    self.seed = seed
    self.passes = passes
  }

  // MARK: Graphs

  /// A graph that this session can run. Variables that the session does not have yet get their first values. Loading a
  /// graph again gives the programs that it was prepared for before.
  /// - Throws: `ApusError` if a variable of that name has another type, or the graph is not bound to a mode.
  public func load(_ graph: Graph) throws -> Program {
    if let node = graph.nodes.first(where: { $0.op is any ModeDependentOperator }) {
      throw ApusError.input(
        "graph @\(graph.name) is not bound to a mode: \(node.op.name)"
          + "\(node.origin.name.map { " of layer '\($0)'" } ?? "") does different things while training and predicting",
        help: "bind the graph first: bound(to: .inference)", commandHelp: "bind the graph first: --mode inference")
    }
    try store.withLock { store in
      try Self.checkMemory(of: graph.variables.map(\.declaration).filter { store[$0.label] == nil }, of: graph)
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
    let code = loaded.withLock { loaded in
      if let known = loaded[graph] { return known }
      let new = LoadedGraph(graph)
      loaded[graph] = new
      return new
    }
    return Program(code, self)
  }

  /// First values can take minutes to compute, so it is asked before whether there is room for all of them.
  private static func checkMemory(of variables: [Variable], of graph: Graph) throws {
    var need = MemoryNeed()
    for variable in variables {
      let byteCount = variable.type.byteCount ?? 0
      need.add(byteCount)
      need.parts.append((variable.label, byteCount))
    }
    try need.check("the variables of graph @\(graph.name) need")
  }

  /// Loads a graph and runs it once, updates included.
  /// - Parameters:
  ///   - fetches: names of values, with or without `%`; the graph's outputs where nil.
  ///   - feeds: a tensor for each parameter, by name.
  /// - Returns: a tensor for each fetch, in order.
  /// - Throws: `ApusError` if a name is unknown, with a suggestion, or a feed does not fit.
  public func run(_ graph: Graph, fetching fetches: [String]? = nil, feeds: [String: Tensor] = [:]) throws -> [Tensor] {
    try load(fetches.map(graph.fetching) ?? graph).run(feeds)
  }

  // MARK: Variables

  /// Whether a variable has been set, or a graph with updates run: whether values may differ from the first ones.
  var hasChanged: Bool { changed.load(ordering: .relaxed) }

  /// Takes the present values for the first ones.
  func forgetChanges() { changed.store(false, ordering: .relaxed) }

  fileprivate func noteUpdates(of graph: Graph) {
    if !graph.updates.isEmpty { changed.store(true, ordering: .relaxed) }
  }

  /// A variable's value; nil if there is none of that name.
  public func value(of variable: String) -> Tensor? { store.withLock { $0[variable] } }

  /// Gives a variable a value.
  /// - Throws: `ApusError` if no loaded graph has the variable, or its type differs.
  public func setValue(_ value: Tensor, of variable: String) throws {
    try store.withLock { store in
      guard let known = store[variable] else {
        throw ApusError.input(
          "this session has no variable '\(variable)'",
          help: Suggestion.didYouMean(variable, among: store.keys.sorted()))
      }
      guard known.type == value.type else {
        throw ApusError.input("variable '\(variable)' is a \(known.type) and cannot become a \(value.type)")
      }
      store[variable] = value
    }
    changed.store(true, ordering: .relaxed)
  }

  /// All variables by name, in order of names.
  public var values: [(name: String, value: Tensor)] {
    store.withLock { store in store.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
  }

  /// Runs with the variables taken out of the store, so that they can be written where they are.
  fileprivate func updatingVariables<R>(_ names: [String], _ body: (inout [Tensor]) throws -> R) throws -> R {
    try store.withLock { store in
      var values = try names.map { name in
        guard let value = store.removeValue(forKey: name) else {
          throw ApusError.defect("variable '\(name)' was not loaded")
        }
        return value
      }
      defer { for (name, value) in zip(names, values) { store[name] = value } }
      return try body(&values)
    }
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
public struct Program: Sendable {
  public var graph: Graph { code.graph }
  private let code: LoadedGraph
  private let session: Session

  fileprivate init(_ code: LoadedGraph, _ session: Session) {
    self.code = code
    self.session = session
  }

  /// Runs the graph and applies its updates.
  /// - Parameter feeds: a tensor for each parameter, in order; their shapes bind the graph's symbols.
  /// - Returns: a tensor for each output.
  /// - Throws: `ApusError` that names the parameter where a feed does not fit; nothing is updated then.
  public func run(_ feeds: [Tensor]) throws -> [Tensor] {
    let prepared = try code.prepared(graph.bindings(for: feeds.map(\.dimensions)), session)
    session.noteUpdates(of: graph)
    if let executable = prepared.executable as? any TrainingExecutable {
      return try session.updatingVariables(prepared.variables) { try executable.run(feeds, updating: &$0) }
    }
    return try session.withVariables(prepared.variables) { values in
      let result = try prepared.executable.run(feeds, variables: values)
      return (result.outputs, result.updates.map { ($0.variable, $0.value) })
    }
  }

  /// Runs the graph once for each batch of rows of a data set, in order, and applies the updates of each.
  /// - Parameters:
  ///   - rows: the samples of all batches, one batch after the other.
  ///   - batchSize: of each of them; divides the number of rows.
  ///   - datasets: for each parameter, in order, all samples along the first axis.
  /// - Returns: for each output the values of all batches, stacked along a new first axis.
  /// - Throws: `ApusError` if the data do not fit; batches before the one at fault have been applied then.
  public func run(overRows rows: [Int], batchSize: Int, of datasets: [Tensor]) throws -> [Tensor] {
    guard batchSize > 0, rows.count.isMultiple(of: batchSize) else {
      throw ApusError.input("\(rows.count) rows are not batches of \(batchSize)")
    }
    let shapes = datasets.map { [batchSize] + $0.dimensions.dropFirst() }
    let prepared = try code.prepared(graph.bindings(for: shapes), session)
    session.noteUpdates(of: graph)
    if let executable = prepared.executable as? any TrainingExecutable {
      return try session.updatingVariables(prepared.variables) {
        try executable.run(overRows: rows, of: datasets, updating: &$0)
      }
    }
    var series: [[Tensor]] = graph.outputs.map { _ in [] }
    for start in stride(from: 0, to: rows.count, by: batchSize) {
      let batch = Array(rows[start..<(start + batchSize)])
      for (position, output) in try run(datasets.map { try $0.gather(rows: batch) }).enumerated() {
        series[position].append(output)
      }
    }
    return try zip(series, graph.outputTypes).map { try Tensor(stacking: $0, of: $1) }
  }

  /// Runs the graph on feeds by name.
  /// - Throws: `ApusError` if a feed is missing, unknown, or does not fit.
  public func run(_ feeds: [String: Tensor]) throws -> [Tensor] {
    let parameters = code.parameters
    for name in feeds.keys.sorted() where !parameters.contains(name) {
      throw ApusError.input(
        "graph @\(graph.name) has no input '\(name)'",
        help: Suggestion.didYouMean(name, among: parameters)
          ?? (parameters.isEmpty ? "it has none" : "its inputs: \(parameters.joined(separator: ", "))"))
    }
    return try run(
      parameters.enumerated().map { position, name in
        guard let feed = feeds[name] else {
          throw ApusError.input(
            "input '\(name)' of graph @\(graph.name) is not fed",
            help: "it is a \(graph.type(of: graph.parameters[position]))",
            commandHelp: "--input \(name)=FILE.npy, or --random for random numbers")
        }
        return feed
      })
  }
}

/// A graph with what it was compiled to.
private final class LoadedGraph: Sendable {
  let graph: Graph
  let parameters: [String]
  private let known = Mutex<[[String: Int]: Prepared]>([:])

  /// A graph of static shapes, compiled.
  struct Prepared {
    let executable: any Executable
    /// Names of the graph's variables, in order.
    let variables: [String]
  }

  init(_ graph: Graph) {
    self.graph = graph
    parameters = graph.parameters.map { graph.name(of: $0) ?? "" }
  }

  func prepared(_ bindings: [String: Int], _ session: Session) throws -> Prepared {
    try known.withLock { known in
      if let prepared = known[bindings] { return prepared }
      let compilation = Compilation(backend: session.backend, passes: session.passes)
      let prepared = Prepared(
        executable: try compilation.compiled(graph, sizes: bindings),
        variables: graph.variables.map(\.declaration.label))
      known[bindings] = prepared
      return prepared
    }
  }
}

extension Graph {
  /// The same graph with other outputs.
  /// - Parameter names: of values, with or without `%`.
  /// - Throws: `ApusError` with a suggestion if no value has that name.
  public func fetching(_ names: [String]) throws -> Graph {
    var known: [String: ValueID] = [:]
    var labels: [String] = []
    for id in nodes.flatMap(\.results) {
      let label = String(label(of: id).dropFirst())
      known[label] = id
      if self.name(of: id) != nil { labels.append(label) }
    }
    let builder = GraphBuilder(extending: self)
    return builder.build(
      outputs: try names.map { name in
        let bare = name.hasPrefix("%") ? String(name.dropFirst()) : name
        guard let id = known[bare] else {
          throw ApusError.input(
            "graph @\(self.name) has no value '%\(bare)'", help: Suggestion.didYouMean(bare, among: labels))
        }
        return id
      })
  }
}

extension Tensor {
  /// Tensors of one type along a new first axis.
  fileprivate init(stacking parts: [Tensor], of type: TensorType) throws {
    let dimensions = parts.first?.dimensions ?? type.shape.numbers ?? []
    try self.init(uninitialized: type.dtype, [parts.count] + dimensions)
    withUnsafeMutableBytes { target in
      var offset = 0
      for part in parts {
        part.withUnsafeBytes { target[offset..<(offset + $0.count)].copyBytes(from: $0) }
        offset += part.byteCount
      }
    }
  }
}
