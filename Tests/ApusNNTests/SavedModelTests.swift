import Apus
import Foundation
import TestSupport
import Testing

/// Training that is interrupted goes on as if it had not been.
@Suite struct SavedModelTests {
  private func trainer(
    _ optimizer: any Optimizer = .adam(learningRate: 0.01), seed: UInt64 = 5, dropout: Double = 0.25
  ) throws -> Trainer {
    try smallModel(dropout: dropout).compile(
      optimizer: optimizer, loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy], seed: seed)
  }

  private func fit(_ trainer: Trainer, epochs: Int) throws {
    let data = try SyntheticImages(count: 22)
    try trainer.fit(data.images, data.labels, batchSize: 8, epochs: epochs, validationSplit: 0.2, verbose: .silent)
  }

  @Test func theSameSeedGivesTheSameBytes() throws {
    let folders = [try TemporaryFolder(), try TemporaryFolder()]
    for folder in folders {
      let trainer = try trainer()
      try fit(trainer, epochs: 2)
      try trainer.save(to: folder.path)
    }
    for file in ["model.graph", "weights.safetensors", "training.json"] {
      #expect(try folders[0].bytes(file) == folders[1].bytes(file), "\(file)")
    }
    let other = try trainer(seed: 6)
    try fit(other, epochs: 2)
    try other.save(to: folders[1].path)
    #expect(try folders[0].bytes("weights.safetensors") != folders[1].bytes("weights.safetensors"))
  }

  @Test(arguments: ["sgd(momentum=0.9)", "rmsprop", "adam"])
  func resumedTrainingGivesTheSameBytes(_ optimizer: String) throws {
    let (through, stopped) = (try TemporaryFolder(), try TemporaryFolder())
    let whole = try trainer(OptimizerRegistry.named(optimizer))
    try fit(whole, epochs: 4)
    try whole.save(to: through.path)

    let first = try trainer(OptimizerRegistry.named(optimizer))
    try fit(first, epochs: 1)
    try first.save(to: stopped.path)
    // Everything comes from the folder: graph, optimizer, loss, metrics, seed.
    let second = try Trainer.resumed(from: stopped.path)
    #expect(second.nextEpoch == 1 && second.stepCount == first.stepCount && second.seed == 5)
    try fit(second, epochs: 3)
    try second.save(to: stopped.path)

    #expect(second.history == whole.history)
    for file in ["model.graph", "weights.safetensors", "training.json"] {
      #expect(try through.bytes(file) == stopped.bytes(file), "\(file) with \(optimizer)")
    }
  }

  /// A seed that no double holds, and an epoch without the validation that began later.
  @Test func numbersOfTheStateAreWhole() throws {
    let folder = try TemporaryFolder()
    let data = try SyntheticImages(count: 22)
    let first = try trainer(seed: .max)
    try first.fit(data.images, data.labels, batchSize: 8, epochs: 1, verbose: .silent)
    try fit(first, epochs: 1)
    try first.save(to: folder.path)
    let json = try folder.text("training.json")
    #expect(json.contains("\"seed\" : 18446744073709551615") && json.contains("\"NaN\""), "\(json)")
    let second = try Trainer.resumed(from: folder.path)
    #expect(second.seed == .max)
    let (before, after) = (try #require(first.history["val_loss"]), try #require(second.history["val_loss"]))
    #expect(after.count == 2 && after[0].isNaN && after[1] == before[1])
  }

  @Test func aSetLearningRateIsKept() throws {
    let folder = try TemporaryFolder()
    let first = try trainer()
    try first.setLearningRate(0.125)
    try first.save(to: folder.path)
    #expect(try Trainer.resumed(from: folder.path).learningRate == 0.125)
  }

  @Test func weightsAlonePredictTheSame() throws {
    let folder = try TemporaryFolder()
    let (data, saved) = (try SyntheticImages(count: 5), try trainer())
    try fit(saved, epochs: 1)
    try saved.save(to: folder.path)
    let other = try trainer(.sgd(), seed: 9)
    #expect(try other.predict(data.images) != saved.predict(data.images))
    try other.session.loadModelWeights(from: folder.path, of: other.model)
    #expect(try other.predict(data.images) == saved.predict(data.images))
  }

  @Test func whatDoesNotFitIsRefusedAndChangesNothing() throws {
    let folder = try TemporaryFolder()
    let saved = try trainer()
    try fit(saved, epochs: 1)
    try saved.save(to: folder.path)

    let otherOptimizer = try trainer(.sgd())
    expectError("was trained with adam, not with sgd") { try otherOptimizer.resume(from: folder.path) }

    let otherModel = try Sequential(name: "small", input: [4, 4], dtype: .u8) {
      Rescaling(scale: 1 / 255)
      Flatten()
      Dense(9, activation: .relu)
      Dense(3, activation: .softmax)
    }.compile(optimizer: .adam(), loss: .sparseCategoricalCrossEntropy)
    let before = otherModel.state
    expectError(
      "tensor 'dense/bias' of '\(folder.file("weights.safetensors"))' is a f32[8], but the model has a f32[9]"
    ) {
      try otherModel.resume(from: folder.path)
    }
    #expect(otherModel.state == before)
    #expect(otherModel.history.epochs.isEmpty)

    let empty = try TemporaryFolder()
    expectError("weights.safetensors") { try Trainer.resumed(from: empty.path) }
  }

  @Test func otherSettingsAreWarnedOf() throws {
    let folder = try TemporaryFolder()
    try trainer(.adam(learningRate: 0.01)).save(to: folder.path)
    let other = try trainer(.adam(learningRate: 0.5))
    var warnings: [String] = []
    other.warningHandler = { warnings.append($0.message) }
    try other.resume(from: folder.path)
    #expect(warnings.count == 1 && warnings[0].contains("was trained with the optimizer adam(learning_rate=0.01"))
    #expect(abs(other.learningRate - 0.01) < 1e-8)
  }
}
