import Apus
import ApusCore

extension TrainCommand {
  /// A trainer that goes on with everything.
  /// - Throws: `ApusError` if the command line says otherwise than the saved model.
  func resumed(from folder: String, _ backend: any Backend) throws -> Trainer {
    guard GraphFile.isSavedModel(folder) else {
      throw ApusError.input(
        "--resume '\(folder)' is not a folder with a saved model",
        help: "give the folder that `apus train --save` wrote")
    }
    let trainer = try Trainer.resumed(SavedModel(contentsOf: folder), backend: backend)
    // Texts leave out where in a file a node was.
    if input.file != folder, try input.loadOne().description != trainer.model.description {
      throw ApusError.usage(
        "--resume '\(folder)' goes on with its own graph, and '\(input.file)' holds another",
        help: "apus train \(folder) --resume \(folder)")
    }
    let saved = trainer.fitSettings
    let split = trainer.inputEncoding?.split
    let pairs: [(option: String, given: String?, saved: String?)] = [
      (
        "--optimizer", try optimizer.map { try OptimizerRegistry.named($0).specification },
        trainer.optimizer.specification
      ),
      ("--loss", try loss.loss.map { try Loss.named($0).specification }, trainer.loss.specification),
      ("--metrics", try loss.givenMetrics().map(Self.text), Self.text(trainer.metrics)),
      ("--seed", seed.map(String.init), String(trainer.seed)),
      ("--batch", batch.map(String.init), saved.map { String($0.batchSize) }),
      ("--validation-split", validationSplit.map { "\($0)" }, saved.map { "\($0.validationSplit)" }),
      ("--shuffle", shuffle.map(String.init), saved.map { String($0.shuffle) }),
      (
        "--steps-per-epoch", fitting.stepsPerEpoch.map(String.init),
        saved.map { $0.stepsPerEpoch.map(String.init) ?? "all steps" }
      ),
      ("--test-split", data.reading.testSplit.map { "\($0)" }, "\(split?.testFraction ?? 0)"),
      ("--mix", data.reading.mix.map(String.init), split?.mixes.map(String.init)),
      (
        "--stream", streaming.isOn ? "samples that stream" : nil,
        saved.map { $0.streams ?? false ? "samples that stream" : "samples in memory" }
      ),
      (
        "--sample-weight", weighting.weights,
        saved.map { _ in trainer.inputEncoding?.sampleWeights ?? "no sample weights" }
      ),
    ]
    for case (let option, let given?, let saved?) in pairs where given != saved {
      throw ApusError.usage(
        "--resume '\(folder)' goes on with \(saved), but \(option) says \(given)",
        help: "leave \(option) out to go on; leave --resume out to begin anew from the weights: apus train \(folder)")
    }
    if trainer.nextEpoch >= epochs {
      Terminal.report(
        Diagnostic(
          .warning, "'\(folder)' has \(trainer.nextEpoch) epochs already, so none is trained",
          help: "--epochs counts those, too"))
    }
    return trainer
  }

  private static func text(_ metrics: [Metric]) -> String { metrics.map(\.specification).joined(separator: ",") }
}
