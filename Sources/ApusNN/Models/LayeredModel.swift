import ApusCore
import ApusGraph
import ApusPasses
import ApusPresentation

/// A model made of layers: `Sequential`, or `Model` if tensors branch and join.
public protocol LayeredModel: Sendable {
  var name: String { get }
  /// The forward graph. Dropout and the like are not bound yet.
  var graph: Graph { get }
  /// What `summary()` prints.
  var summaryTable: SummaryTable { get }
}

extension LayeredModel {
  /// Layers, output shapes and parameter counts, as Keras prints them.
  public func summary(style: SummaryTable.Style = .box, terminalWidth: Int? = nil) -> String {
    summaryTable.text(style: style, terminalWidth: terminalWidth)
  }

  /// How many numbers the variables hold, those that training leaves alone included.
  public var parameterCount: Int { summaryTable.total.count }

  /// How many numbers training changes.
  public var trainableParameterCount: Int { summaryTable.trainable.count }

  /// A trainer for this model.
  /// - Throws: `ApusError` if the model has several inputs or outputs, or the loss does not fit the output.
  public func compile(
    optimizer: any Optimizer = RMSprop(), loss: Loss, metrics: [Metric] = [], backend: (any Backend)? = nil,
    seed: UInt64 = 0, passes: Compilation.Passes = .level(.standard)
  ) throws -> Trainer {
    let inputs = graph.parameters.map { graph.label(of: $0) }
    guard inputs.count == 1, graph.outputs.count == 1 else {
      throw ApusError.input(
        "model '\(name)' has \(inputs.count) inputs (\(inputs.joined(separator: ", "))) and \(graph.outputs.count) "
          + "outputs, but a Trainer takes one of each",
        help: "run its graph with a Session; or extend the graph with a loss, gradients(of:withRespectTo:) and updates")
    }
    return try Trainer(
      graph, optimizer: optimizer, loss: loss, metrics: metrics, backend: backend, seed: seed, passes: passes)
  }
}
