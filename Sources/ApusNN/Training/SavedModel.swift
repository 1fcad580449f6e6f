import ApusCore
import ApusData
import ApusGraph
import Foundation

/// A saved model as it is in its folder: `model.graph`, `weights.safetensors` and `training.json`, all of one save.
///
/// The metadata of the weights' file hold what `training.json` says: that file is for people and other programs.
package struct SavedModel {
  static let weightsName = "weights.safetensors"
  static let trainingName = "training.json"
  /// The key of `TrainingState` in the metadata of the weights' file.
  private static let metadataKey = "apus.training"

  let directory: String
  package let graphs: [Graph]
  private let weights: SafeTensors
  /// How training stood; nil if another program wrote the weights.
  package let state: TrainingState?

  /// Reads the model in a folder.
  /// - Parameter weightsAlone: whether the graph is left out, because the caller has one.
  /// - Throws: `ApusError` that names the file which is missing or damaged.
  package init(contentsOf directory: String, weightsAlone: Bool = false) throws {
    self.directory = directory
    (weights, graphs) = try FileGroup.reading([Self.weightsName, GraphFile.modelName], in: directory) {
      (
        try SafeTensors(contentsOf: FileGroup.path(of: Self.weightsName, in: directory)),
        weightsAlone ? [] : try GraphFile.load(directory)
      )
    }
    do { state = try weights.metadata[Self.metadataKey].map(TrainingState.init) } catch {
      throw ApusError.input(
        "'\(FileGroup.join(directory, Self.weightsName))' holds a state of training that cannot be read: \(error)")
    }
  }

  /// Whether a folder holds weights that `write` wrote, in their place or in a save that ended half way.
  static func isThere(_ directory: String) -> Bool {
    FileManager.default.fileExists(atPath: FileGroup.path(of: weightsName, in: directory))
  }

  /// The file that messages name.
  var file: String { FileGroup.join(directory, Self.weightsName) }

  /// The model's only graph.
  func graph() throws -> Graph {
    guard let graph = graphs.first, graphs.count == 1 else {
      throw ApusError.input("the model in '\(directory)' must be one graph, not \(graphs.count)")
    }
    return graph
  }

  /// - Throws: `ApusError` if the folder holds weights alone.
  func requiredState() throws -> TrainingState {
    guard let state else {
      throw ApusError.input(
        "'\(file)' does not hold the state of training", help: "training goes on from a folder that `save` wrote")
    }
    return state
  }

  /// The optimizer that it was trained with, in its first state; nil if it is not known.
  package func optimizer() throws -> (any Optimizer)? {
    try state.map { try component(OptimizerRegistry.self, $0.optimizer) }
  }

  /// The loss that it was trained with; nil if it is not known.
  package func loss() throws -> Loss? { try state.map { try component(LossRegistry.self, $0.loss) } }

  /// The metrics that it was trained with; nil if they are not known.
  package func metrics() throws -> [Metric]? {
    try state.map { try $0.metrics.map { try component(MetricRegistry.self, $0) } }
  }

  /// What it was trained for; nil if it is not known.
  func objective() throws -> Objective? {
    guard let state, let loss = try loss(), let metrics = try metrics() else { return nil }
    guard let outputs = state.outputs else {
      return try Objective(loss, metrics: metrics, outputs: graph().outputNames)
    }
    return try Objective(
      losses: ByName(
        outputs.compactMap { output in
          try output.loss.map { (output.name, try component(LossRegistry.self, $0)) }
        }),
      weights: ByName(outputs.filter { $0.loss != nil }.map { ($0.name, $0.weight) }),
      metrics: ByName(
        outputs.filter { !$0.metrics.isEmpty }.map { output in
          (output.name, try output.metrics.map { try component(MetricRegistry.self, $0) })
        }), outputs: graph().outputNames)
  }

  /// The optimizer, loss or metric that the state names.
  /// - Throws: `ApusError` that names the file, and says what to register if nothing has the name.
  private func component<R: ComponentRegistry>(_ registry: R.Type, _ text: String) throws -> R.Product {
    let kind = registry.store.registry.kind
    let name = try ComponentText(text, kind: kind).name
    guard registry.names.contains(name) || registry.store.modifier?.name == name else {
      throw ApusError.input(
        "'\(file)' was trained with the \(kind) '\(name)', which this program does not know",
        help: "before loading, register the type that has this name: "
          + "try \(registry.store.registry.registration)(….self); a \(kind) of this program alone, as a JointLoss or a "
          + "formula, is given again: make the trainer with it, then resume(from:)")
    }
    return try registry.named(text)
  }

  /// All tensors by name.
  var values: [(name: String, value: Tensor)] { weights.tensors.map { ($0.name, $0.tensor) } }

  /// Gives a session's variables their saved values.
  /// - Parameter names: the variables to set; all of the session if nil.
  /// - Throws: `ApusError` that names file, tensor, and both types where one is missing or differs; nothing is changed
  ///   then.
  package func give(to session: Session, names: Set<String>? = nil) throws {
    let saved = Dictionary(weights.tensors.map { ($0.name, $0.tensor) }, uniquingKeysWith: { a, _ in a })
    // All are checked before the first is set.
    let loaded = try session.values.filter { names?.contains($0.name) ?? true }.map { name, value in
      guard let tensor = saved[name] else {
        throw ApusError.input(
          "'\(file)' has no tensor '\(name)'", help: Suggestion.didYouMean(name, among: saved.keys.sorted()))
      }
      guard tensor.type == value.type else {
        throw ApusError.input("tensor '\(name)' of '\(file)' is a \(tensor.type), but the model has a \(value.type)")
      }
      return (name, tensor)
    }
    for (name, tensor) in loaded { try session.setValue(tensor, of: name) }
  }

  /// Gives the weights of `model` alone their saved values: no optimizer's state, which prediction does not need, and no
  /// states of recurrent layers, which belong to the batches of the training.
  package func give(to session: Session, of model: Graph) throws {
    let states = Set(model.states.map(\.label))
    try give(to: session, names: Set(model.variables.map(\.declaration.label)).subtracting(states))
  }

  /// Writes the three files, all of them or none.
  static func write(_ trainer: Trainer, to directory: String) throws {
    let state = try TrainingState(of: trainer).json()
    let weights = SafeTensors(
      trainer.session.values.map { (name: $0.name, tensor: $0.value) }, metadata: [metadataKey: state])
    try AtomicFolder.replaceFiles(in: directory) { draft in
      try draft.write(GraphFile.modelName, Array(trainer.model.description.utf8))
      try draft.write(weightsName) { try weights.write(into: $0) }
      try draft.write(trainingName, Array(state.utf8))
    }
  }
}
