import Apus
import Foundation
import TestSupport
import Testing

/// What a training is asked for at the edge of what makes sense.
@Suite struct TrainingEdgeTests {
  private func trainer(_ metrics: [Metric] = [.accuracy]) throws -> Trainer {
    try smallModel().compile(
      optimizer: .sgd(learningRate: 0.1), loss: .sparseCategoricalCrossEntropy, metrics: metrics, seed: 1)
  }

  private func fit(_ trainer: Trainer, epochs: Int = 2, frequency: Int = 1, _ callbacks: [any Callback]) throws {
    let data = try SyntheticImages(count: 24)
    try trainer.fit(
      data.images, data.labels, batchSize: 8, epochs: epochs, validationSplit: 0.25, verbose: .silent,
      callbacks: callbacks, validationFrequency: frequency)
  }

  @Test func rangesThatLeaveTheRowsAreRefused() throws {
    let x = try Tensor((0..<10).map(Float.init), [5, 2])
    for range in [{ try x[7...] }, { try x[..<(-1)] }, { try x[0...9] }, { try x[...7] }, { try x[(-2)..<3] }]
      as [() throws -> Tensor]
    { #expect(refusal(range).contains("there is no row")) }
    #expect(try x[5...].dimensions == [0, 2] && x[..<0].dimensions == [0, 2] && x[3...].dimensions == [2, 2])
    #expect(try x[1...2].elements(as: Float.self) == [2, 3, 4, 5])
  }

  /// Classes are whole numbers, one for each sample.
  @Test func classWeightsNeedClasses() throws {
    let model = try Sequential(input: [2]) { Dense(1) }
    for target in [Float.nan, .infinity, 1e30, 0.4, -1] {
      let trainer = try model.compile(optimizer: .sgd(), loss: .meanSquaredError)
      #expect(
        refusal {
          try trainer.trainOnBatch(counted([2, 2]), Tensor([0, target], [2, 1]), classWeights: [0: 2])
        }.contains("sample 1 has the target"))
    }
    let several = try Sequential(input: [2]) { Dense(3, activation: .sigmoid) }
    let trainer = try several.compile(optimizer: .sgd(), loss: .binaryCrossEntropy)
    #expect(
      refusal {
        try trainer.trainOnBatch(counted([1, 2]), Tensor([Float(1), 0, 1], [1, 3]), classWeights: [0: 2])
      }.contains("sample 0 does not have one class"))
    // Values and shares have a largest number, but no class.
    for row in [[0, 0, 0], [0.2, 0.5, 0.3], [7, 2, 1], [1, 0, 0.5], [2, 0, 0], [1, .nan, 0], [1, 1, -1]] as [[Float]] {
      let targets = try Tensor([0, 1, 0] + row, [2, 3])
      let message = refusal { try trainer.trainOnBatch(counted([2, 2]), targets, classWeights: [0: 2]) }
      #expect(message.contains("sample 1 does not have one class") && message.contains("a 1 among zeros"), "\(row)")
      let data = try Dataset(name: "rows", inputs: counted([2, 2]), targets: targets)
      #expect(
        refusal { try data.balancedClassWeights() }.contains("are not a class: a 1 among zeros"), "\(row)")
    }
    let rows = try Dataset(
      name: "rows", inputs: counted([4, 2]), targets: Tensor([0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0] as [Float], [4, 3]))
    #expect(try rows.balancedClassWeights() == [0: 2, 1: 2.0 / 3])
    #expect(try trainer.trainOnBatch(rows.inputs, rows.targets, classWeights: [0: 2])["loss"]?.isFinite == true)
  }

  /// Before the first step: names that will not be logged there, and formats that are none.
  @Test func checkpointsAreCheckedFirst() throws {
    let folder = try TemporaryFolder()
    let cases: [(ModelCheckpoint, String)] = [
      (ModelCheckpoint(folder.file("{epoch:x}")), "has the format 'x'"),
      (ModelCheckpoint(folder.file("{batch}")), "names 'batch', which is not logged"),
      (ModelCheckpoint(folder.file("{val_loss}"), every: .batches(2)), "names 'val_loss', which is not logged"),
      (
        ModelCheckpoint(folder.file("a"), savingBestOnly: true, every: .batches(2)),
        "watches 'val_loss', which is not logged"
      ),
    ]
    for (callback, message) in cases {
      let trainer = try trainer()
      #expect(refusal { try fit(trainer, [callback]) }.contains(message), "\(message)")
      #expect(trainer.stepCount == 0)
    }
    expectUsage("a callback cannot act after each 0 batches") {
      try fit(trainer(), [BackupAndRestore(folder.file("b"), every: .batches(0))])
    }
  }

  /// Validation after each second epoch: columns and checkpoints of epochs without it.
  /// A `fit` that is refused leaves no trace of how it was called.
  @Test func refusedSettingsAreNotKept() throws {
    let (data, trainer) = (try SyntheticImages(count: 8), try trainer())
    try trainer.fit(data.images, data.labels, batchSize: 4, verbose: .silent)
    let kept = trainer.fitSettings
    #expect(throws: ApusError.self) {
      try trainer.fit(data.images, data.labels, batchSize: 2, verbose: .silent, callbacks: [EarlyStopping()])
    }
    #expect(throws: ApusError.self) {
      try trainer.fit(data.images, data.labels, batchSize: 2, epochs: -1, verbose: .silent)
    }
    #expect(trainer.fitSettings == kept && kept?.batchSize == 4)
  }

  @Test func epochsWithoutValidation() throws {
    let folder = try TemporaryFolder()
    try fit(
      trainer(), epochs: 4, frequency: 2,
      [CSVLogger(folder.file("log.csv")), ModelCheckpoint(folder.file("{epoch}-{val_loss:.9f}"))])
    let lines = try folder.text("log.csv").split(separator: "\n")
    #expect(lines[0] == "epoch,accuracy,loss,val_accuracy,val_loss" && lines[1].hasSuffix(",NA,NA"))
    #expect(!lines[2].contains("NA"))
    let saved = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.contains("-") }.sorted()
    #expect(saved.map { $0.prefix(2) } == ["2-", "4-"])
  }

  /// A saved model is no copy of an interrupted training; and another fit is not its continuation.
  @Test func backupsLeaveModelsAlone() throws {
    let folder = try TemporaryFolder()
    let done = try trainer()
    try fit(done, [])
    try done.save(to: folder.file("model"))
    let next = try trainer()
    try fit(next, epochs: 1, [BackupAndRestore(folder.file("model"))])
    #expect(next.stepCount == 3)
    #expect(try Trainer.resumed(from: folder.file("model")).stepCount == done.stepCount)
    struct PowerCut: Error {}
    let cut = LambdaCallback(onEpochEnd: { _, _, _ in throw PowerCut() })
    #expect(throws: PowerCut.self) { try fit(trainer(), [BackupAndRestore(folder.file("copy")), cut]) }
    let data = try SyntheticImages(count: 24)
    #expect(
      refusal {
        try trainer().fit(
          data.images, data.labels, batchSize: 4, epochs: 2, validationSplit: 0.25, verbose: .silent,
          callbacks: [BackupAndRestore(folder.file("copy"))])
      }.contains("the interrupted training cannot go on: it had another batch size"))
  }

  @Test func ratesAndSchedules() throws {
    let trainer = try trainer()
    for rate in [1e300, -1, .nan, .infinity] {
      #expect(refusal { try trainer.setLearningRate(rate) }.contains("a finite number, at least 0"))
    }
    let scheduled = try smallModel().compile(
      optimizer: .sgd(learningRate: .exponentialDecay(0.1, decaySteps: 10, decayRate: 0.5)),
      loss: .sparseCategoricalCrossEntropy)
    #expect(refusal { try fit(scheduled, [ReduceLROnPlateau()]) }.contains("follows exponential_decay"))
    #expect(scheduled.stepCount == 0)
  }

  /// Two models of one name would share weights.
  @Test func modelsOfACustomTrainingHaveNames() throws {
    func model() throws -> Sequential { try Sequential(input: [2]) { Dense(2) } }
    let (first, second) = (try model(), try model())
    let training = CustomTraining(seed: 1)
    #expect(
      refusal {
        try training.step("both", training: first, with: .sgd()) { step in
          let x = try step.input("x", [2])
          return try step.apply(second, step.apply(first, x))
        }
      }.contains("two models are named 'sequential'"))
    // The name of a step that failed is free.
    let step = try training.step("both", training: first, with: .sgd()) { step in
      let y = try step.apply(first, step.input("x", [2]))
      try step.log("size", y * y)
      return try y * y
    }
    #expect(try step.run(["x": counted([3, 2])]).keys.sorted() == ["loss", "size"])
    #expect(
      refusal {
        try training.step("again", training: first, with: .sgd()) { step in
          let y = try step.apply(first, step.input("x", [2]))
          try step.log("loss", y)
          return y
        }
      }.contains("'loss' is logged already"))
  }

  /// A rate that ends at 0, and sums of squares that start there, leave weights as they are.
  @Test func ftrlWithoutARate() throws {
    for optimizer in [Ftrl(options: OptimizerOptions(learningRate: 0)), Ftrl(initialAccumulatorValue: 0)] {
      let builder = GraphBuilder("still")
      let x = try builder.parameter("x", .f32, ["batch", 2])
      let w = try builder.variable("w", .f32, [2], .constant(0.5))
      let trainer = try Trainer(builder.build([x * w]), optimizer: optimizer, loss: .meanSquaredError)
      _ = try trainer.trainOnBatch(Tensor(zeros: .f32, [2, 2]), Tensor(zeros: .f32, [2, 2]))
      #expect(trainer.weights[0].value.doubles() == [0.5, 0.5])
    }
  }
}
