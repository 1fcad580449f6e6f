import Apus
import ArgumentParser

/// LeNet-5, which read handwritten digits on bank checks: LeCun and others, "Gradient-based learning applied to document
/// recognition", 1998.
struct LeNet5: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lenet5", abstract: "LeNet-5, the convolutional network of 1998.")
  @OptionGroup var options: LessonOptions

  func run() throws {
    let data = try options.images()
    // C are convolutions, S pools ("subsampling"), F is a dense layer; the numbers are the paper's. It took images of
    // 32 × 32 pixels; padding in C1 makes the same sizes of 28 × 28.
    let model = try Sequential(name: "lenet5", input: [28, 28, 1], dtype: .u8) {
      Rescaling(scale: 1 / 255)
      Conv2D(6, kernelSize: 5, padding: .same, activation: .tanh, name: "c1")
      AveragePooling2D(poolSize: 2, name: "s2")
      Conv2D(16, kernelSize: 5, activation: .tanh, name: "c3")
      AveragePooling2D(poolSize: 2, name: "s4")
      // The maps are 5 × 5 now, so that a filter of 5 × 5 has one place: C5 is a dense layer in other words.
      Conv2D(120, kernelSize: 5, activation: .tanh, name: "c5")
      Flatten()
      Dense(84, activation: .tanh, name: "f6")
      Dense(10, activation: .softmax, name: "output")
    }
    print(model.summary())

    let (accuracy, history, trainer) = try options.train(model, on: data, epochs: 5)
    print("test accuracy: \(decimal(accuracy, digits: 3))")
    try options.picture("course-lenet5-history.svg") { try history.plot(to: $0, title: "lenet5") }
    // What C1's six filters and C3's sixteen make of the first image.
    for layer in ["c1", "c3"] {
      try options.picture("course-lenet5-\(layer).png") { path in
        try PNG.write(trainer.featureMaps(of: layer, for: data.test.images[..<1]), to: path)
      }
    }
  }
}
