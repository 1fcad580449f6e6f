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
  /// The weights that trainers of this model leave behind.
  var weights: ModelWeights { get }
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
  ///
  /// As in Keras, a model that was trained before keeps its weights: the new trainer begins with those that the last one
  /// has now. The optimizer's state, steps and epochs begin anew. A model built again has new weights.
  /// - Parameter loss: of each output, if there are several.
  /// - Throws: `ApusError` if the loss does not fit the output, or a setting is outside its range.
  public func compile(
    optimizer: any Optimizer = RMSprop(), loss: Loss, metrics: [Metric] = [], backend: (any Backend)? = nil,
    seed: UInt64 = 0, passes: Compilation.Passes = .level(.standard)
  ) throws -> Trainer {
    try weights.passed(
      to: Trainer(
        graph, optimizer: optimizer, loss: loss, metrics: metrics, backend: backend, seed: seed, passes: passes))
  }

  /// A trainer with a loss for each output; an output without a loss is only predicted.
  /// - Parameters:
  ///   - losses: training minimizes the sum of their means.
  ///   - lossWeights: what each loss is multiplied by in the sum; 1 if not given. Logs show the losses without.
  ///   - metrics: of each output.
  /// - Throws: `ApusError` if a name is not an output, a loss does not fit its output, or a setting is outside its range.
  public func compile(
    optimizer: any Optimizer = RMSprop(), losses: ByName<Loss>, lossWeights: ByName<Double> = [:],
    metrics: ByName<[Metric]> = [:], backend: (any Backend)? = nil, seed: UInt64 = 0,
    passes: Compilation.Passes = .level(.standard)
  ) throws -> Trainer {
    try weights.passed(
      to: Trainer(
        graph, optimizer: optimizer, losses: losses, lossWeights: lossWeights, metrics: metrics, backend: backend,
        seed: seed, passes: passes))
  }

  /// A trainer with one loss of several tensors.
  /// - Throws: `ApusError` if the loss does not fit the model, or a setting is outside its range.
  public func compile(
    optimizer: any Optimizer = RMSprop(), loss: JointLoss, backend: (any Backend)? = nil, seed: UInt64 = 0,
    passes: Compilation.Passes = .level(.standard)
  ) throws -> Trainer {
    try weights.passed(
      to: Trainer(graph, optimizer: optimizer, loss: loss, backend: backend, seed: seed, passes: passes))
  }
}
