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
  @OptionGroup var weighting: WeightOptions
  @OptionGroup var streaming: StreamOptions
  @OptionGroup var loss: LossOptions
  @OptionGroup var backend: BackendOptions

  @Option(help: "Samples a step. Left out: 32, or what a model with states has.")
  var batch: Int?

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
    guard batch ?? 1 >= 1 else { throw ValidationError("--batch must be at least 1.") }
    guard !streaming.isOn || !confusionMatrix else {
      throw ValidationError("--confusion-matrix needs all samples at once, and --stream reads some.")
    }
    guard let output else { return }
    guard confusionMatrix else { throw ValidationError("--output is for --confusion-matrix.") }
    guard ["csv", "json", "svg"].contains((output as NSString).pathExtension.lowercased()) else {
      throw ValidationError("--output '\(output)' is not a .csv, .json or .svg file.")
    }
  }

  func run() throws {
    if let output {
      try OutputPath.checkFile(output, "--output")
      try OutputPath.check(output, "--output", isNone: data.sources + [weighting.weights])
    }
    let (trainer, saved) = try input.trained(backend: backend.make(), loss: loss.makeLoss, metrics: loss.makeMetrics)
    // A bar for whoever watches; the result is printed once, at the end.
    let verbose: Verbosity = json || !Terminal.errorIsTerminal ? .silent : .auto
    if streaming.isOn {
      let (stream, first) = try streaming.open(data, weights: weighting.weights)
      try trainer.checkInputs(of: first.train)
      let all = try stream.part(0..<stream.count, batchSize: batch ?? trainer.fixedBatchSize ?? 32, shuffle: false)
      return try show(trainer.evaluate(all, verbose: verbose, output: Terminal.errors), nil)
    }
    let loaded = try data.load(
      for: input.file, saved.state, weights: weighting.weights, ofTest: part == .test)
    let set = part == .test ? loaded.test ?? loaded.train : loaded.train
    try trainer.checkInputs(of: set)
    try trainer.checkLabels(of: set)
    let (result, matrix) =
      try confusionMatrix
      ? trainer.evaluateWithConfusionMatrix(
        set.inputs, set.targets, batchSize: batch, sampleWeights: set.sampleWeights, verbose: verbose,
        output: Terminal.errors)
      : (
        trainer.evaluate(
          set.inputs, set.targets, batchSize: batch, sampleWeights: set.sampleWeights, verbose: verbose,
          output: Terminal.errors), nil
      )
    if let output { try matrix?.write(to: output) }
    try show(result, matrix)
  }

  private func show(_ result: [String: Double], _ matrix: ConfusionMatrix?) throws {
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
}
