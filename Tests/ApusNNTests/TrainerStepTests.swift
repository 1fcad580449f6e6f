import Apus
import TestSupport
import Testing

/// Steps, epochs and gradients under the caller's control.
@Suite struct TrainerStepTests {
  private func trainer(_ optimizer: any Optimizer = .sgd(learningRate: 0.5)) throws -> Trainer {
    try smallModel().compile(optimizer: optimizer, loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy], seed: 1)
  }

  /// A step of gradient descent is the rate times the gradients.
  @Test func gradientsAreThoseOfTheStep() throws {
    let (data, trainer) = (try SyntheticImages(count: 6), try trainer())
    let (before, state) = (trainer.weights, trainer.state)
    let gradients = try trainer.gradients(data.images, data.labels)
    #expect(trainer.state == state, "nothing is updated")
    #expect(gradients.map(\.name) == before.map(\.name))
    _ = try trainer.trainOnBatch(data.images, data.labels)
    for ((old, new), gradient) in zip(zip(before, trainer.weights), gradients) {
      for ((w, v), g) in zip(zip(old.value.doubles(), new.value.doubles()), gradient.value.doubles()) {
        #expect(abs(v - (w - 0.5 * g)) < 1e-6, "\(gradient.name)")
      }
    }
    #expect(gradients.contains { $0.value.doubles().contains { $0 != 0 } })
  }

  /// An epoch begins where the one before ended; passes follow each other in the orders of whole epochs.
  @Test func epochsOfSomeSteps() throws {
    let data = try SyntheticImages(count: 10)
    let (whole, parts) = (try trainer(), try trainer())
    try whole.fit(data.images, data.labels, batchSize: 4, epochs: 4, verbose: .silent)
    let history = try parts.fit(
      data.images, data.labels, batchSize: 4, epochs: 6, verbose: .silent, stepsPerEpoch: 2)
    #expect(history.epochs == Array(0..<6) && parts.stepCount == 12)
    #expect(parts.state == whole.state)
    expectError("an epoch of 0 steps trains nothing") {
      try parts.fit(data.images, data.labels, verbose: .silent, stepsPerEpoch: 0)
    }
    expectError("an epoch of \(Int.max) steps does not end") {
      try parts.fit(data.images, data.labels, verbose: .silent, stepsPerEpoch: .max)
    }
  }

  @Test func validationNowAndThen() throws {
    let (data, trainer) = (try SyntheticImages(count: 20), try trainer())
    let history = try trainer.fit(
      data.images, data.labels, batchSize: 4, epochs: 5, validationSplit: 0.25, verbose: .silent,
      callbacks: [EarlyStopping(patience: 9)], validationSteps: 1, validationBatchSize: 2, validationFrequency: 2)
    #expect(history["val_loss"]?.map(\.isNaN) == [true, false, true, false, true])
    // One batch of two samples, the first of the validation part.
    let last = try trainer.fit(
      data.images, data.labels, batchSize: 4, epochs: 1, validationSplit: 0.25, verbose: .silent, validationSteps: 1,
      validationBatchSize: 2)
    let part = try data.rows(15..<17)
    #expect(last["val_loss"]?.last == (try trainer.testOnBatch(part.images, part.labels)["loss"]))
    // More steps than there are batches are all batches, once.
    let all = try trainer.fit(
      data.images, data.labels, batchSize: 4, epochs: 1, validationSplit: 0.25, verbose: .silent, validationSteps: 3)
    let rest = try data.rows(15..<20)
    let loss = try #require(all["val_loss"]?.last)
    #expect(abs(loss - (try trainer.evaluate(rest.images, rest.labels)["loss"] ?? .nan)) < 1e-6)
    expectError("validationSteps is at least 1") {
      try trainer.fit(
        data.images, data.labels, validationSplit: 0.25, verbose: .silent, validationSteps: 0)
    }
    expectError("validationFrequency is at least 1") {
      try trainer.fit(data.images, data.labels, verbose: .silent, validationFrequency: 0)
    }
  }

  /// Weights of classes are for training alone.
  @Test func validationKnowsNoClassWeights() throws {
    let (data, trainer) = (try SyntheticImages(count: 20), try trainer())
    let history = try trainer.fit(
      data.images, data.labels, epochs: 1, validationSplit: 0.25, verbose: .silent, classWeights: [0: 9, 1: 9, 2: 9])
    let part = try data.rows(15..<20)
    #expect(history["val_loss"]?.last == (try trainer.testOnBatch(part.images, part.labels)["loss"]))
  }

  /// With a first epoch, `epochs` is where training ends; orders are those of these epochs.
  @Test func trainingMayBeginLate() throws {
    let data = try SyntheticImages(count: 12)
    let (late, whole) = (try trainer(), try trainer())
    let history = try late.fit(
      data.images, data.labels, batchSize: 4, epochs: 5, verbose: .silent, initialEpoch: 3)
    #expect(history.epochs == [3, 4] && late.stepCount == 6)
    try whole.fit(data.images, data.labels, batchSize: 4, epochs: 3, verbose: .silent)
    for (name, value) in try trainer().weights { try whole.session.setValue(value, of: name) }
    try whole.fit(data.images, data.labels, batchSize: 4, epochs: 2, verbose: .silent)
    #expect(whole.weights.map(\.value) == late.weights.map(\.value))
    expectError("5 epochs are done already") {
      try late.fit(data.images, data.labels, epochs: 9, verbose: .silent, initialEpoch: 2)
    }
    expectError("epochs says where training ends") {
      try late.fit(data.images, data.labels, epochs: 1, verbose: .silent, initialEpoch: 7)
    }
  }

  // MARK: Compiling again

  @Test func compilingAgainKeepsTheWeights() throws {
    let data = try SyntheticImages(count: 12)
    let model = try smallModel()
    let first = try model.compile(optimizer: .sgd(), loss: .sparseCategoricalCrossEntropy, seed: 1)
    try first.fit(data.images, data.labels, verbose: .silent)
    let second = try model.compile(
      optimizer: .adam(), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy], seed: 2)
    #expect(second.weights.map(\.value) == first.weights.map(\.value))
    #expect(second.stepCount == 0 && second.history.epochs.isEmpty && second.optimizer.name == "adam")
    let third = try first.compile(optimizer: .rmsprop())
    #expect(third.weights.map(\.value) == first.weights.map(\.value) && third.stepCount == 0)
    // They part from there.
    try third.fit(data.images, data.labels, verbose: .silent)
    #expect(third.weights.map(\.value) != first.weights.map(\.value))
    // A model that is only compiled begins with the seed that is given last.
    let untrained = try smallModel()
    let one = try untrained.compile(loss: .sparseCategoricalCrossEntropy, seed: 1)
    #expect(
      try untrained.compile(loss: .sparseCategoricalCrossEntropy, seed: 2).weights.map(\.value)
        != one.weights.map(\.value))
  }

  @Test func layersShowWhatTheyMake() throws {
    let (data, trainer) = (try SyntheticImages(count: 5), try trainer())
    let hidden = try trainer.outputs(of: "dense", for: data.images, batchSize: 2)
    #expect(
      hidden.dimensions == [5, 8] && hidden.doubles().allSatisfy { $0 >= 0 } && hidden.doubles().contains { $0 > 0 })
    #expect(try trainer.outputs(of: "dense_1", for: data.images) == trainer.predict(data.images))
    expectError("the model has no layer 'dens'\n  help: did you mean 'dense'?") {
      try trainer.outputs(of: "dens", for: data.images)
    }
  }

  @Test func trainersAndHistoriesArePrinted() throws {
    let (data, trainer) = (try SyntheticImages(count: 8), try trainer())
    let history = try trainer.fit(
      data.images, data.labels, batchSize: 4, epochs: 2, verbose: .silent)
    let lines = "\(trainer)".split(separator: "\n")
    #expect(lines.count == 6 && lines[0] == "Trainer of 'small': 163 trainable parameters", "\(trainer)")
    #expect(lines[1] == "optimizer: \(trainer.optimizer.specification)")
    #expect(lines[4] == "trained: 2 epochs, 4 steps" && lines[5].hasPrefix("epoch 2 - accuracy: 0."))
    let table = "\(history)".split(separator: "\n")
    #expect(table.count == 3 && table[0] == "epoch  accuracy    loss", "\(history)")
    #expect(table[2].hasPrefix("    2    ") && table.allSatisfy { $0.count == table[0].count })
  }

  // MARK: Errors

  @Test func oneSampleNeedsItsAxis() throws {
    let (data, trainer) = (try SyntheticImages(count: 2), try trainer())
    expectError("this is one sample without its axis of samples: reshape it to [1, 4, 4]") {
      try trainer.predict(data.images[0])
    }
  }

  @Test func graphsAreBoundFirst() throws {
    let graph = try smallModel(dropout: 0.5).graph
    let images = try SyntheticImages(count: 2).images
    expectError("graph @small is not bound to a mode: dropout of layer 'dropout' does different things") {
      try Session().run(graph, feeds: ["input": images])
    }
    let bound = try graph.bound(to: .inference)
    #expect(try Session().run(bound, feeds: ["input": images])[0].dimensions == [2, 3])
    expectError("f32[2, 4, 4]") { try Session().run(bound, feeds: ["input": Tensor(images, as: Float.self)]) }
  }

  @Test func valuesOfOtherGraphsAreRefused() throws {
    let (one, two) = (GraphBuilder("one"), GraphBuilder("two"))
    let (v, x) = (try one.variable("v", .f32, [2]), try two.parameter("x", .f32, [2]))
    for body in [
      { _ = try v + x }, { try one.update(v, to: x) }, { _ = try one.build([x]) },
      { _ = try gradients(of: v.sum(), withRespectTo: [x]) },
    ] as [() throws -> Void] {
      expectError("belong") { try body() }
    }
  }

  @Test func wholeNumbersCannotBeTrained() throws {
    let graph = try Graph.parse(
      """
      graph @g(%x: f32[batch, 2]) {
        %w: i32[2, 1] = variable(ones)
        %v = cast(%w, dtype: f32)
        %y = matmul(%x, %v)
        return %y
      }
      """)[0]
    expectError("variable 'w' is a i32[2, 1], and steps along a gradient are no whole numbers") {
      try Trainer(graph, optimizer: .sgd(), loss: .meanSquaredError)
    }
  }
}
