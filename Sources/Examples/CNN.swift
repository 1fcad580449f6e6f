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

    let (accuracy, history) = try options.train(model, on: data, epochs: 5)
    print("test accuracy: \(decimal(accuracy, digits: 3))")
    try options.picture("course-cnn-history.svg") { try history.plot(to: $0, title: "cnn") }
  }
}
