import Apus
import ArgumentParser

/// A convolutional network: filters that are learned, not written.
struct CNN: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "A network with two convolutions.")
  @OptionGroup var options: LessonOptions

  func run() throws {
    let data = try options.images()
    let model = try Sequential(name: "cnn", input: [28, 28, 1], dtype: .u8) {
      Rescaling(scale: 1 / 255)
      // 32 filters of 3 × 3, with a bias each: 320 numbers for all places of the image, where a dense layer of the MLP
      // had 100,480.
      Conv2D(32, kernelSize: 3, activation: .relu, name: "conv1")
      // The largest of each 2 × 2: half as wide, half as high, and a shape that moves by a pixel changes less.
      MaxPooling2D()
      // 64 filters that read all 32 maps of the first layer: 3 · 3 · 32 · 64 weights and 64 biases.
      Conv2D(64, kernelSize: 3, activation: .relu, name: "conv2")
      MaxPooling2D()
      // What was found where becomes one vector for the dense layers, which decide.
      Flatten()
      Dense(128, activation: .relu)
      Dense(10, activation: .softmax)
    }
    print(model.summary())

    let (accuracy, history, trainer) = try options.train(model, on: data, epochs: 5)
    print("test accuracy: \(decimal(accuracy, digits: 3))")
    try options.picture("course-cnn-history.svg") { try history.plot(to: $0, title: "cnn") }
    // What was learned: the filters of the first layer, what they make of an image, and which classes are taken for which.
    try options.picture("course-cnn-filters.png") { try PNG.write(trainer.filters(of: "conv1"), to: $0) }
    try options.picture("course-cnn-maps.png") { path in
      try PNG.write(trainer.featureMaps(of: "conv1", for: data.test.images[..<1]), to: path)
    }
    try options.picture("course-cnn-confusion.svg") { path in
      let matrix = try trainer.confusionMatrix(data.test.images, data.test.labels)
      try ConfusionPlot(ConfusionMatrix(counts: matrix.counts, classNames: data.classNames)).write(to: path)
    }
  }
}
