import ApusCore
import ApusData
import ApusGraph
import Foundation

/// How training stands: what a saved model holds beside its graph and its tensors.
package struct TrainingState: Codable {
  package var optimizer: String
  package var loss: String
  /// The loss, its weight and the metrics of each output; nil if there is one output, or one loss of several tensors.
  var outputs: [OutputState]?
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
    case optimizer, loss, outputs, metrics, seed, steps, epochs, history, fitting, inputs
    case classNames = "class_names"
  }

  init(of trainer: Trainer) {
    optimizer = trainer.optimizer.specification
    loss = trainer.loss.specification
    metrics = trainer.metrics.map(\.specification)
    let parts = trainer.objective.parts
    outputs =
      parts.count < 2 && parts.allSatisfy { $0.weight == 1 }
      ? nil
      : zip(trainer.outputNames, parts).map { name, part in
        OutputState(
          name: name, loss: part.loss?.specification, weight: part.weight, metrics: part.metrics.map(\.specification))
      }
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

/// What is minimized and shown of one of several outputs.
struct OutputState: Codable, Equatable {
  var name: String
  /// Nil if the output is not trained.
  var loss: String?
  var weight: Double
  var metrics: [String]

  /// `x: mean_squared_error · 0.5, y: none`
  static func text(_ outputs: [OutputState]?) -> String {
    (outputs ?? []).map { "\($0.name): \($0.loss ?? "none")\($0.weight == 1 ? "" : " · \($0.weight)")" }
      .joined(separator: ", ")
  }
}

/// What decides which samples each step of `fit` sees: a resumed training goes on with the same.
package struct FitSettings: Codable, Hashable, Sendable {
  package var batchSize: Int
  package var validationSplit: Double
  package var shuffle: Bool
  /// Nil for one pass through the samples.
  package var stepsPerEpoch: Int?
  /// What the losses of a class's samples are multiplied by; nil for nothing.
  package var classWeights: [Int: Double]?
  /// Whether samples were read while they were trained on, which shuffles them in another way.
  package var streams: Bool?

  package init(
    batchSize: Int, validationSplit: Double, shuffle: Bool, stepsPerEpoch: Int? = nil,
    classWeights: [Int: Double]? = nil, streams: Bool? = nil
  ) {
    (self.batchSize, self.validationSplit, self.shuffle) = (batchSize, validationSplit, shuffle)
    (self.stepsPerEpoch, self.classWeights, self.streams) = (stepsPerEpoch, classWeights, streams)
  }

  private enum CodingKeys: String, CodingKey {
    case shuffle, streams
    case batchSize = "batch_size"
    case validationSplit = "validation_split"
    case stepsPerEpoch = "steps_per_epoch"
    case classWeights = "class_weights"
  }
}
