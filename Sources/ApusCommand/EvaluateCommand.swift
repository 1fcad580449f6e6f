import Apus
import ArgumentParser
import Foundation

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Measures a trained model on a data set's test samples.",
    discussion: """
      The loss and the metrics are those that the model was trained with, unless others are given. All samples are \
      taken where the data have no part for testing.

        apus evaluate trained --data fashion-mnist
        apus evaluate flowers --data iris.csv
      """)

  @OptionGroup var input: GraphInput
  @OptionGroup var data: DataOptions
  @OptionGroup var loss: LossOptions
  @OptionGroup var backend: BackendOptions

  @Option(help: "Samples a step.")
  var batch = 32

  @Option(help: "Which samples: train or test.")
  var part = Part.test

  enum Part: String, CaseIterable, ExpressibleByArgument { case train, test }

  @Flag(help: "Print the results as JSON.")
  var json = false

  func validate() throws {
    guard batch >= 1 else { throw ValidationError("--batch must be at least 1.") }
  }

  func run() throws {
    let (graph, saved) = try input.loadTrained()
    let trainer = try Trainer(
      graph, optimizer: SGD(), loss: loss.makeLoss(of: saved), metrics: loss.makeMetrics(of: saved),
      backend: backend.make())
    try saved.give(to: trainer.session, of: graph)
    let loaded = try data.load(for: input.file, saved.state)
    let set = part == .test ? loaded.test ?? loaded.train : loaded.train
    try trainer.checkInputs(of: set)
    try trainer.checkLabels(of: set)
    // A bar for whoever watches; the result is printed once, at the end.
    let result = try trainer.evaluate(
      set.inputs, set.targets, batchSize: batch, verbose: json || !Terminal.errorIsTerminal ? .silent : .auto,
      output: Terminal.errors)
    if json {
      try Terminal.writeJSON(result)
    } else {
      Terminal.write(Terminal.list(result) + "\n")
    }
  }
}
