import Apus
import TestSupport
import Testing

@testable import ApusNN

/// In which order samples are trained on, also after a model was saved, and which way what is watched improves.
@Suite struct TrainingOrderTests {
  private func trainer(seed: UInt64) throws -> Trainer {
    try smallModel(dropout: 0).compile(
      optimizer: .adam(learningRate: 0.01), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy], seed: seed)
  }

  /// Epoch by epoch, batch by batch, with the permutations of the seed and the epoch.
  @Test func eachEpochHasAnOrderOfItsOwn() throws {
    let data = try SyntheticImages(count: 10)
    let (fitted, looped) = (try trainer(seed: 3), try trainer(seed: 3))
    try fitted.fit(data.images, data.labels, batchSize: 4, epochs: 3, verbose: .silent)
    var orders: Set<[Int]> = []
    for epoch in 0..<3 {
      let order = Shuffle.permutation(count: 10, seed: 3, epoch: epoch)
      orders.insert(order)
      for batch in [order[0..<4], order[4..<8], order[8..<10]] {
        let rows = Array(batch)
        _ = try looped.trainOnBatch(data.images.gather(rows: rows), data.labels.gather(rows: rows))
      }
    }
    #expect(orders.count == 3)
    #expect(fitted.state == looped.state)
  }

  /// The order goes on with the saved seed, whatever the seed of the trainer is that takes it up.
  @Test func aResumedRunGoesOnInTheSavedOrder() throws {
    let data = try SyntheticImages(count: 24)
    func fit(_ trainer: Trainer, _ epochs: Int) throws {
      try trainer.fit(data.images, data.labels, batchSize: 8, epochs: epochs, verbose: .silent)
    }
    let (whole, first, second) = (try trainer(seed: 5), try trainer(seed: 5), try trainer(seed: 6))
    try fit(whole, 3)
    try fit(first, 1)
    let folder = try TemporaryFolder()
    try first.save(to: folder.path)
    try second.resume(from: folder.path)
    try fit(second, 2)
    #expect(second.seed == 5)
    #expect(second.state == whole.state)
  }

  @Test func accuracyShouldRiseAndLossShouldFall() {
    for name in ["accuracy", "val_accuracy", "val_binary_accuracy", "acc", "val_acc"] {
      #expect(Monitor(name, .auto).direction == .larger, "\(name)")
    }
    for name in ["loss", "val_loss", "mean_squared_error", "accuracy_loss"] {
      #expect(Monitor(name, .auto).direction == .smaller, "\(name)")
    }
    #expect(Monitor("loss", .max).direction == .larger && Monitor("accuracy", .min).direction == .smaller)
  }

  /// Each metric that Apus has goes the way that its name says, also as that of one of several outputs.
  @Test func metricsHaveADirection() {
    let growing: Set = [
      "accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy",
      "top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy", "precision", "recall", "f1_score",
      "fbeta_score", "auc", "mean_iou", "r2_score", "cosine_similarity",
    ]
    for name in MetricRegistry.records.map(\.name) where name != "bias" {
      for shown in [name, "val_\(name)", "head_\(name)", "val_\(name)_1"] {
        #expect((Monitor(shown, .auto).direction == .larger) == growing.contains(name), "\(shown)")
      }
    }
  }

  /// At ½ itself an output is on the side of 0, as in Keras.
  @Test func binaryAccuracyDecidesAtOneHalf() throws {
    let model = try Sequential(input: [1]) { Dense(1, useBias: false, kernelInitializer: .ones) }
    let trainer = try model.compile(optimizer: .sgd(), loss: .meanSquaredError, metrics: [.binaryAccuracy])
    let outputs: [Float] = [0.01, 0.41, 0.49, 0.5, 0.51, 0.99]
    let targets: [Float] = [0, 0, 0, 0, 1, 1]
    let scores = try trainer.evaluate(
      Tensor(outputs, [6, 1]), Tensor(targets, [6, 1]))
    #expect(scores["binary_accuracy"] == 1)
  }
}
