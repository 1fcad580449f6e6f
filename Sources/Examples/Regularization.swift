import Apus
import ArgumentParser

/// Four remedies against learning by heart, compared on few images.
struct Regularization: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Augmentation, dropout, batch normalization and L2 compared.")
  @OptionGroup var options: LessonOptions

  enum Remedy: String, CaseIterable {
    case none, augmentation, dropout
    case batchNormalization = "batch norm"
    case l2 = "L2"
  }

  func run() throws {
    // Few images, so that the network can learn them by heart: then it is right on them, and less so on others.
    let data = try options.images()
    let count = options.short ? 200 : 2000
    let (images, labels) = (try data.train.images[..<count], try data.train.labels[..<count])

    var curves: [LinePlot.Curve] = []
    for remedy in Remedy.allCases {
      // L2 makes the squares of the weights small, too: small weights make smooth answers. AdamW subtracts a share of each
      // weight in each step for that, whatever its gradient.
      let optimizer: any Optimizer = remedy == .l2 ? .adamW(weightDecay: 0.1) : .adam()
      let trainer = try model(remedy).compile(
        optimizer: optimizer, loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy])
      let history = try trainer.fit(
        images, labels, epochs: options.short ? 6 : 30, validationData: (data.test.images, data.test.labels),
        verbose: .silent)
      // Measured after training, without dropout and augmentation.
      let known = try trainer.evaluate(images, labels)["accuracy"] ?? 0
      let new = try trainer.evaluate(data.test.images, data.test.labels)["accuracy"] ?? 0
      print(
        "\(remedy.rawValue): training accuracy \(decimal(known, digits: 3)), test accuracy \(decimal(new, digits: 3))")
      curves.append(.init(name: remedy.rawValue, values: history["val_loss"] ?? []))
    }
    try options.picture("course-regularization.svg") { path in
      let panel = LinePlot.Panel(title: "loss on images that were not trained on", curves: curves)
      try LinePlot(title: "five trainings", panels: [panel]).write(to: path)
    }
  }

  private func model(_ remedy: Remedy) throws -> Sequential {
    try Sequential(name: "cnn", input: [28, 28, 1], dtype: .u8) {
      Rescaling(scale: 1 / 255)
      // Other images in each epoch: mirrored, moved and made larger or smaller, as clothes may be.
      if remedy == .augmentation {
        RandomFlip(.horizontal)
        RandomTranslation(heightFactor: 0.08, widthFactor: 0.08, fillMode: .constant)
      }
      Conv2D(32, kernelSize: 3, activation: .relu)
      // Each map gets mean 0 and variance 1 in each batch. The mean depends on the other images, which is a kind of noise.
      if remedy == .batchNormalization { BatchNormalization(momentum: 0.9) }
      MaxPooling2D()
      Conv2D(64, kernelSize: 3, activation: .relu)
      if remedy == .batchNormalization { BatchNormalization(momentum: 0.9) }
      MaxPooling2D()
      Flatten()
      // Half of the numbers are left out at random in each step: no neuron can rely on another one.
      if remedy == .dropout { Dropout(0.5) }
      Dense(128, activation: .relu)
      if remedy == .dropout { Dropout(0.5) }
      Dense(10, activation: .softmax)
    }
  }
}
