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

  private struct Prediction: Encodable {
    let source: String
    let label: Int
    let name: String?
    let score: JSONReal
    let truth: Int?
  }

  func validate() throws {
    guard first >= 1 else { throw ValidationError("--first must be at least 1.") }
    guard output == nil || images.count <= 1 else {
      throw ValidationError("--output takes the outputs of one file or of the data set.")
    }
  }

  func run() throws {
    if let output { try OutputPath.checkFile(output, "--output") }
    let trainer = try Trainer(
      input.loadOne(), optimizer: SGD(), loss: .sparseCategoricalCrossEntropy, backend: backend.make())
    try input.loadWeights(into: trainer)
    var classNames: [String] = []
    var samples: [(source: String, tensor: Tensor, truth: [Int]?)] = []
    if images.isEmpty {
      let splits = try data.load()
      classNames = splits.classNames
      let rows = 0..<min(first, splits.test.count)
      samples = [
        (
          splits.name, try splits.test.images.gather(rows: rows),
          try splits.test.labels.gather(rows: rows).doubles().map { Int($0) }
        )
      ]
    } else {
      classNames = DatasetRegistry.all.first { $0.name == data.data }?.classNames ?? []
      for path in images { samples.append((path, try load(path), nil)) }
    }
    var predictions: [Prediction] = []
    var outputs: [Tensor] = []
    for sample in samples {
      let scores = try trainer.predict(sample.tensor)
      outputs.append(scores)
      predictions += summarize(scores, sample.source, sample.truth, classNames)
    }
    if let output, let scores = outputs.first { try NPY.write(scores, to: output) }
    if json { return try Terminal.writeJSON(predictions) }
    for p in predictions {
      let truth =
        p.truth.map {
          $0 == p.label ? "  right" : "  wrong: \(classNames.indices.contains($0) ? classNames[$0] : String($0))"
        } ?? ""
      Terminal.write(
        "\(p.source)  \(p.label)\(p.name.map { " \($0)" } ?? "")  \(p.score.value.isNaN ? "nan" : String(format: "%.4f", p.score.value))\(truth)\n"
      )
    }
  }

  /// A PNG is one sample; a NumPy file holds samples along its first axis.
  private func load(_ path: String) throws -> Tensor {
    if path.lowercased().hasSuffix(".png") {
      let image = try PNG.read(path)
      return try image.reshaped([1] + image.dimensions)
    }
    return try NPY.read(path)
  }

  private func summarize(_ scores: Tensor, _ source: String, _ truth: [Int]?, _ classNames: [String]) -> [Prediction] {
    let classes = scores.dimensions.last ?? 1
    let rows = classes == 0 ? 0 : scores.count / classes
    let elements = scores.doubles()
    return (0..<rows).map { row in
      let part = elements[row * classes..<(row + 1) * classes]
      let best = part.indices.max { part[$0] < part[$1] } ?? part.startIndex
      let label = best - part.startIndex
      return Prediction(
        source: rows == 1 ? source : "\(source)[\(row)]", label: label,
        name: classNames.indices.contains(label) ? classNames[label] : nil, score: JSONReal(part[best]),
        truth: truth?[row])
    }
  }
}
