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
        apus evaluate flowers --data iris.csv --confusion-matrix
        apus evaluate flowers --data iris.csv --confusion-matrix --output matrix.svg
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

  @Flag(help: "Print how often samples of each class (rows) are taken for which (columns).")
  var confusionMatrix = false

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("A .csv, .json or .svg file for the confusion matrix, in place of a table.", valueName: "file"))
  var output: String?

  @Flag(help: "Print the results as JSON.")
  var json = false

  private struct Result: Encodable {
    let values: [String: Double]
    let matrix: ConfusionMatrix?

    /// The values by name, and the matrix beside them.
    func encode(to encoder: any Encoder) throws {
      try values.encode(to: encoder)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encodeIfPresent(matrix, forKey: .matrix)
    }

    private enum CodingKeys: String, CodingKey { case matrix = "confusion_matrix" }
  }

  func validate() throws {
    guard batch >= 1 else { throw ValidationError("--batch must be at least 1.") }
    guard let output else { return }
    guard confusionMatrix else { throw ValidationError("--output is for --confusion-matrix.") }
    guard ["csv", "json", "svg"].contains((output as NSString).pathExtension.lowercased()) else {
      throw ValidationError("--output '\(output)' is not a .csv, .json or .svg file.")
    }
  }

  func run() throws {
    if let output { try OutputPath.checkFile(output, "--output") }
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
    let matrix = try confusionMatrix ? self.matrix(trainer, set, saved) : nil
    if let output { try matrix?.write(to: output) }
    if json {
      try Terminal.writeJSON(Result(values: result, matrix: matrix))
    } else {
      Terminal.write(Terminal.list(result) + "\n")
      if let output {
        Terminal.write("confusion matrix: \(output)\n")
      } else if let matrix {
        Terminal.write("\n\(matrix)")
      }
    }
  }

  /// The matrix with the names of the model's classes.
  private func matrix(_ trainer: Trainer, _ set: Dataset, _ saved: SavedModel) throws -> ConfusionMatrix {
    trainer.classNames = saved.state?.classNames ?? []
    return try trainer.confusionMatrix(set.inputs, set.targets, batchSize: batch)
  }
}
