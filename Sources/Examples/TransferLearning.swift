import Apus
import ArgumentParser

/// What was learned from many images of some things helps to learn others from few.
struct TransferLearning: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transfer",
    abstract: "Transfer learning: few images, with and without what was learned before.")
  @OptionGroup var options: LessonOptions

  func run() throws {
    let data = try options.images(short: 1200)
    // The first task, with all of its images: to tell the classes 0 to 4 apart, which are worn above the ankle.
    let first = try task(data, classes: 0..<5, every: 1)
    let experienced = try trainer(model(output: "first_output"))
    try fit(experienced, first, epochs: 5, "first task")

    // The second task: the classes 5 to 9, shoes, shirts and bags, with a tenth of the images, then with a hundredth.
    for share in options.short ? [10] : [10, 100] {
      let second = try task(data, classes: 5..<10, every: share)
      let epochs = options.short ? 60 : share == 10 ? 10 : 30

      // From scratch: all weights are random.
      let scratch = try fit(trainer(model(output: "output")), second, epochs: epochs, "from scratch")

      // Transferred: weights with the same names come from the first task, all but those of the last layer. The filters
      // stay as they are for half of the epochs.
      let frozen = try trainer(model(output: "output").frozen(layers: ["conv1", "conv2"]))
      let transfer = try frozen.takeWeights(from: experienced)
      if share == 10 { print(transfer.text(), terminator: "") }
      try fit(frozen, second, epochs: epochs / 2, "transferred")

      // Fine-tuned: for the other half all weights are trained.
      let tuned = try trainer(model(output: "output"))
      try tuned.takeWeights(from: frozen)
      let fine = try fit(tuned, second, epochs: epochs / 2, "fine-tuned")
      print("better than from scratch by \(decimal(fine - scratch))")
    }
  }

  /// The images of some classes, which are numbered from 0.
  private func task(_ data: DatasetSplits, classes: Range<Int>, every step: Int) throws -> DatasetSplits {
    func part(_ part: Dataset, every step: Int) throws -> Dataset {
      let labels = part.labels.elements(as: UInt8.self).map(Int.init)
      let rows = labels.indices.filter { classes.contains(labels[$0]) }
      let kept = rows.indices.filter { $0.isMultiple(of: step) }.map { rows[$0] }
      return try Dataset(
        name: part.name, images: part.images.gather(rows: kept),
        labels: Tensor(kept.map { UInt8(labels[$0] - classes.lowerBound) }))
    }
    return DatasetSplits(
      name: data.name, train: try part(data.train, every: step), test: try part(data.test, every: 1))
  }

  /// - Parameter output: the name of the last layer.
  private func model(output: String) throws -> Sequential {
    try Sequential(name: "cnn", input: [28, 28, 1], dtype: .u8) {
      Rescaling(scale: 1 / 255)
      Conv2D(32, kernelSize: 3, activation: .relu, name: "conv1")
      MaxPooling2D()
      Conv2D(64, kernelSize: 3, activation: .relu, name: "conv2")
      MaxPooling2D()
      Flatten()
      Dense(128, activation: .relu, name: "hidden")
      Dense(5, activation: .softmax, name: output)
    }
  }

  private func trainer(_ model: Sequential) throws -> Trainer {
    try model.compile(
      optimizer: .adam(), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy])
  }

  @discardableResult
  private func fit(_ trainer: Trainer, _ task: DatasetSplits, epochs: Int, _ name: String) throws -> Double {
    try trainer.fit(task.train.images, task.train.labels, epochs: epochs, verbose: .silent)
    let accuracy = try trainer.evaluate(task.test.images, task.test.labels)["accuracy"] ?? 0
    print("\(name), \(task.train.count) images: test accuracy \(decimal(accuracy, digits: 3))")
    return accuracy
  }
}
