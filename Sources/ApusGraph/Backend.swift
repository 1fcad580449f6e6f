import ApusCore

/// Something that runs graphs.
public protocol Backend: Sendable {
  /// The name by which the command line chooses it.
  var name: String { get }

  /// The backend's own passes; none unless it says otherwise. `Pipeline.optimizing` says where each kind runs.
  func passes(for graph: Graph) -> BackendPasses

  /// Prepares a static graph once, to be run often.
  /// - Parameter graph: after the backend's pipeline.
  /// - Throws: `ApusError` if a shape is symbolic or an operator cannot be run.
  func prepare(_ graph: Graph) throws -> any Executable
}

extension Backend {
  public func passes(for graph: Graph) -> BackendPasses { BackendPasses() }
}

/// The passes that only one backend needs, by the place in a pipeline at which they run.
public struct BackendPasses: Sendable {
  /// Whether the backend knows primitives only: then composites are expanded first, at every level of optimization.
  public var expandsComposites: Bool
  /// Rewrites of single operators into others that the backend has kernels for, or faster ones: at every level, before
  /// constants are folded and algebra is simplified.
  public var legalization: [any Pass]
  /// Rewrites of several operators: on simplified algebra, before equal nodes are merged.
  public var combinations: [any Pass]
  /// Choices of algorithms and of memory, on the final nodes: right before fusion.
  public var selection: [any Pass]

  public init(
    expandsComposites: Bool = false, legalization: [any Pass] = [], combinations: [any Pass] = [],
    selection: [any Pass] = []
  ) {
    self.expandsComposites = expandsComposites
    self.legalization = legalization
    self.combinations = combinations
    self.selection = selection
  }
}

/// A graph that is ready to run. Runs do not share state: several tasks may run one executable at once.
public protocol Executable: Sendable {
  /// - Parameters:
  ///   - feeds: a tensor for each of `graph.parameters`, in order.
  ///   - variables: the values of `graph.variables`, in order.
  /// - Throws: `ApusError` if a feed has another type than declared, or an operator's operands are out of range.
  func run(_ feeds: [Tensor], variables: [Tensor]) throws -> RunResult
}

/// A graph that can be run without copying variables, and over a data set in one call.
public protocol TrainingExecutable: Executable {
  /// Runs once; variables that the graph updates are written where they are.
  /// - Returns: a tensor for each of the graph's outputs, in order.
  /// - Throws: as `run(_:variables:)`; the variables are as before then.
  func run(_ feeds: [Tensor], updating variables: inout [Tensor]) throws -> [Tensor]

  /// Runs once for each batch of rows, in order.
  /// - Parameters:
  ///   - datasets: for each of `graph.parameters` all its samples, along the first axis.
  ///   - rows: the samples of all batches, one batch after the other, each as large as the parameters' first axis.
  /// - Returns: for each output the values of all batches, stacked along a new first axis.
  /// - Throws: `ApusError`; the variables are those of the last batch that went well.
  func run(overRows rows: [Int], of datasets: [Tensor], updating variables: inout [Tensor]) throws -> [Tensor]
}

/// What a run gives.
public struct RunResult: Sendable {
  /// A tensor for each of the graph's outputs, in order.
  public var outputs: [Tensor]
  /// New values of variables, in the order of `graph.updates`; `variable` is a position in `graph.variables`.
  public var updates: [(variable: Int, value: Tensor)]

  public init(outputs: [Tensor], updates: [(variable: Int, value: Tensor)]) {
    self.outputs = outputs
    self.updates = updates
  }
}

extension Graph {
  /// Checks what a run is given against the declarations.
  /// - Throws: `ApusError` that names the parameter or variable and both types.
  package func checkArguments(_ feeds: [Tensor], _ variables: [Tensor]) throws {
    let parameters = self.parameters
    guard feeds.count == parameters.count else {
      throw ApusError.input("graph @\(name) takes \(parameters.count) inputs, not \(feeds.count)")
    }
    try check(feeds, for: parameters)
    try checkVariables(variables)
  }

  /// Checks the values of variables against the declarations.
  package func checkVariables(_ values: [Tensor]) throws {
    let declared = self.variables
    guard values.count == declared.count else {
      throw ApusError.input("graph @\(name) has \(declared.count) variables, not \(values.count)")
    }
    try check(values, for: declared.map(\.id))
  }

  private func check(_ tensors: [Tensor], for ids: [ValueID]) throws {
    for (id, tensor) in zip(ids, tensors) where type(of: id) != tensor.type {
      throw ApusError.input("\(label(of: id)) of graph @\(name) is a \(type(of: id)), but was given a \(tensor.type)")
    }
  }
}
