import ApusCore
import ApusGraph
import ApusInterpreter

/// A training step that is about to be run.
public struct StepView: Sendable {
  /// The optimizer's step, from 1 over the whole of training.
  public let number: Int
  /// The step as no pass has touched it: loss, gradients, updates.
  public let graph: Graph
  /// One batch.
  public let feeds: [Tensor]
  /// The variables' values before the step, by name.
  public let variables: [String: Tensor]
  /// The samples of the batch.
  public let rows: [Int]
}

/// A callback that looks into training steps. Steps run one by one then, and each costs a copy of the variables.
public protocol StepWatching: Callback {
  /// Called before each step of training.
  /// - Throws: what ends the training.
  func stepBegins(_ step: StepView, _ trainer: Trainer) throws
}

/// Runs each step in the interpreter first, and ends training where an operator makes a NaN or an infinity: it is named, with
/// its layer and its operands' ranges, whether the loss shows it or not.
public final class NumericsCheck: StepWatching {
  public init() {}
  public var title: String { "check_numerics" }

  public func stepBegins(_ step: StepView, _ trainer: Trainer) throws {
    let trace = try NonFiniteTrace(step.graph, feeds: step.feeds, variables: step.variables)
    if let cause = trace.first(rows: step.rows) { throw ApusError.input("step \(step.number): \(cause)") }
  }
}

/// Shows values of the training step, computed by the interpreter before the step is run.
public final class ValuePrinter: StepWatching {
  private let names: [String]
  private let frequency: Int
  private let show: (_ step: Int, _ name: String, _ value: Tensor) -> Void

  public var title: String { "print" }

  /// - Parameters:
  ///   - names: of values, with or without `%`.
  ///   - frequency: 1 shows them before each step, 100 before each hundredth, the first included.
  public init(
    _ names: [String], every frequency: Int = 1, show: @escaping (_ step: Int, _ name: String, _ value: Tensor) -> Void
  ) {
    (self.names, self.frequency, self.show) = (names, max(1, frequency), show)
  }

  public func stepBegins(_ step: StepView, _ trainer: Trainer) throws {
    guard (step.number - 1).isMultiple(of: frequency) else { return }
    let values = try step.values(names)
    for (name, value) in zip(names, values) { show(step.number, name, value) }
  }
}

extension StepView {
  /// Values of the step, by name.
  /// - Throws: `ApusError` with a suggestion if no value has that name.
  public func values(_ names: [String]) throws -> [Tensor] {
    let bound = try graph.specialized(graph.bindings(for: feeds.map(\.dimensions)))
    let fetched = try bound.fetching(names)
    return try Interpreter(fetched).run(
      feeds, variables: fetched.variables.compactMap { variables[$0.declaration.label] }
    ).outputs
  }
}

extension Trainer {
  /// The next step of a chunk of one batch.
  func view(of chunk: Chunk) throws -> StepView {
    let rows = chunk.rows ?? Array(0..<chunk.samples.count)
    let batch = Array(rows.prefix(chunk.batchSize))
    let samples = try chunk.samples.gathered(batch)
    return StepView(
      number: stepCount + 1, graph: try stepGraph(samples), feeds: samples.feeds,
      variables: Dictionary(uniqueKeysWithValues: session.values.map { ($0.name, $0.value) }), rows: batch)
  }
}
