import Apus
import ArgumentParser
import Foundation

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Runs a trained model on images, tables or arrays.",
    discussion: """
      Samples come from pictures (PNG, JPEG), from NumPy's files (samples along the first axis), from tables, or from a \
      data set:

        apus predict trained shoe.png
        apus predict trained images.npy --output probabilities.npy
        apus predict trained --data fashion-mnist --first 5
        apus predict flowers --data iris.csv

      Classes have the names of the data that the model was trained on. A sigmoid's output is a yes or a no; one output \
      without a sigmoid is a number.
      """)

  @OptionGroup var input: GraphInput

  @Argument(
    help: "Pictures, .npy, .npz or .csv files, or folders; the samples of --data if there are none.")
  var files: [String] = []

  @OptionGroup var data: DataOptions
  @OptionGroup var backend: BackendOptions

  @Option(help: "How many samples of --data. Left out: 10 of a named data set, else all.")
  var first: Int?

  @Option(name: .shortAndLong, help: "A .npy file for all outputs.")
  var output: String?

  @Flag(help: "Print the results as JSON.")
  var json = false

  func validate() throws {
    guard first ?? 1 >= 1 else { throw ValidationError("--first must be at least 1.") }
    guard output == nil || files.count <= 1 else {
      throw ValidationError("--output takes the outputs of one file or of the data set.")
    }
    guard files.isEmpty || first == nil && data.data == nil else {
      throw ValidationError("--data and --first choose samples of a data set; leave them out if files are given.")
    }
    guard data.reading.testSplit == nil, data.reading.mix == nil else {
      throw ValidationError("--test-split and --mix belong to train and evaluate.")
    }
  }

  func run() throws {
    if let output { try OutputPath.checkFile(output, "--output") }
    let (graph, saved) = try input.loadTrained()
    let trainer = try Trainer(graph, optimizer: SGD(), loss: .sparseCategoricalCrossEntropy, backend: backend.make())
    try saved.give(to: trainer.session, of: graph)
    // A loss of a program's own may be unknown here, and is not needed.
    let reader = try AnswerReader(graph, loss: try? saved.loss())
    let classNames = saved.state?.classNames ?? []
    var predictions: [Prediction] = []
    var outputs: [Tensor] = []
    for samples in try load(saved.state) {
      DataOptions.report(dropped: samples.droppedCount, of: samples.name)
      let scores = try trainer.predict(samples.inputs)
      // Rows of several numbers are no single truth.
      let truths = samples.targets.flatMap { $0.count == samples.count ? $0.doubles() : nil }
      outputs.append(scores)
      let elements = scores.doubles()
      let rows = reader.width == 0 ? 0 : elements.count / reader.width
      predictions += (0..<rows).map { row in
        Prediction(
          // An output with more axes has several rows a sample.
          source: rows == samples.count ? samples.label(of: row) : "\(samples.name)[\(row)]",
          reader.answer(elements[row * reader.width..<(row + 1) * reader.width]),
          truth: rows == samples.count ? truths?[row] : nil, classNames)
      }
    }
    if let output, let scores = outputs.first { try NPY.write(scores, to: output) }
    if json { return try Terminal.writeJSON(predictions) }
    for prediction in predictions { Terminal.write(prediction.text(classNames) + "\n") }
  }

  private func load(_ state: TrainingState?) throws -> [Samples] {
    guard files.isEmpty else { return try files.map { try data.samples($0, for: input.file, state) } }
    let samples = try data.samples(for: input.file, state)
    let count = min(first ?? (data.isNamed ? 10 : samples.count), samples.count)
    return [try samples.gather(rows: Array(0..<count))]
  }
}

/// What the model says of one sample.
private struct Prediction: Encodable {
  let source: String
  /// The class; 1 for a yes and 0 for a no; nil for a number and for several classes.
  var label: Int?
  /// The classes, where each output is a decision of its own.
  var labels: [Int]?
  var name: String?
  /// The output that decided; the number itself, if it is one.
  let score: Double
  /// The class in the data.
  var truth: Int?
  /// The number in the data, if the model says a number.
  var target: Double?

  init(source: String, _ answer: Answer, truth: Double?, _ classNames: [String]) {
    self.source = source
    let number = truth.flatMap { Int(exactly: $0) }
    switch answer {
    case .label(let label, let score):
      (self.label, self.score, self.truth) = (label, score, number)
      name = Self.name(of: label, classNames)
    case .decision(let isYes, let score):
      (label, self.score, self.truth) = (isYes ? 1 : 0, score, number)
      name = classNames.count == 2 ? classNames[isYes ? 1 : 0] : isYes ? "yes" : "no"
    case .labels(let labels, let score):
      (self.labels, self.score) = (labels, score)
    case .value(let value):
      (score, target) = (value, truth)
    }
  }

  /// `shoe.png  7 Sneaker  0.9731  right`
  func text(_ classNames: [String]) -> String {
    let all = labels.map { labels in
      labels.isEmpty ? "none" : labels.map { Self.text($0, Self.name(of: $0, classNames)) }.joined(separator: ", ")
    }
    let answer = all ?? label.map { Self.text($0, name) }
    let number = score.isNaN ? "nan" : String(format: "%.4f", score)
    let verdict =
      truth.map { truth in
        truth == label ? "right" : "wrong: \(Self.name(of: truth, classNames) ?? String(truth))"
      } ?? target.map { String(format: "target %.4f", $0) }
    return [source, answer, number, verdict].compactMap(\.self).joined(separator: "  ")
  }

  private static func text(_ label: Int, _ name: String?) -> String { "\(label)" + (name.map { " \($0)" } ?? "") }

  private static func name(of label: Int, _ classNames: [String]) -> String? {
    classNames.indices.contains(label) ? classNames[label] : nil
  }
}
