import Apus
import ArgumentParser

/// Four remedies against overfitting, compared on few images.
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
    // Few images, so that the network can memorize them: it overfits.
    let data = try options.images()
    let count = options.short ? 200 : 2000
    let (images, labels) = (try data.train.images[..<count], try data.train.labels[..<count])
    let others = (try data.train.images[count..<2 * count], try data.train.labels[count..<2 * count])

    var curves: [LinePlot.Curve] = []
    for remedy in Remedy.allCases {
      // The loss of L2 has a penalty for the weights in it. The metric is the cross-entropy alone, which can be compared.
      let trainer = try model(remedy).compile(
        optimizer: .adam(), loss: .sparseCategoricalCrossEntropy,
        metrics: [.accuracy, .sparseCategoricalCrossEntropy])
      let history = try trainer.fit(
        images, labels, epochs: options.short ? 6 : 30, validationData: others, verbose: .silent)
      // Measured after training, without dropout and augmentation. Remedies are compared on images for validation: the test
      // images are for the one that is chosen.
      let known = try trainer.evaluate(images, labels)["accuracy"] ?? 0
      let new = try trainer.evaluate(others.0, others.1)
      let entropy = decimal(new["sparse_categorical_crossentropy"] ?? 0, digits: 3)
      print(
        "\(remedy.rawValue): training accuracy \(decimal(known, digits: 3)), validation accuracy "
          + "\(decimal(new["accuracy"] ?? 0, digits: 3)), validation cross-entropy \(entropy)")
      curves.append(.init(name: remedy.rawValue, values: history["val_sparse_categorical_crossentropy"] ?? []))
    }
    try options.picture("course-regularization.svg") { path in
      let panel = LinePlot.Panel(title: "cross-entropy on images that were not trained on", curves: curves)
      try LinePlot(title: "five trainings", panels: [panel]).write(to: path)
    }
  }

  private func model(_ remedy: Remedy) throws -> Sequential {
    // L2 adds the squares of the weights to the loss, times a small factor: small weights make smooth answers.
    let penalty: Regularizer? = remedy == .l2 ? .l2(0.001) : nil
    return try Sequential(name: "cnn", input: [28, 28, 1], dtype: .u8) {
      Rescaling(scale: 1 / 255)
      // Other images in each epoch: mirrored and moved, as clothes may be.
      if remedy == .augmentation {
        RandomFlip(.horizontal)
        RandomTranslation(heightFactor: 0.08, widthFactor: 0.08, fillMode: .constant)
      }
      Conv2D(32, kernelSize: 3, activation: .relu, kernelRegularizer: penalty)
      // Each map gets mean 0 and variance 1 in each batch. The mean depends on the other images, which is a kind of noise.
      if remedy == .batchNormalization { BatchNormalization(momentum: 0.9) }
      MaxPooling2D()
      Conv2D(64, kernelSize: 3, activation: .relu, kernelRegularizer: penalty)
      if remedy == .batchNormalization { BatchNormalization(momentum: 0.9) }
      MaxPooling2D()
      Flatten()
      // Half of the numbers are left out at random in each step: no neuron can rely on another one.
      if remedy == .dropout { Dropout(0.5) }
      Dense(128, activation: .relu, kernelRegularizer: penalty)
      if remedy == .dropout { Dropout(0.5) }
      Dense(10, activation: .softmax)
    }
  }
}
