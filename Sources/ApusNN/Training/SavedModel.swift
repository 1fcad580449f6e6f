import ApusCore
import ApusData
import ApusGraph
import ApusOperators
import Foundation

/// The files of a saved model in its folder.
enum SavedModel {
  static let weights = "weights.safetensors"
  static let training = "training.json"

  static func path(_ directory: String, _ file: String) -> String {
    URL(fileURLWithPath: directory).appendingPathComponent(file).path
  }

  /// What goes on beside weights: how training stands.
  struct TrainingState: Codable {
    var optimizer: String
    var loss: String
    var seed: UInt64
    var epochs: [Int]
    var history: [String: [Double]]
  }
}

extension Trainer {
  /// Writes `model.graph`, `weights.safetensors` (weights, optimizer state, step counter) and `training.json`.
  ///
  /// Each file is replaced as a whole, the weights last of all: a failure leaves the model that was there.
  /// - Throws: `ApusError` where the folder cannot be made or written.
  public func save(to directory: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    } catch { throw ApusError.input("cannot make the folder '\(directory)': \(error.localizedDescription)") }
    let state = SavedModel.TrainingState(
      optimizer: optimizer.name, loss: loss.name, seed: seed, epochs: history.epochs,
      history: Dictionary(uniqueKeysWithValues: history.curves.map { ($0.name, $0.values) }))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let json = String(decoding: try encoder.encode(state), as: UTF8.self) + "\n"
    try AtomicFile.write(model.description, to: SavedModel.path(directory, GraphFile.modelName))
    try AtomicFile.write(json, to: SavedModel.path(directory, SavedModel.training))
    try SafeTensors(session.values.map { (name: $0.name, tensor: $0.value) })
      .write(to: SavedModel.path(directory, SavedModel.weights))
  }

  /// Takes weights, optimizer state, step counter and history from a folder that `save` wrote, so that training goes
  /// on as if it had not been interrupted.
  /// - Throws: `ApusError` that names the file and the tensor where they do not fit this model.
  public func resume(from directory: String) throws {
    try session.loadWeights(from: directory)
    let file = SavedModel.path(directory, SavedModel.training)
    let state: SavedModel.TrainingState
    do {
      let decoder = JSONDecoder()
      decoder.nonConformingFloatDecodingStrategy = .convertFromString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
      state = try decoder.decode(SavedModel.TrainingState.self, from: Data(contentsOf: URL(fileURLWithPath: file)))
    } catch { throw ApusError.input("cannot read '\(file)': it is missing or was not written by save") }
    guard state.optimizer == optimizer.name else {
      throw ApusError.input(
        "'\(file)' was trained with \(state.optimizer), not with \(optimizer.name)",
        help: "their states do not fit each other")
    }
    history = History(epochs: state.epochs, values: state.history)
  }
}

extension Session {
  /// Gives each variable of this session its value from a folder that `save` wrote.
  /// - Throws: `ApusError` that names file, tensor, and both types where one is missing or differs.
  public func loadWeights(from directory: String) throws { try loadWeights(from: directory, values) }

  /// Gives the variables of `model` alone their saved values: no optimizer's state, which prediction does not need.
  public func loadModelWeights(from directory: String, of model: Graph) throws {
    let names = Set(model.variables.map(\.declaration.label))
    try loadWeights(from: directory, values.filter { names.contains($0.name) })
  }

  private func loadWeights(from directory: String, _ values: [(name: String, value: Tensor)]) throws {
    let file = SavedModel.path(directory, SavedModel.weights)
    let saved = Dictionary(try SafeTensors.read(file).map { ($0.name, $0.tensor) }, uniquingKeysWith: { a, _ in a })
    // All are checked before the first is set.
    let loaded = try values.map { name, value in
      guard let tensor = saved[name] else {
        throw ApusError.input(
          "'\(file)' has no tensor '\(name)'", help: Suggestion.didYouMean(name, among: saved.keys.sorted()))
      }
      guard tensor.type == value.type else {
        throw ApusError.input("tensor '\(name)' of '\(file)' is a \(tensor.type), but the model has a \(value.type)")
      }
      return (name, tensor)
    }
    for (name, tensor) in loaded { try setValue(tensor, of: name) }
  }
}
