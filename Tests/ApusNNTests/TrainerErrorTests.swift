import Apus
import TestSupport
import Testing

/// What does not fit is refused before anything is trained, in words that name both sides.
@Suite struct TrainerErrorTests {
  private func classifier() throws -> Trainer {
    try smallModel().compile(optimizer: .sgd(), loss: .sparseCategoricalCrossEntropy)
  }

  /// 2-1 on floats.
  private func regression(metrics: [Metric] = []) throws -> Trainer {
    try Sequential(input: [2]) { Dense(1) }.compile(optimizer: .sgd(), loss: .meanSquaredError, metrics: metrics)
  }

  @Test func samplesOfAnotherSize() throws {
    let (data, trainer) = (try SyntheticImages(count: 4), try classifier())
    let wrong = try Tensor(zeros: .u8, [4, 5, 5])
    let message = "the model's input is [4, 4] a sample, but the data has [5, 5]"
    expectError(message) { try trainer.fit(wrong, data.labels, verbose: .silent) }
    expectError(message) { try trainer.evaluate(wrong, data.labels) }
    expectError(message) { try trainer.predict(wrong) }
    expectError(message) { try trainer.trainOnBatch(wrong, data.labels) }
    expectError(message) {
      try trainer.fit(data.images, data.labels, validationData: (wrong, data.labels), verbose: .silent)
    }
    expectError("the model's input is [4, 4] a sample") { try trainer.predict(Tensor(scalar: Float(1))) }
    #expect(trainer.stepCount == 0)
  }

  @Test func samplesOfAnotherType() throws {
    let trainer = try classifier()
    expectError("the model's input is of type u8, which does not hold the data's f32") {
      try trainer.predict(Tensor(zeros: .f32, [1, 4, 4]))
    }
  }

  @Test func labelsThatAreNoClass() throws {
    let (data, trainer) = (try SyntheticImages(count: 4), try classifier())
    expectError("sample 2 has the label 3, but the model has 3 outputs\n  help: labels are 0 … 2") {
      try trainer.fit(data.images, Tensor([0, 1, 3, 9] as [UInt8]), verbose: .silent)
    }
    expectError("sample 1 has the label -1, but the model has 3 outputs") {
      try trainer.evaluate(data.images, Tensor([0, -1, 2, 2] as [Int32]))
    }
    expectError("labels of sparse_categorical_crossentropy must be integers, not f32") {
      try trainer.fit(data.images, Tensor([0, 1, 2, 0] as [Float]), verbose: .silent)
    }
    #expect(trainer.stepCount == 0)
  }

  @Test func countsThatDiffer() throws {
    let (data, trainer) = (try SyntheticImages(count: 4), try classifier())
    expectError("4 samples have 3 targets") {
      try trainer.fit(data.images, data.labels.gather(rows: 0..<3), verbose: .silent)
    }
    expectError("there are no samples") {
      try trainer.fit(data.images.gather(rows: 0..<0), data.labels.gather(rows: 0..<0), verbose: .silent)
    }
    expectError("a batch size of 0 makes no batches") {
      try trainer.fit(data.images, data.labels, batchSize: 0, verbose: .silent)
    }
    expectError("the number of epochs cannot be -1") {
      try trainer.fit(data.images, data.labels, epochs: -1, verbose: .silent)
    }
  }

  @Test func targetsOfAnotherShape() throws {
    let trainer = try regression()
    let (x, y) = (try Tensor(zeros: .f32, [4, 2]), try Tensor(zeros: .f32, [4, 3]))
    let message = "targets of shape [batch, 3] with outputs of shape [batch, 1]"
    expectError(message) { try trainer.fit(x, y, verbose: .silent) }
    expectError(message) { try trainer.evaluate(x, y) }
    // Those for validation are looked at before the first step, not after the first epoch.
    expectError(message) {
      try trainer.fit(x, Tensor(zeros: .f32, [4, 1]), validationData: (x, y), verbose: .silent)
    }
    #expect(trainer.stepCount == 0)
    // A row of targets is as good as a column.
    try trainer.fit(x, Tensor(zeros: .f32, [4]), verbose: .silent)
    #expect(trainer.stepCount == 1)
  }

  @Test func lossesThatDoNotFitTheModel() throws {
    expectError("class numbers of shape [batch, 1] do not fit outputs of shape [batch, 1]") {
      try regression(metrics: [.sparseCategoricalAccuracy])
    }
    expectError("no trainable variables") {
      try Sequential(input: [2]) { Flatten() }.compile(optimizer: .sgd(), loss: .meanSquaredError)
    }
  }

  @Test(arguments: [-1, .nan, .infinity] as [Double]) func ratesThatAreNone(_ rate: Double) throws {
    let trainer = try regression()
    expectError("a learning rate of \(rate) makes no steps") { try trainer.setLearningRate(rate) }
    #expect(abs(trainer.learningRate - 0.01) < 1e-8)
  }
}
