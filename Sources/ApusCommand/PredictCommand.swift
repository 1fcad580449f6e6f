import Apus
import ArgumentParser
import Foundation

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Runs a trained model on images, texts, tables or arrays.",
    discussion: """
      Samples come from pictures (PNG, JPEG), from NumPy's files (samples along the first axis), from tables, from texts, or \
      from a data set:

        apus predict trained shoe.png
        apus predict trained images.npy --output probabilities.npy
        apus predict trained --data fashion-mnist --first 5
        apus predict flowers --data iris.csv
        apus predict trained --data fashion-mnist --first 25 --grid clothes.svg
        apus predict trained shoe.png --layer conv1 --output maps.png

      Classes have the names of the data that the model was trained on. A sigmoid's output is a yes or a no; one output \
      without a sigmoid is a number.
      """)

  @OptionGroup var input: GraphInput

  @Argument(
    help: "Pictures, .npy, .npz, .csv, .tsv or .txt files, or folders; the samples of --data if there are none.")
  var files: [String] = []

  @OptionGroup var data: DataOptions
  @OptionGroup var backend: BackendOptions

  @Option(help: "How many samples of --data. Left out: 10 of a named data set, else all.")
  var first: Int?

  @Option(
    name: .shortAndLong,
    help: "A .npy file for all outputs; with --layer also a .png file for the channels of the first sample.")
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Write what this layer makes of the samples, instead of the model's output.", valueName: "name"))
  var layer: String?

  @Option(
    help: ArgumentHelp(
      "Draw the samples with their answers into this .svg file, or .png without texts: right ones framed blue, wrong ones orange.",
      valueName: "file"))
  var grid: String?

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
    guard layer == nil || output != nil && grid == nil && !json else {
      throw ValidationError("--layer writes to --output FILE.png or FILE.npy, and goes with neither --grid nor --json.")
    }
    guard data.reading.testSplit == nil, data.reading.mix == nil else {
      throw ValidationError("--test-split and --mix belong to train and evaluate.")
    }
  }

  func run() throws {
    if let output { try PictureOutput.check(output, layer == nil ? ["npy"] : ["npy", "png"], option: "--output") }
    if let grid { try PictureOutput.check(grid, ["svg", "png"], option: "--grid") }
    for (path, option) in [(output, "--output"), (grid, "--grid")] {
      if let path { try OutputPath.check(path, option, isNone: files + data.sources) }
    }
    // A loss of a program's own may be unknown here, and is not needed.
    let (trainer, saved) = try input.trained(backend: backend.make(), loss: { _ in .sparseCategoricalCrossEntropy })
    if let layer, let output { return try write(trainer, layer, saved.state, to: output) }
    let reader = try AnswerReader(trainer.model, loss: try? saved.loss())
    let classNames = trainer.classNames
    var predictions: [Prediction] = []
    var outputs: [Tensor] = []
    var pictures: [Tensor] = []
    for samples in try load(saved.state) {
      samples.remarks.forEach(Terminal.report)
      let scores = try trainer.predict(samples.inputs)
      // Rows of several numbers are no single truth.
      let truths = samples.targets.flatMap { $0.count == samples.count ? $0.doubles() : nil }
      outputs.append(scores)
      if grid != nil { pictures.append(samples.inputs) }
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
    if let grid { try draw(predictions, pictures, classNames, to: grid) }
    if json { return try Terminal.writeJSON(predictions) }
    for prediction in predictions { Terminal.write(prediction.text(classNames) + "\n") }
  }

  /// What a layer makes of the samples: numbers, or the channels of the first as a picture.
  private func write(_ trainer: Trainer, _ layer: String, _ state: TrainingState?, to path: String) throws {
    guard let samples = try load(state).first, samples.count > 0 else {
      throw ApusError.input("there is no sample to run the model on")
    }
    if path.lowercased().hasSuffix(".png") {
      try PNG.write(trainer.featureMaps(of: layer, for: samples.inputs.gather(rows: [0])), to: path)
      Terminal.write("channels of \(samples.label(of: 0)): \(path)\n")
    } else {
      let outputs = try trainer.outputs(of: layer, for: samples.inputs)
      try NPY.write(outputs, to: path)
      Terminal.write("\(layer): \(outputs.type) in \(path)\n")
    }
  }

  /// Draws each sample with what the model says of it.
  private func draw(
    _ predictions: [Prediction], _ pictures: [Tensor], _ classNames: [String], to path: String
  ) throws {
    // As pixels, whatever the files' element types are.
    let parts = try pictures.map { try Picture.pictures(of: $0) }
    guard Set(parts.map { Array($0.dimensions.dropFirst()) }).count == 1 else {
      throw ApusError.input("--grid: the pictures do not have one size", help: "predict them one at a time")
    }
    let images = try Tensor.joiningRows(parts)
    guard images.dimensions[0] == predictions.count else {
      throw ApusError.input("--grid: \(images.dimensions[0]) samples have \(predictions.count) answers")
    }
    try ImageGrid(images: images, captions: predictions.map { $0.caption(classNames) }).write(to: path)
    if !json { Terminal.write("pictures: \(path)\n") }
  }

  /// - Throws: `ApusError` if there are none: no answer would be printed, as if all were well.
  private func read(_ path: String?, _ state: TrainingState?) throws -> Samples {
    let samples = try data.samples(path, for: input.file, state)
    guard samples.count > 0 else { throw ApusError.file(samples.name, "holds no samples") }
    return samples
  }

  private func load(_ state: TrainingState?) throws -> [Samples] {
    guard files.isEmpty else { return try files.map { try read($0, state) } }
    let samples = try read(nil, state)
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

  func caption(_ classNames: [String]) -> ImageGrid.Caption {
    guard let label else {
      return .init(labels == nil ? PictureText.number(score) : text(classNames))
    }
    let names = (name ?? String(label), truth.map { Self.name(of: $0, classNames) ?? String($0) })
    var caption = ImageGrid.Caption(answer: names.0, probability: 0...1 ~= score ? score : nil, truth: names.1)
    // Two classes may have one name.
    caption.isRight = truth.map { $0 == label }
    return caption
  }

  private static func text(_ label: Int, _ name: String?) -> String { "\(label)" + (name.map { " \($0)" } ?? "") }

  private static func name(of label: Int, _ classNames: [String]) -> String? {
    classNames.indices.contains(label) ? classNames[label] : nil
  }
}
