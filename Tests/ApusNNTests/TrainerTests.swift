import Apus
import TestSupport
import Testing

/// What `fit`, `evaluate` and `predict` do with samples.
@Suite struct TrainerTests {
  private func trainer(seed: UInt64 = 1, dropout: Double = 0) throws -> Trainer {
    let trainer = try smallModel(dropout: dropout).compile(
      optimizer: .adam(learningRate: 0.01), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy], seed: seed)
    trainer.warningHandler = { Issue.record("unexpected: \($0)") }
    return trainer
  }

  // MARK: History

  @Test func historyHasAValueAnEpoch() throws {
    let (data, trainer) = (try SyntheticImages(count: 40), try trainer())
    let first = try trainer.fit(data.images, data.labels, batchSize: 16, epochs: 2, verbose: .silent)
    #expect(first.names == ["accuracy", "loss"])
    #expect(first.epochs == [0, 1])
    #expect(first.names.allSatisfy { first[$0]?.count == 2 })

    // Validation begins late: earlier epochs have no value, and none moves.
    let second = try trainer.fit(
      data.images, data.labels, batchSize: 16, epochs: 3, validationSplit: 0.25, verbose: .silent)
    #expect(second.names == ["accuracy", "loss", "val_accuracy", "val_loss"])
    #expect(second.epochs == [2, 3, 4])
    #expect(trainer.history.epochs == [0, 1, 2, 3, 4])
    #expect(trainer.history["loss"]?.prefix(2) == first["loss"]?[...])
    #expect(trainer.history["val_loss"]?.map(\.isNaN) == [true, true, false, false, false])
    #expect(trainer.history["nothing"] == nil)
    #expect(trainer.nextEpoch == 5)
  }

  @Test func noEpochsTrainNothing() throws {
    let (data, trainer) = (try SyntheticImages(count: 8), try trainer())
    let before = trainer.state
    let history = try trainer.fit(data.images, data.labels, epochs: 0, verbose: .silent)
    #expect(history.epochs.isEmpty && history.names.isEmpty)
    #expect(trainer.state == before)
  }

  @Test func lossFalls() throws {
    let (data, trainer) = (try SyntheticImages(count: 60), try trainer())
    let history = try trainer.fit(data.images, data.labels, batchSize: 10, epochs: 12, verbose: .silent)
    let loss = try #require(history["loss"])
    #expect(loss[11] < loss[0] / 2, "\(loss)")
    let fresh = try SyntheticImages(count: 30, seed: 9)
    #expect(try #require(trainer.evaluate(fresh.images, fresh.labels)["accuracy"]) > 0.9)
  }

  // MARK: Batches

  @Test(arguments: [(10, 4, 3), (12, 4, 3), (3, 8, 1), (1, 1, 1)])
  func theLastBatchMayBeShort(_ count: Int, _ batchSize: Int, _ steps: Int) throws {
    let (data, trainer) = (try SyntheticImages(count: count), try trainer())
    try trainer.fit(data.images, data.labels, batchSize: batchSize, epochs: 2, verbose: .silent)
    #expect(trainer.stepCount == 2 * steps, "\(count) samples in batches of \(batchSize)")
  }

  /// `fit` is a loop over batches in order, each weighted by its samples.
  @Test func isALoopOverBatches() throws {
    let data = try SyntheticImages(count: 10)
    let (fitted, looped) = (try trainer(), try trainer())
    let history = try fitted.fit(data.images, data.labels, batchSize: 4, epochs: 1, shuffle: false, verbose: .silent)
    var loss = 0.0
    for rows in [0..<4, 4..<8, 8..<10] {
      let batch = try data.rows(rows)
      loss += try #require(looped.trainOnBatch(batch.images, batch.labels)["loss"]) * Double(rows.count)
    }
    #expect(fitted.state == looped.state)
    #expect(abs(try #require(history["loss"]?.first) - loss / 10) < 1e-12)
  }

  @Test func aNewOrderInEachEpoch() throws {
    let data = try SyntheticImages(count: 24)
    func weights(seed: UInt64, shuffle: Bool) throws -> [String: Tensor] {
      // The same weights to begin with, so that only the order can differ.
      let trainer = try trainer(seed: seed)
      for (name, value) in try self.trainer().weights { try trainer.session.setValue(value, of: name) }
      try trainer.fit(data.images, data.labels, batchSize: 8, epochs: 1, shuffle: shuffle, verbose: .silent)
      return trainer.state
    }
    #expect(try weights(seed: 1, shuffle: true) == weights(seed: 1, shuffle: true))
    #expect(try weights(seed: 1, shuffle: true) != weights(seed: 2, shuffle: true))
    #expect(try weights(seed: 1, shuffle: false) == weights(seed: 2, shuffle: false))
    #expect(try weights(seed: 1, shuffle: true) != weights(seed: 1, shuffle: false))
  }

  // MARK: Validation

  /// The last fraction, before shuffling: training never sees it, and its values are those of `evaluate`.
  @Test func validationIsTheLastFraction() throws {
    let data = try SyntheticImages(count: 20)
    let (split, given) = (try trainer(), try trainer())
    let history = try split.fit(
      data.images, data.labels, batchSize: 4, epochs: 2, validationSplit: 0.25, verbose: .silent)
    let (train, validation) = (try data.rows(0..<15), try data.rows(15..<20))
    try given.fit(
      train.images, train.labels, batchSize: 4, epochs: 2,
      validationData: (validation.images, validation.labels), verbose: .silent)
    #expect(split.state == given.state)
    #expect(split.stepCount == 8)
    #expect(split.history == given.history)
    let scores = try split.evaluate(validation.images, validation.labels, batchSize: 4)
    #expect(history["val_loss"]?.last == scores["loss"])
    #expect(history["val_accuracy"]?.last == scores["accuracy"])
  }

  @Test func badSplitsAreRefused() throws {
    let (data, trainer) = (try SyntheticImages(count: 4), try trainer())
    for split in [1, -0.5, Double.nan] {
      expectError("a validation split of \(split) is not a part") {
        try trainer.fit(data.images, data.labels, validationSplit: split, verbose: .silent)
      }
    }
    expectError("4 samples, too few to split a part of 0.9 off for validation") {
      try trainer.fit(data.images, data.labels, validationSplit: 0.9, verbose: .silent)
    }
    #expect(trainer.stepCount == 0)
  }

  @Test func labelsThatTrainingLacksAreWarnedOf() throws {
    let data = try SyntheticImages(count: 10)
    let trainer = try trainer()
    var warnings: [Diagnostic] = []
    trainer.warningHandler = { warnings.append($0) }
    let sorted = try Tensor([0, 1, 0, 1, 0, 1, 0, 1, 2, 2] as [UInt8], [10])
    try trainer.fit(data.images, sorted, epochs: 1, validationSplit: 0.2, verbose: .silent)
    #expect(warnings.count == 1)
    #expect(warnings.first?.severity == .warning)
    #expect(
      warnings.first?.message
        == "the validation part, the last 2 samples, holds labels that the training part lacks: 2")

    // All of them known: nothing to warn of. Data that a user separated is a user's choice.
    let mixed = try Tensor([2, 1, 0, 1, 0, 1, 0, 1, 2, 2] as [UInt8], [10])
    try trainer.fit(data.images, mixed, epochs: 1, validationSplit: 0.2, verbose: .silent)
    try trainer.fit(
      data.images.gather(rows: 0..<8), sorted.gather(rows: 0..<8), epochs: 1,
      validationData: (data.images.gather(rows: 8..<10), sorted.gather(rows: 8..<10)), verbose: .silent)
    #expect(warnings.count == 1)
  }

  // MARK: Evaluation and prediction

  @Test func evaluationIsAMeanOverSamples() throws {
    let (data, trainer) = (try SyntheticImages(count: 10), try trainer(dropout: 0.5))
    try trainer.fit(data.images, data.labels, epochs: 1, verbose: .silent)
    let before = trainer.state
    let whole = try trainer.testOnBatch(data.images, data.labels)
    for batchSize in [1, 3, 10, 64] {
      let parts = try trainer.evaluate(data.images, data.labels, batchSize: batchSize)
      #expect(parts.keys.sorted() == ["accuracy", "loss"])
      for (name, value) in parts { #expect(abs(value - (whole[name] ?? .nan)) < 1e-6, "\(name) by \(batchSize)") }
    }
    #expect(trainer.state == before, "evaluation changes nothing")
  }

  @Test func predictionHasARowASample() throws {
    let (data, trainer) = (try SyntheticImages(count: 10), try trainer(dropout: 0.5))
    let all = try trainer.predict(data.images, batchSize: 64)
    #expect(all.type == TensorType(.f32, [10, 3]))
    for row in 0..<10 {
      let sum: Double = all.doubles()[3 * row..<3 * row + 3].reduce(0, +)
      #expect(abs(sum - 1) < 1e-6)
    }
    for batchSize in [1, 4] {
      for (x, y) in zip(try trainer.predict(data.images, batchSize: batchSize).doubles(), all.doubles()) {
        #expect(abs(x - y) < 1e-6)
      }
    }
    let none = try trainer.predict(data.images.gather(rows: 0..<0))
    #expect(none.dimensions == [0, 3])
    // The accuracy is that of the predictions.
    let values = all.doubles()
    let hits = data.labels.doubles().enumerated().count { row, label in
      let scores = values[3 * row..<3 * row + 3]
      return scores.max() == scores[3 * row + Int(label)]
    }
    let accuracy = try #require(trainer.evaluate(data.images, data.labels)["accuracy"])
    #expect(abs(accuracy - Double(hits) / 10) < 1e-6)
  }

  @Test func shapesWithAsManyElementsAreTheSame() throws {
    let (data, trainer) = (try SyntheticImages(count: 6), try trainer())
    let expected = try trainer.predict(data.images)
    for dimensions in [[6, 16], [6, 4, 4, 1], [6, 1, 4, 4], [6, 2, 2, 4]] {
      #expect(try trainer.predict(data.images.reshaped(dimensions)) == expected)
    }
    #expect(throws: ApusError.self) { try trainer.predict(data.images.reshaped([6, 2, 8])) }
  }
}
