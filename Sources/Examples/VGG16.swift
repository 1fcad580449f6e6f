import Apus
import ArgumentParser

/// VGG16, which sees a thousand kinds of things: Simonyan and Zisserman, "Very deep convolutional networks for large-scale
/// image recognition", 2015. It is built and run here, not trained: that took weeks.
struct VGG16: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vgg16", abstract: "VGG16: built, counted, and asked what an image shows.")
  @OptionGroup var options: LessonOptions

  @Option(help: "A folder with the weights.safetensors of a trained network; without it weights are random.")
  var weights: String?
  @Option(help: "The picture to look at, PNG or JPEG; without it an image of Fashion-MNIST.")
  var image: String?

  func run() throws {
    let full = try network(side: 224, divisor: 1)
    print(full.summary())
    print("parameters: \(full.parameterCount)")
    try options.picture("course-vgg16.svg") { try full.diagram().write(to: $0) }

    // A short lesson looks through a network that is an eighth as wide, with a picture of 32 × 32.
    let (side, model) = options.short ? (32, try network(side: 32, divisor: 8)) : (224, full)
    let picture = try image.map(Picture.read) ?? options.images(short: 1).test.images[0].reshaped([28, 28, 1])
    let colors = try Picture.resized(Picture.converted(picture, channels: 3), height: side, width: side)
      .elements(as: UInt8.self)
    // The published weights want blue, green and red in this order, less the means of the images they were trained on.
    let input = stride(from: 0, to: colors.count, by: 3).flatMap { i -> [Float] in
      let (red, green, blue) = (Float(colors[i]), Float(colors[i + 1]), Float(colors[i + 2]))
      return [blue - 103.939, green - 116.779, red - 123.68]
    }

    // A session holds the weights. Nothing is trained, so that nothing else is needed.
    let session = Session()
    let program = try session.load(model.graph.bound(to: .inference))
    if let weights { try session.loadModelWeights(from: weights, of: model.graph) }
    let probabilities = try program.run([Tensor(input, [1, side, side, 3])])[0].doubles()

    print("sum of the probabilities: \(decimal(probabilities.reduce(0, +)))")
    // Random weights know nothing: each of a thousand classes gets about a thousandth.
    for (label, probability) in probabilities.enumerated().sorted(by: { $0.element > $1.element }).prefix(5) {
      print("class \(label): \(decimal(probability))")
    }
  }

  /// - Parameter divisor: layers have so many times fewer neurons.
  private func network(side: Int, divisor: Int) throws -> Sequential {
    try Sequential(name: "vgg16", input: [side, side, 3]) {
      // Five blocks, each of which halves the image. Two filters of 3 × 3, one after the other, see as much as one of
      // 5 × 5, with fewer weights.
      for (block, (filters, count)) in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)].enumerated() {
        for number in 1...count {
          Conv2D(
            filters / divisor, kernelSize: 3, padding: .same, activation: .relu,
            name: "block\(block + 1)_conv\(number)")
        }
        MaxPooling2D(name: "block\(block + 1)_pool")
      }
      Flatten(name: "flatten")
      Dense(4096 / divisor, activation: .relu, name: "fc1")
      Dense(4096 / divisor, activation: .relu, name: "fc2")
      Dense(1000, activation: .softmax, name: "predictions")
    }
  }
}
