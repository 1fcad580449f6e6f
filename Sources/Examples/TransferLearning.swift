import Apus
import ArgumentParser

/// What was learned from many images of some things helps to learn others from few.
struct TransferLearning: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transfer",
    abstract: "Transfer learning: a tenth of the data, with and without what was learned before.")
  @OptionGroup var options: LessonOptions

  func run() throws {
    let data = try options.images(short: 1200)
    // Two tasks: to tell the classes 0 to 4 apart, with all of their images, and the classes 5 to 9, with a tenth.
    let first = try task(data, classes: 0..<5, tenth: false)
    let second = try task(data, classes: 5..<10, tenth: true)
    print("first task: \(first.train.count) images, second task: \(second.train.count) images")

    let experienced = try trainer(model(), rate: 0.001)
    try fit(experienced, first, epochs: 3, "first task")

    // The second task from scratch: all weights are random. It may train as long as both that follow.
    let scratch = try fit(trainer(model(), rate: 0.001), second, epochs: 15, "from scratch")

    // With the filters of the first task. They stay as they are, and only the dense layers are trained.
    let filters = ["conv1", "conv2"]
    let frozen = try trainer(model().frozen(layers: filters), rate: 0.001)
    for (name, value) in experienced.weights where name.hasPrefix("conv") {
      try frozen.session.setValue(value, of: name)
    }
    let transferred = try fit(frozen, second, epochs: 10, "transferred")

    // Then all layers together, in small steps, so that what was learned is not lost.
    let tuned = try trainer(model(), rate: 0.0003)
    for (name, value) in frozen.weights { try tuned.session.setValue(value, of: name) }
    let fine = try fit(tuned, second, epochs: 5, "fine-tuned")

    print(
      "better than from scratch: transferred by \(decimal(transferred - scratch)), fine-tuned by \(decimal(fine - scratch))"
    )
  }

  /// The images of some classes, which are numbered from 0.
  private func task(_ data: DatasetSplits, classes: Range<Int>, tenth: Bool) throws -> DatasetSplits {
    func part(_ part: Dataset, every step: Int) throws -> Dataset {
      let labels = part.labels.elements(as: UInt8.self).map(Int.init)
      let rows = labels.indices.filter { classes.contains(labels[$0]) }
      let kept = rows.indices.filter { $0.isMultiple(of: step) }.map { rows[$0] }
      return try Dataset(
        name: part.name, images: part.images.gather(rows: kept),
        labels: Tensor(kept.map { UInt8(labels[$0] - classes.lowerBound) }))
    }
    return DatasetSplits(
      name: data.name, train: try part(data.train, every: tenth ? 10 : 1), test: try part(data.test, every: 1))
  }

  private func model() throws -> Sequential {
    try Sequential(name: "cnn", input: [28, 28, 1], dtype: .u8) {
      Rescaling(scale: 1 / 255)
      Conv2D(32, kernelSize: 3, activation: .relu, name: "conv1")
      MaxPooling2D()
      Conv2D(64, kernelSize: 3, activation: .relu, name: "conv2")
      MaxPooling2D()
      Flatten()
      Dense(128, activation: .relu, name: "hidden")
      Dense(5, activation: .softmax, name: "output")
    }
  }

  private func trainer(_ model: Sequential, rate: Double) throws -> Trainer {
    try model.compile(
      optimizer: .adam(learningRate: LearningRate(rate)), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy])
  }

  @discardableResult
  private func fit(_ trainer: Trainer, _ task: DatasetSplits, epochs: Int, _ name: String) throws -> Double {
    try trainer.fit(task.train.images, task.train.labels, epochs: epochs, verbose: .silent)
    let accuracy = try trainer.evaluate(task.test.images, task.test.labels)["accuracy"] ?? 0
    print("\(name): test accuracy \(decimal(accuracy, digits: 3))")
    return accuracy
  }
}
