import ApusCore
import ApusGraph
import ApusPasses
import ApusPresentation

/// A model made of layers: `Sequential`, or `Model` if tensors branch and join.
public protocol LayeredModel: Sendable {
  /// What `summary()` of a model around it calls it.
  static var typeName: String { get }
  /// The name of a model that was not given one.
  static var automaticName: String { get }
  var name: String { get }
  /// The forward graph. Dropout and the like are not bound yet.
  var graph: Graph { get }
  /// What `summary()` prints.
  var summaryTable: SummaryTable { get }
  /// Its layers, as they were applied.
  var structure: ModelStructure { get }

  /// The model of these layers.
  init(name: String, structure: ModelStructure) throws
}

extension LayeredModel {
  /// Layers, output shapes and parameter counts, as Keras prints them.
  /// - Parameter expandNested: whether the layers of models inside this one are listed, too.
  public func summary(
    style: SummaryTable.Style = .box, terminalWidth: Int? = nil, expandNested: Bool = false
  ) -> String {
    summaryTable.text(style: style, terminalWidth: terminalWidth, expandNested: expandNested)
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
