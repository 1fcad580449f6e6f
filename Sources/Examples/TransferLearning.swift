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
    try fit(experienced, first)
    print(
      "first task, \(first.train.count) images: test accuracy \(decimal(try accuracy(experienced, first), digits: 3))")

    // The second task: the classes 5 to 9, shoes, shirts and bags, with a tenth of the images, then with a hundredth. Each
    // way is gone with several seeds: with so few images, one training says little.
    var panels: [LinePlot.Panel] = []
    for share in options.short ? [10] : [10, 100] {
      let second = try task(data, classes: 5..<10, every: share)
      var accuracies = [[Double]](repeating: [], count: 3)
      var histories: [History] = []
      for seed in options.short ? 0..<1 : 0..<5 as Range<UInt64> {
        // From scratch: all weights are random.
        let scratch = try trainer(model(output: "output"), seed: seed)
        let scratchHistory = try fit(scratch, second)

        // Transferred: weights with the same names come from the first task, all but those of the last layer. The filters
        // stay as they are.
        let frozen = try trainer(model(output: "output").frozen(layers: ["conv1", "conv2"]), seed: seed)
        let transfer = try frozen.takeWeights(from: experienced)
        if panels.isEmpty && seed == 0 { print(transfer.text(), terminator: "") }
        let frozenHistory = try fit(frozen, second)

        // Fine-tuned: all weights are trained further, in smaller steps, so that what was learned is not lost.
        let tuned = try trainer(model(output: "output"), rate: 0.0003, seed: seed)
        try tuned.takeWeights(from: frozen)
        try fit(tuned, second)

        for (way, trainer) in [scratch, frozen, tuned].enumerated() {
          accuracies[way].append(try accuracy(trainer, second))
        }
        if seed == 0 { histories = [scratchHistory, frozenHistory] }
      }
      let means = accuracies.map { $0.reduce(0, +) / Double($0.count) }
      for (name, (mean, all)) in zip(["from scratch", "transferred", "fine-tuned"], zip(means, accuracies)) {
        let range = "\(decimal(all.min() ?? 0, digits: 3)) to \(decimal(all.max() ?? 0, digits: 3))"
        print("\(name), \(second.train.count) images: test accuracy \(decimal(mean, digits: 3)), \(range)")
      }
      print("better than from scratch by \(decimal(means[2] - means[0]))")
      panels.append(
        .init(
          title: "\(second.train.count) images: accuracy on those for validation",
          curves: zip(["from scratch", "transferred"], histories).map { name, history in
            .init(name: name, values: history["val_accuracy"] ?? [])
          }))
    }
    try options.picture("course-transfer.svg") {
      try LinePlot(title: "transfer learning", panels: panels).write(to: $0)
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

  private func trainer(_ model: Sequential, rate: Double = 0.001, seed: UInt64 = 0) throws -> Trainer {
    try model.compile(
      optimizer: .adam(learningRate: LearningRate(rate)), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy],
      seed: seed)
  }

  /// Trains until the last fifth of the images, which is for validation, is not recognized any better, and goes back to the
  /// best epoch: how long to train is not chosen by the test images.
  @discardableResult
  private func fit(_ trainer: Trainer, _ task: DatasetSplits) throws -> History {
    try trainer.fit(
      task.train.images, task.train.labels, epochs: 100, validationSplit: 0.2, verbose: .silent,
      callbacks: [EarlyStopping(patience: options.short ? 10 : 6, restoringBestWeights: true)])
  }

  private func accuracy(_ trainer: Trainer, _ task: DatasetSplits) throws -> Double {
    try trainer.evaluate(task.test.images, task.test.labels)["accuracy"] ?? 0
  }
}
