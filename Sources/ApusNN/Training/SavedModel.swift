import ApusCore
import ApusData
import ApusGraph
import ApusOperators
import ApusPasses
import Foundation

/// The files of a saved model in its folder: `model.graph`, `weights.safetensors` and `training.json`.
///
/// The weights' file alone is enough to go on: its metadata hold what `training.json` says, so that both are replaced in
/// one step. `training.json` is for people and other programs.
enum SavedModel {
  static let weights = "weights.safetensors"
  static let training = "training.json"
  /// The key of `TrainingState` in the metadata of the weights' file.
  static let metadataKey = "apus.training"

  static func path(_ directory: String, _ file: String) -> String {
    URL(fileURLWithPath: directory).appendingPathComponent(file).path
  }

  /// The optimizer, loss or metric that a saved model names.
  /// - Throws: `ApusError` that names the file, and says what to register if nothing has the name.
  static func component<R: ComponentRegistry>(_ registry: R.Type, _ text: String, in file: String) throws -> R.Product {
    let kind = registry.store.registry.kind
    let name = try ComponentText(text, kind: kind).name
    guard registry.names.contains(name) else {
      throw ApusError.input(
        "'\(file)' was trained with the \(kind) '\(name)', which this program does not know",
        help: "before loading, register the type that has this name: "
          + "try \(registry.store.registry.registration)(….self)")
    }
    return try registry.named(text)
  }

  /// What goes on beside weights: how training stands.
  struct TrainingState: Codable {
    var optimizer: String
    var loss: String
    var metrics: [String]
    var seed: UInt64
    /// The optimizer's steps that were done.
    var steps: Int
    var epochs: [Int]
    var history: [String: [JSONReal]]

    func json() throws -> String {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }

    init(json: String) throws {
      self = try JSONDecoder().decode(Self.self, from: Data(json.utf8))
      guard history.values.allSatisfy({ $0.count == epochs.count }), epochs == epochs.sorted(),
        (epochs.first ?? 0) >= 0, (epochs.last ?? 0) <= Limits.magnitude
      else {
        throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "epochs and history do not agree"))
      }
    }

    init(of trainer: Trainer) {
      optimizer = trainer.optimizer.specification
      loss = trainer.loss.specification
      metrics = trainer.metrics.map(\.specification)
      seed = trainer.seed
      steps = trainer.stepCount
      epochs = trainer.history.epochs
      history = Dictionary(uniqueKeysWithValues: trainer.history.curves.map { ($0.name, $0.values.map(JSONReal.init)) })
    }

    /// How training stood when the model in a folder was saved.
    /// - Throws: `ApusError` that names the file.
    static func read(_ file: String, metadata: [String: String]) throws -> TrainingState {
      guard let json = metadata[metadataKey] else {
        throw ApusError.input(
          "'\(file)' does not say how training stands", help: "training goes on from a folder that `save` wrote")
      }
      do { return try TrainingState(json: json) } catch {
        throw ApusError.input("'\(file)' holds a state of training that cannot be read: \(error)")
      }
    }
  }
}

extension Trainer {
  /// Writes `model.graph`, `weights.safetensors` (weights, optimizer state, step counter) and `training.json`.
  ///
  /// Each file is replaced as a whole, and weights and state of training are in one: a failure leaves the model that
  /// was there.
  /// - Throws: `ApusError` if the folder cannot be made or written.
  public func save(to directory: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    } catch { throw ApusError.input("cannot make the folder '\(directory)': \(error.localizedDescription)") }
    let state = try SavedModel.TrainingState(of: self).json()
    try AtomicFile.write(model.description, to: SavedModel.path(directory, GraphFile.modelName))
    try SafeTensors(
      session.values.map { (name: $0.name, tensor: $0.value) }, metadata: [SavedModel.metadataKey: state]
    ).write(to: SavedModel.path(directory, SavedModel.weights))
    try AtomicFile.write(state, to: SavedModel.path(directory, SavedModel.training))
  }

  /// Takes weights, optimizer state, step counter, history and seed from a folder that `save` wrote, so that training
  /// on the same data with the same batch size goes on as if it had not been interrupted: the bits are the same.
  ///
  /// The learning rate is part of that state. Other settings of the optimizer are this trainer's; where they differ from
  /// the saved ones, a warning says so.
  /// - Throws: `ApusError` that names the file and the tensor where they do not fit this model; nothing is changed then.
  public func resume(from directory: String) throws {
    let file = SavedModel.path(directory, SavedModel.weights)
    let saved = try SafeTensors(contentsOf: file)
    let state = try SavedModel.TrainingState.read(file, metadata: saved.metadata)
    let name = state.optimizer.prefix { $0 != "(" }
    guard name == optimizer.name else {
      throw ApusError.input(
        "'\(directory)' was trained with \(name), not with \(optimizer.name)",
        help: "their states do not fit each other; load the weights alone to begin anew with another optimizer")
    }
    try session.take(saved, from: file, names: nil)
    history = History(epochs: state.epochs, values: state.history.mapValues { $0.map(\.value) })
    seed = state.seed
    for (what, before, now) in [
      ("optimizer", state.optimizer, optimizer.specification), ("loss", state.loss, loss.specification),
    ] where before != now {
      warningHandler(
        Diagnostic(
          .warning, "'\(directory)' was trained with the \(what) \(before), and goes on with \(now)",
          help: what == "optimizer" ? "the learning rate is the saved one, \(learningRate), until it is set" : nil))
    }
  }

  /// A trainer that goes on where the one that `save` wrote stopped: its graph, optimizer, loss, metrics, and state.
  /// - Throws: `ApusError` if a file cannot be read, or nothing is registered under the name of its optimizer, loss or a
  ///   metric.
  public static func resumed(
    from directory: String, backend: (any Backend)? = nil, passes: Compilation.Passes = .level(.standard)
  ) throws -> Trainer {
    let file = SavedModel.path(directory, SavedModel.weights)
    let state = try SavedModel.TrainingState.read(file, metadata: SafeTensors(contentsOf: file).metadata)
    let graphs = try GraphFile.load(directory)
    guard let graph = graphs.first, graphs.count == 1 else {
      throw ApusError.input("the model in '\(directory)' must be one graph, not \(graphs.count)")
    }
    let trainer = try Trainer(
      graph, optimizer: SavedModel.component(OptimizerRegistry.self, state.optimizer, in: file),
      loss: SavedModel.component(LossRegistry.self, state.loss, in: file),
      metrics: state.metrics.map { try SavedModel.component(MetricRegistry.self, $0, in: file) },
      backend: backend, seed: state.seed, passes: passes)
    try trainer.resume(from: directory)
    return trainer
  }
}

extension Session {
  /// Gives each variable of this session its value from a folder that `save` wrote.
  /// - Throws: `ApusError` that names file, tensor, and both types where one is missing or differs; nothing is changed
  ///   then.
  public func loadWeights(from directory: String) throws {
    let file = SavedModel.path(directory, SavedModel.weights)
    try take(SafeTensors(contentsOf: file), from: file, names: nil)
  }

  /// Gives the variables of `model` alone their saved values: no optimizer's state, which prediction does not need.
  public func loadModelWeights(from directory: String, of model: Graph) throws {
    let file = SavedModel.path(directory, SavedModel.weights)
    try take(
      SafeTensors(contentsOf: file), from: file, names: Set(model.variables.map(\.declaration.label)))
  }

  /// - Parameter names: the variables to set; all of the session where nil.
  fileprivate func take(_ file: SafeTensors, from path: String, names: Set<String>?) throws {
    let saved = Dictionary(file.tensors.map { ($0.name, $0.tensor) }, uniquingKeysWith: { a, _ in a })
    // All are checked before the first is set.
    let loaded = try values.filter { names?.contains($0.name) ?? true }.map { name, value in
      guard let tensor = saved[name] else {
        throw ApusError.input(
          "'\(path)' has no tensor '\(name)'", help: Suggestion.didYouMean(name, among: saved.keys.sorted()))
      }
      guard tensor.type == value.type else {
        throw ApusError.input("tensor '\(name)' of '\(path)' is a \(tensor.type), but the model has a \(value.type)")
      }
      return (name, tensor)
    }
    for (name, tensor) in loaded { try setValue(tensor, of: name) }
  }
}
