import Apus
import ArgumentParser

/// A multilayer perceptron that tells pictures of clothes apart, line by line.
struct MLP: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A network with one hidden layer, line by line.")
  @OptionGroup var options: LessonOptions

  func run() throws {
    // 60,000 images to learn from and 10,000 to test with: 28 × 28 pixels, each a byte, and a class from 0 to 9.
    let data = try options.images()
    print("training images: \(data.train.images.type), labels: \(data.train.labels.type)")

    let model = try Sequential(name: "mlp", input: [28, 28], dtype: .u8) {
      // Bytes from 0 to 255 become numbers from 0 to 1.
      Rescaling(scale: 1 / 255)
      // The rows of an image become one vector of 784 numbers.
      Flatten()
      // 128 neurons read all 784 numbers: 784 · 128 weights and 128 biases, 100,480 in all. ReLU is max(x, 0): without
      // it two layers could do only what one can.
      Dense(128, activation: .relu)
      // A neuron a class. Softmax makes positive numbers that sum to 1 of their sums: probabilities.
      Dense(10, activation: .softmax)
    }
    print(model.summary())

    // How training goes: RMSprop takes the steps, cross-entropy is made small, accuracy is what we want to know.
    let trainer = try model.compile(
      optimizer: .rmsprop(), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy])

    // An epoch goes through all images once, in batches of 32. The last fifth is not trained on: `val_loss` and
    // `val_accuracy` say how the network does on images that it has not seen.
    let history = try trainer.fit(
      data.train.images, data.train.labels, batchSize: 32, epochs: 5, validationSplit: 0.2)

    // The test images are for the end, and for once: whatever is chosen by them is no longer tested by them.
    let scores = try trainer.evaluate(data.test.images, data.test.labels)
    print("test accuracy: \(decimal(scores["accuracy"] ?? 0, digits: 3))")

    // Probabilities of the classes for five images; the answer is the class with the largest.
    let images = try data.test.images[..<5]
    let probabilities = try trainer.predict(images)
    let answers = try probabilities.argMax().elements(as: Int64.self)
    for (i, answer) in answers.enumerated() {
      let probability = try probabilities[i].doubles()[Int(answer)]
      let truth = try Int(data.test.labels[i].doubles()[0])
      print(
        "image \(i): \(data.classNames[Int(answer)]) (\(decimal(probability, digits: 2))), is \(data.classNames[truth])"
      )
    }

    try options.picture("course-mlp-history.svg") { try history.plot(to: $0, title: "mlp") }
    try options.picture("course-mlp-images.svg") { path in
      let captions = try answers.enumerated().map { i, answer in
        ImageGrid.Caption(
          answer: data.classNames[Int(answer)], probability: try probabilities[i].doubles()[Int(answer)],
          truth: data.classNames[try Int(data.test.labels[i].doubles()[0])])
      }
      try ImageGrid(images: images, captions: captions, columns: 5).write(to: path)
    }
  }
}
