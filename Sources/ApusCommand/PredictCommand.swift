import Apus
import ArgumentParser
import Foundation

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Runs a trained model on images.",
    discussion: """
      Images come from PNG files, from a NumPy file (samples along the first axis), or from a data set:

        apus predict trained shoe.png
        apus predict trained images.npy --output probabilities.npy
        apus predict trained --data fashion-mnist --first 5

      Classes have the names of the data that the model was trained on. A sigmoid's output is a yes or a no; one output \
      without a sigmoid is a number.
      """)

  @OptionGroup var input: GraphInput

  @Argument(help: "PNG or .npy files; the data set's test images where there are none.")
  var images: [String] = []

  @OptionGroup var data: DataOptions
  @OptionGroup var backend: BackendOptions

  @Option(help: "How many of the data set's test images.")
  var first = 10

  @Option(name: .shortAndLong, help: "A .npy file for all outputs.")
  var output: String?

  @Flag(help: "Print the results as JSON.")
  var json = false

  func validate() throws {
    guard first >= 1 else { throw ValidationError("--first must be at least 1.") }
    guard output == nil || images.count <= 1 else {
      throw ValidationError("--output takes the outputs of one file or of the data set.")
    }
  }

  private struct Samples {
    let source: String
    let images: Tensor
    var truth: [Int]?
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
    for samples in try load() {
      let scores = try trainer.predict(samples.images)
      outputs.append(scores)
      let elements = scores.doubles()
      let rows = reader.width == 0 ? 0 : elements.count / reader.width
      predictions += (0..<rows).map { row in
        Prediction(
          source: rows == 1 ? samples.source : "\(samples.source)[\(row)]",
          reader.answer(elements[row * reader.width..<(row + 1) * reader.width]),
          truth: samples.truth.flatMap { $0.indices.contains(row) ? $0[row] : nil }, classNames)
      }
    }
    if let output, let scores = outputs.first { try NPY.write(scores, to: output) }
    if json { return try Terminal.writeJSON(predictions) }
    for prediction in predictions { Terminal.write(prediction.text(classNames) + "\n") }
  }

  private func load() throws -> [Samples] {
    guard images.isEmpty else { return try images.map { Samples(source: $0, images: try load($0)) } }
    let splits = try data.load()
    let rows = 0..<min(first, splits.test.count)
    return [
      Samples(
        source: splits.name, images: try splits.test.images.gather(rows: rows),
        truth: try splits.test.labels.gather(rows: rows).doubles().map { Int($0) })
    ]
  }

  /// A PNG is one sample; a NumPy file holds samples along its first axis.
  private func load(_ path: String) throws -> Tensor {
    if path.lowercased().hasSuffix(".png") {
      let image = try PNG.read(path)
      return try image.reshaped([1] + image.dimensions)
    }
    return try NPY.read(path)
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
  var truth: Int?

  init(source: String, _ answer: Answer, truth: Int?, _ classNames: [String]) {
    self.source = source
    switch answer {
    case .label(let label, let score):
      (self.label, self.score, self.truth) = (label, score, truth)
      name = Self.name(of: label, classNames)
    case .decision(let isYes, let score):
      (label, self.score, self.truth) = (isYes ? 1 : 0, score, truth)
      name = classNames.count == 2 ? classNames[isYes ? 1 : 0] : isYes ? "yes" : "no"
    case .labels(let labels, let score):
      (self.labels, self.score) = (labels, score)
    case .value(let value):
      score = value
    }
  }

  /// `shoe.png  7 Sneaker  0.9731  right`
  func text(_ classNames: [String]) -> String {
    let all = labels.map { labels in
      labels.isEmpty ? "none" : labels.map { Self.text($0, Self.name(of: $0, classNames)) }.joined(separator: ", ")
    }
    let answer = all ?? label.map { Self.text($0, name) }
    let number = score.isNaN ? "nan" : String(format: "%.4f", score)
    let verdict = truth.map { truth in
      truth == label ? "right" : "wrong: \(Self.name(of: truth, classNames) ?? String(truth))"
    }
    return [source, answer, number, verdict].compactMap(\.self).joined(separator: "  ")
  }

  private static func text(_ label: Int, _ name: String?) -> String { "\(label)" + (name.map { " \($0)" } ?? "") }

  private static func name(of label: Int, _ classNames: [String]) -> String? {
    classNames.indices.contains(label) ? classNames[label] : nil
  }
}
