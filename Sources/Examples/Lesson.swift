import Apus
import ArgumentParser
import Foundation

/// What every lesson can be asked: to be short, and to draw.
struct LessonOptions: ParsableArguments {
  @Flag(help: "Take seconds: few made-up samples in place of the real ones, and small networks.")
  var short = false

  @Option(help: ArgumentHelp("Draw the lesson's pictures into this folder.", valueName: "folder"))
  var pictures: String?

  /// Fashion-MNIST, or made-up images in a short lesson.
  /// - Throws: `ApusError` that says how to install Fashion-MNIST if it is not there.
  func images(short count: Int = 400) throws -> DatasetSplits {
    if !short { return try DatasetRegistry.load("fashion-mnist") }
    return DatasetSplits(
      name: "rectangles", classNames: (0..<10).map { "rectangle \($0)" },
      train: try rectangles(count, seed: 1), test: try rectangles(200, seed: 2))
  }

  /// Draws a picture with `draw`, which is given its path, if there is a folder for pictures.
  func picture(_ name: String, _ draw: (String) throws -> Void) throws {
    guard let pictures else { return }
    try FileManager.default.createDirectory(atPath: pictures, withIntermediateDirectories: true)
    let path = "\(pictures)/\(name)"
    try draw(path)
    print("drawn: \(path)")
  }

  /// Trains a model that tells images apart, as the lesson on the MLP does line by line. The last tenth of the training
  /// images is for validation.
  /// - Returns: the accuracy on the test images, which are used once, at the end; what each epoch logged; and the trainer.
  func train(
    _ model: some LayeredModel, on data: DatasetSplits, optimizer: any Optimizer = .adam(), batchSize: Int = 32,
    epochs: Int, verbose: Verbosity = .auto
  ) throws -> (accuracy: Double, history: History, trainer: Trainer) {
    let trainer = try model.compile(
      optimizer: optimizer, loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy])
    let history = try trainer.fit(
      data.train.images, data.train.labels, batchSize: batchSize, epochs: epochs, validationSplit: 0.1,
      verbose: verbose)
    let scores = try trainer.evaluate(data.test.images, data.test.labels)
    return (scores["accuracy"] ?? 0, history, trainer)
  }
}

/// Gray rectangles on noise, in the shape of Fashion-MNIST: five heights and two widths make ten classes.
private func rectangles(_ count: Int, seed: UInt64) throws -> Dataset {
  var generator = PhiloxGenerator(seed: seed)
  var pixels: [UInt8] = []
  let labels = (0..<count).map { _ in UInt8.random(in: 0..<10, using: &generator) }
  for label in labels.map(Int.init) {
    let (height, width) = (4 + 4 * (label / 2), label.isMultiple(of: 2) ? 6 : 18)
    for y in 0..<28 {
      for x in 0..<28 {
        let isInside = abs(2 * y - 27) < height && abs(2 * x - 27) < width
        pixels.append(UInt8.random(in: 0..<60, using: &generator) + (isInside ? 160 : 0))
      }
    }
  }
  return try Dataset(
    name: "rectangles", images: Tensor(pixels, [count, 28, 28]), labels: Tensor(labels, [count]))
}

/// Builds a graph and runs it once.
func compute(_ build: (GraphBuilder) throws -> [Value]) throws -> [Tensor] {
  let builder = GraphBuilder()
  return try Session().run(builder.build(build(builder)))
}

/// A number with so many digits after the point.
func decimal(_ number: Double, digits: Int = 4) -> String { String(format: "%.\(digits)f", number) }
