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
    expectError("was trained with the optimizer adam(learning_rate=0.01") {
      try otherOptimizer.resume(from: folder.path)
    }

    let otherModel = try Sequential(name: "small", input: [4, 4], dtype: .u8) {
      Rescaling(scale: 1 / 255)
      Flatten()
      Dense(9, activation: .relu)
      Dense(3, activation: .softmax)
    }.compile(optimizer: .adam(learningRate: 0.01), loss: .sparseCategoricalCrossEntropy)
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

  /// To resume is to go on with everything: other settings are refused.
  @Test func otherSettingsAreRefused() throws {
    let folder = try TemporaryFolder()
    try trainer(.adam(learningRate: 0.01)).save(to: folder.path)
    let faster = try trainer(.adam(learningRate: 0.5))
    expectError("was trained with the optimizer adam(learning_rate=0.01, beta_1") {
      try faster.resume(from: folder.path)
    }
    #expect(abs(faster.learningRate - 0.5) < 1e-8, "nothing is changed")
    let other = try smallModel(dropout: 0.25).compile(
      optimizer: .adam(learningRate: 0.01), loss: .sparseCategoricalCrossEntropy(fromLogits: true))
    expectError("was trained with the loss sparse_categorical_crossentropy, not with sparse_categorical_crossentropy(")
    {
      try other.resume(from: folder.path)
    }
  }

  /// Weights alone bring neither the optimizer's state nor its rate nor the step.
  @Test func weightsAloneBeginAnew() throws {
    let (folder, data) = (try TemporaryFolder(), try SyntheticImages(count: 8))
    let saved = try trainer()
    try fit(saved, epochs: 2)
    try saved.save(to: folder.path)
    let anew = try trainer(.adam(learningRate: 0.125))
    let first = anew.optimizerState.map(\.value)
    try anew.session.loadModelWeights(from: folder.path, of: anew.model)
    #expect(anew.weights.map(\.value) == saved.weights.map(\.value))
    #expect(anew.optimizerState.map(\.value) == first && anew.stepCount == 0 && anew.learningRate == 0.125)
    try anew.fit(data.images, data.labels, verbose: .silent)
    #expect(anew.history.epochs == [0])
  }

  @Test func classNamesAndFitSettingsAreSaved() throws {
    let folder = try TemporaryFolder()
    let saved = try trainer()
    saved.classNames = ["circle", "square", "star, or \"none\""]
    try fit(saved, epochs: 1)
    try saved.save(to: folder.path)
    let resumed = try Trainer.resumed(from: folder.path)
    #expect(resumed.classNames == saved.classNames)
    #expect(resumed.fitSettings == FitSettings(batchSize: 8, validationSplit: 0.2, shuffle: true))
  }

  // MARK: Saves that end half way

  /// Another model than `trainer()`'s: neither its graph nor its weights fit the other's.
  private func otherTrainer() throws -> Trainer {
    try Sequential(name: "other", input: [4, 4], dtype: .u8) {
      Rescaling(scale: 1 / 255)
      Flatten()
      Dense(5, activation: .softmax)
    }.compile(optimizer: .sgd(), loss: .sparseCategoricalCrossEntropy)
  }

  /// A save that was killed after the first `moved` of its files went to their places, over those of another model.
  @Test(arguments: 0...3) func aKilledSaveLeavesOneModel(_ moved: Int) throws {
    let (folder, parts) = (try TemporaryFolder(), try TemporaryFolder())
    let (old, new) = (try otherTrainer(), try trainer())
    try fit(new, epochs: 1)
    try old.save(to: folder.path)
    try new.save(to: parts.path)
    let hidden = ".apus-saved"
    try FileManager.default.createDirectory(atPath: folder.file(hidden), withIntermediateDirectories: true)
    for (position, file) in ["model.graph", "training.json", "weights.safetensors"].enumerated() {
      _ = try folder.write(Array(parts.bytes(file)), as: position < moved ? file : "\(hidden)/\(file)")
    }
    let loaded = try Trainer.resumed(from: folder.path)
    #expect(loaded.model.description == new.model.description)
    #expect(loaded.state == new.state && loaded.history == new.history)
    try old.save(to: folder.path)
    #expect(try folder.names == ["model.graph", "training.json", "weights.safetensors"])
    #expect(try Trainer.resumed(from: folder.path).state == old.state)
  }

  @Test func aModelThatCannotBeWrittenLeavesTheOldOne() throws {
    let folder = try TemporaryFolder()
    let saved = try trainer()
    try saved.save(to: folder.path)
    try FileManager.default.removeItem(atPath: folder.file("training.json"))
    try FileManager.default.createDirectory(
      atPath: folder.file("training.json/mine"), withIntermediateDirectories: true)
    expectError("training.json: is a directory") { try otherTrainer().save(to: folder.path) }
    #expect(try Trainer.resumed(from: folder.path).state == saved.state)
    #expect(try folder.names == ["model.graph", "training.json", "weights.safetensors"])
  }

  /// A model of NaNs does not replace a good one, unless that is said.
  @Test func modelsOfNaNsAreNotSaved() throws {
    let folder = try TemporaryFolder()
    let good = try trainer()
    try fit(good, epochs: 1)
    try good.save(to: folder.path)
    let bad = try trainer()
    let bias = try #require(bad.session.value(of: "dense/bias"))
    try bad.session.setValue(Tensor(repeating: .infinity, bias.dtype, bias.dimensions), of: "dense/bias")
    expectError("is not saved to '\(folder.path)': its weights 'dense/bias' are not finite") {
      try bad.save(to: folder.path)
    }
    #expect(try Trainer.resumed(from: folder.path).state == good.state)
    var warnings: [String] = []
    bad.warningHandler = { warnings.append($0.message) }
    let data = try SyntheticImages(count: 8)
    try bad.fit(
      data.images, data.labels, verbose: .silent, callbacks: [ModelCheckpoint(folder.path)],
      onNonFiniteLoss: .continue)
    #expect(warnings.count == 1 && warnings[0].hasPrefix("epoch 1 is not saved to"), "\(warnings)")
    #expect(try Trainer.resumed(from: folder.path).state == good.state)
    try bad.save(to: folder.path, allowingNonFinite: true)
    #expect(try Trainer.resumed(from: folder.path).stepCount == bad.stepCount)
  }
}
