import ApusCore
import ApusData
import ApusGraph
import Foundation

/// How training stands: what a saved model holds beside its graph and its tensors.
package struct TrainingState: Codable {
  package var optimizer: String
  package var loss: String
  package var metrics: [String]
  var seed: UInt64
  /// The optimizer's steps that were done.
  var steps: Int
  var epochs: [Int]
  var history: [String: [JSONReal]]
  /// The names of the classes that it was trained on, by label; nil or empty if they are not known.
  package var classNames: [String]?
  /// How its inputs are made of a table or of pictures; nil where they are the data as they are.
  package var inputs: InputEncoding?
  /// How `fit` was called last; nil if it was not.
  package var fitting: FitSettings?

  private enum CodingKeys: String, CodingKey {
    case optimizer, loss, metrics, seed, steps, epochs, history, fitting, inputs
    case classNames = "class_names"
  }

  init(of trainer: Trainer) {
    optimizer = trainer.optimizer.specification
    loss = trainer.loss.specification
    metrics = trainer.metrics.map(\.specification)
    seed = trainer.seed
    steps = trainer.stepCount
    epochs = trainer.history.epochs
    history = Dictionary(uniqueKeysWithValues: trainer.history.curves.map { ($0.name, $0.values.map(JSONReal.init)) })
    classNames = trainer.classNames
    inputs = trainer.inputEncoding
    fitting = trainer.fitSettings
  }

  init(json: String) throws {
    self = try JSONDecoder().decode(Self.self, from: Data(json.utf8))
    guard history.values.allSatisfy({ $0.count == epochs.count }), epochs == epochs.sorted(),
      (epochs.first ?? 0) >= 0, (epochs.last ?? 0) <= Limits.magnitude
    else {
      throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "epochs and history do not agree"))
    }
    guard inputs?.isValid ?? true else {
      throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "inputs cannot be made as it says"))
    }
  }

  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }
}

/// What decides which samples each step of `fit` sees: a resumed training goes on with the same.
package struct FitSettings: Codable, Hashable, Sendable {
  package var batchSize: Int
  package var validationSplit: Double
  package var shuffle: Bool

  package init(batchSize: Int, validationSplit: Double, shuffle: Bool) {
    (self.batchSize, self.validationSplit, self.shuffle) = (batchSize, validationSplit, shuffle)
  }

  private enum CodingKeys: String, CodingKey {
    case shuffle
    case batchSize = "batch_size"
    case validationSplit = "validation_split"
  }
}
