import Apus
import ArgumentParser
import Foundation

/// Where examples come from.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A named data set (\(DatasetRegistry.all.map(\.name).joined(separator: ", "))), or a folder with its four IDX files.",
      valueName: "name|dir"))
  var data = "fashion-mnist"

  func load() throws -> DatasetSplits { try DatasetRegistry.load(data) }
}

/// How models are trained and judged.
struct LossOptions: ParsableArguments {
  @Option(help: "The loss: \(Loss.names.joined(separator: ", ")).")
  var loss = "sparse_categorical_crossentropy"

  @Option(help: "Metrics to show, separated by commas: \(Metric.names.joined(separator: ", ")).")
  var metrics = "accuracy"

  func makeLoss() throws -> Loss { try Loss.named(loss) }
  func makeMetrics() throws -> [Metric] { try metrics.split(separator: ",").map { try Metric.named(String($0)) } }
}

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Trains a model on labeled samples.",
    discussion: """
      FILE holds a forward graph: one input with a leading symbolic dimension, one output, variables. Loss, gradients \
      and the optimizer's update are added to it; each training step is one run of the resulting graph.

        apus train Graphs/Models/mlp.graph --data fashion-mnist --epochs 5 --validation-split 0.2 --plot history.svg
        apus train model.graph --optimizer "sgd(learning_rate=0.1, momentum=0.9)" --save trained
        apus train trained --resume trained --epochs 10 --save trained
      """)

  @OptionGroup var input: GraphInput
  @OptionGroup var data: DataOptions
  @OptionGroup var loss: LossOptions

  @Option(
    help: "The optimizer (\(OptimizerRegistry.names.joined(separator: ", "))), with options as sgd(learning_rate=0.1).")
  var optimizer = "rmsprop"

  @Option(help: "How many epochs to train in all, those of --resume included.")
  var epochs = 1

  @Option(help: "Samples a step.")
  var batch = 32

  @Option(help: "The last part of the training samples to validate on, from 0 up to 1.")
  var validationSplit = 0.0

  @Option(help: "Seed of first weights, shuffling and dropout.")
  var seed: UInt64 = 0

  @Flag(inversion: .prefixedNo, help: "Shuffle the training samples in each epoch.")
  var shuffle = true

  @Option(help: "A folder for the trained model: graph, weights, the optimizer's state.")
  var save: String?

  @Option(help: "A folder that --save wrote, to go on from.")
  var resume: String?

  @Option(help: "An SVG file for the curves of loss and metrics.")
  var plot: String?

  @Option(
    help: ArgumentHelp(
      "Callbacks, separated by commas, as \"early_stopping(patience=2),csv_logger(log.csv)\"; `apus callbacks` lists them.",
      valueName: "list"))
  var callbacks = ""

  @Option(help: "How much to print: \(Verbosity.allCases.map(\.rawValue).joined(separator: ", ")).")
  var verbose = Verbosity.auto

  @OptionGroup var backend: BackendOptions

  @Flag(help: "Print the results as JSON on standard output; progress goes to standard error.")
  var json = false

  private struct Result: Encodable {
    let history: [String: [JSONReal]]
    let epochs: [Int]
    let testLoss: JSONReal?
    let testAccuracy: JSONReal?
    let seconds: Double
    let samplesPerSecond: Double

    private enum CodingKeys: String, CodingKey {
      case history, epochs, seconds
      case testLoss = "test_loss"
      case testAccuracy = "test_accuracy"
      case samplesPerSecond = "samples_per_s"
    }
  }

  func validate() throws {
    guard epochs >= 0 else { throw ValidationError("--epochs cannot be negative.") }
    guard batch >= 1 else { throw ValidationError("--batch must be at least 1.") }
    guard validationSplit >= 0, validationSplit < 1 else {
      throw ValidationError("--validation-split must be at least 0 and below 1.")
    }
  }

  func run() throws {
    let backend = try backend.make()
    // What can be wrong with the command line is found before an hour of training.
    let trainer = try Trainer(
      input.loadOne(), optimizer: OptimizerRegistry.named(optimizer), loss: loss.makeLoss(),
      metrics: loss.makeMetrics(), backend: backend, seed: seed)
    let callbacks = try CallbackRegistry.list(callbacks)
    trainer.warningHandler = { Terminal.report($0) }
    if input.isSavedModel { try trainer.session.loadWeights(from: input.file) }
    if let resume {
      guard GraphFile.isSavedModel(resume) else {
        throw ApusError.input(
          "--resume '\(resume)' is no folder with a saved model", help: "give the folder that `apus train --save` wrote"
        )
      }
      try trainer.resume(from: resume)
    }
    if let plot { try OutputPath.checkFile(plot, "--plot") }
    if let save { try OutputPath.makeFolder(save, "--save") }
    let splits = try data.load()
    let progress = json ? Terminal.errors : Terminal.output
    if verbose != .silent { progress.write(trainer.model.summary(terminalWidth: Terminal.width)) }

    let clock = ContinuousClock()
    let start = clock.now
    let remaining = max(0, epochs - trainer.nextEpoch)
    try trainer.fit(
      splits.train.images, splits.train.labels, batchSize: batch, epochs: remaining, validationSplit: validationSplit,
      shuffle: shuffle, verbose: verbose, callbacks: callbacks, output: progress)
    let seconds = (clock.now - start) / .seconds(1)
    // Saved before anything else can go wrong.
    if let save { try trainer.save(to: save) }
    let test = try trainer.evaluate(splits.test.images, splits.test.labels, batchSize: batch)
    if let plot { try trainer.history.plot(to: plot, title: trainer.model.name) }

    if json {
      let samples = Double(splits.train.count) * (1 - validationSplit) * Double(remaining)
      try Terminal.writeJSON(
        Result(
          history: Dictionary(
            uniqueKeysWithValues: trainer.history.curves.map { ($0.name, $0.values.map(JSONReal.init)) }),
          epochs: trainer.history.epochs, testLoss: test["loss"].map(JSONReal.init),
          testAccuracy: test["accuracy"].map(JSONReal.init), seconds: seconds,
          samplesPerSecond: seconds > 0 ? samples / seconds : 0))
    } else {
      Terminal.write("test: " + Terminal.list(test) + "\n")
      if let plot { Terminal.write("curves: \(plot)\n") }
      if let save { Terminal.write("model: \(save)\n") }
    }
  }
}

extension Verbosity: ExpressibleByArgument {}
