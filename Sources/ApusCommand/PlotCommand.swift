import Apus
import ArgumentParser
import Foundation

struct PlotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plot", abstract: "Draws trainings, models, filters, decision regions and activations.",
    discussion: """
        apus plot history trained tuned -o history.svg
        apus plot model Graphs/Models/cnn.graph -o cnn.svg
        apus plot filters trained --layer conv1 -o filters.png
        apus plot regions flowers --data flowers.csv -o regions.svg
        apus plot activations relu sigmoid tanh -o activations.svg

      The same contents give the same bytes. What a layer makes of a picture: `apus predict DIR shoe.png --layer conv1 \
      -o maps.png`. Predictions with their pictures: `apus predict DIR --data NAME --grid grid.svg`.
      """,
    subcommands: [
      PlotHistory.self, PlotModel.self, PlotFilters.self, PlotRegions.self, PlotActivations.self,
    ])
}

/// Where a picture goes.
struct PictureOutput: ParsableArguments {
  @Option(name: [.customShort("o"), .customLong("output")], help: "The file to write.")
  var path: String

  /// - Parameter ending: what the file's name ends in, such as `svg`.
  /// - Throws: `ApusError` if it does not, or no file can be written there.
  func check(_ ending: String) throws {
    try PictureOutput.check(path, [ending], option: "--output")
  }

  /// - Throws: `ApusError` if the file's name has another ending, or none can be written there.
  static func check(_ path: String, _ wanted: [String], option: String) throws {
    let ending = (path as NSString).pathExtension.lowercased()
    guard wanted.contains(ending) else {
      let endings = wanted.map { "." + $0 }.joined(separator: " or ")
      throw ApusError.usage(
        "\(option) '\(path)' is not a file of a kind that is written here",
        help: "a name that ends in \(endings)"
          + (wanted == ["svg"] ? "; a program such as rsvg-convert or inkscape makes a PNG file of it" : ""))
    }
    try OutputPath.checkFile(path, option)
  }

  func done() { Terminal.write("picture: \(path)\n") }
}

struct PlotHistory: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "Draws losses and metrics of one or more trainings, in one chart.")

  @Argument(help: "Folders that `train --save` wrote.")
  var runs: [String]

  @OptionGroup var output: PictureOutput

  @Option(help: "What is written above the chart.")
  var title = "training"

  func run() throws {
    try output.check("svg")
    let histories = try runs.map { run -> (name: String, history: History) in
      guard GraphFile.isSavedModel(run) else {
        throw ApusError.input(
          "'\(run)' is not a folder with a saved model", help: "give folders that `apus train --save` wrote")
      }
      guard let history = try SavedModel(contentsOf: run, weightsAlone: true).history, !history.epochs.isEmpty else {
        throw ApusError.input("the model in '\(run)' has no history of a training")
      }
      return (run, history)
    }
    let plot =
      histories.count == 1
      ? LinePlot(
        title: title, firstEpoch: (histories[0].history.epochs.first ?? 0) + 1, history: histories[0].history.curves)
      : History.comparison(of: histories, title: title)
    try plot.write(to: output.path)
    output.done()
  }
}

struct PlotModel: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model", abstract: "Draws a model's layers with their shapes, and arrows for what they read.")

  @OptionGroup var input: GraphInput
  @OptionGroup var output: PictureOutput

  func run() throws {
    try output.check("svg")
    try input.loadOne().diagram().write(to: output.path)
    output.done()
  }
}

struct PlotFilters: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "filters", abstract: "Draws the filters of a convolution: gray is 0, black and white are large.",
    discussion: """
      A filter that reads one channel is a gray picture, one that reads three is in colors. Of others each row is a \
      filter, with a picture for each channel that it reads.
      """)

  @OptionGroup var input: GraphInput

  @Option(help: "The convolution, as `apus summary` names it.")
  var layer: String

  @OptionGroup var output: PictureOutput

  func run() throws {
    try output.check("png")
    let (trainer, _) = try input.trained(backend: InterpreterBackend(), loss: { _ in .meanSquaredError })
    try PNG.write(trainer.filters(of: layer), to: output.path)
    output.done()
  }
}

struct PlotRegions: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "regions", abstract: "Draws what a model with two features answers in each place, and the samples.")

  @OptionGroup var input: GraphInput
  @OptionGroup var data: DataOptions
  @OptionGroup var backend: BackendOptions
  @OptionGroup var output: PictureOutput

  func run() throws {
    try output.check("svg")
    let (trainer, saved) = try input.trained(
      backend: backend.make(), loss: { try $0.loss() ?? .sparseCategoricalCrossEntropy })
    let samples = try data.samples(for: input.file, saved.state)
    let isNormalized = saved.state?.inputs?.table?.columns.contains { $0.deviation != nil } ?? false
    let names = samples.inputNames.map { $0 + (isNormalized ? " (normalized)" : "") }
    let labels = samples.targets.flatMap { $0.count == samples.count ? $0 : nil }
    try trainer.decisionRegions(
      points: samples.inputs, labels: labels, names: names.count == 2 ? names : ["x", "y"]
    ).write(to: output.path)
    output.done()
  }
}

struct PlotActivations: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "activations", abstract: "Draws activation functions (solid) and their derivatives (dashed).")

  @Argument(
    help: "Which: \(ActivationFunction.allCases.map(\.rawValue).joined(separator: ", ")). Left out: all of them.")
  var functions: [String] = []

  @Option(help: "The largest x; the smallest is the same, negative.")
  var range = 6.0

  @OptionGroup var output: PictureOutput

  func validate() throws {
    guard range > 0, range <= 100 else { throw ValidationError("--range must be above 0, and at most 100.") }
  }

  func run() throws {
    try output.check("svg")
    let chosen = try functions.map(ActivationFunction.named)
    try ActivationFunction.plot(chosen.isEmpty ? ActivationFunction.allCases : chosen, over: -range...range)
      .write(to: output.path)
    output.done()
  }
}
