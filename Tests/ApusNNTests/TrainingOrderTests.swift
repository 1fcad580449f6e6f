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

  /// Which way a callback that watches `name` wants it to go.
  private func direction(_ name: String, _ mode: MonitorMode = .auto, of trainer: Trainer) -> Monitor.Direction {
    var monitor = Monitor(name, mode)
    monitor.reset(for: trainer)
    return monitor.direction
  }

  @Test func accuracyShouldRiseAndLossShouldFall() throws {
    // Names say nothing: the metrics do.
    let hits = Metric("hits", largerIsBetter: true) { target, prediction, _ in try target - prediction }
    let misses = Metric("loss_of_accuracy") { target, prediction, _ in try target - prediction }
    let model = try Sequential(input: [2]) { Dense(1) }
    let trainer = try model.compile(
      loss: .meanSquaredError, metrics: [.accuracy, .named("acc"), .meanSquaredError, hits, misses])
    #expect(trainer.logNames == ["loss", "accuracy", "accuracy_1", "mean_squared_error", "hits", "loss_of_accuracy"])
    for name in ["accuracy", "accuracy_1", "hits", "val_accuracy", "val_accuracy_1", "val_hits"] {
      #expect(direction(name, of: trainer) == .larger, "\(name)")
    }
    for name in ["loss", "val_loss", "mean_squared_error", "val_loss_of_accuracy", "learning_rate"] {
      #expect(direction(name, of: trainer) == .smaller, "\(name)")
    }
    #expect(direction("loss", .max, of: trainer) == .larger && direction("hits", .min, of: trainer) == .smaller)
  }

  /// The callback keeps the best epoch of a metric of one's own that should grow, and goes on while it does.
  @Test func callbacksFollowAMetricOfOnesOwn() throws {
    let data = try SyntheticImages(count: 24)
    // Grows from epoch to epoch, as the loss falls.
    let certainty = Metric("certainty", largerIsBetter: true) { _, prediction, _ in try prediction.max(axes: [-1]) }
    let trainer = try smallModel(dropout: 0).compile(
      optimizer: .adam(learningRate: 0.01), loss: .sparseCategoricalCrossEntropy, metrics: [certainty], seed: 3)
    let stopping = EarlyStopping(monitor: "certainty", patience: 1)
    try trainer.fit(data.images, data.labels, batchSize: 8, epochs: 6, verbose: .silent, callbacks: [stopping])
    let values = try #require(trainer.history["certainty"])
    #expect(try #require(values.last) > values[0])
    #expect(values.count > 2, "\(values)")
  }

  /// Each metric that Apus has says which way it improves, also as that of one of several outputs.
  @Test func metricsHaveADirection() throws {
    let growing: Set = [
      "accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy",
      "top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy", "precision", "recall", "f1_score",
      "fbeta_score", "auc", "mean_iou", "r2_score", "cosine_similarity",
    ]
    for name in MetricRegistry.records.map(\.name) where name != "bias" {
      let metric = try Metric.named(name)
      #expect(metric.largerIsBetter == growing.contains(name), "\(name)")
      // Weights of samples change nothing in that.
      #expect(metric.weighted.largerIsBetter == metric.largerIsBetter, "\(name)")
    }
    let input = Input([4])
    let model = try Model(
      inputs: [input], outputs: [Dense(1, name: "head")(input), Dense(3, activation: .softmax, name: "tail")(input)])
    let trainer = try Trainer(
      model.graph, optimizer: SGD(), losses: ["head": .meanSquaredError, "tail": .categoricalCrossEntropy],
      metrics: ["head": [.meanAbsoluteError, .r2Score], "tail": [.accuracy, .accuracy.weighted]])
    let expected = [
      "loss": false, "head_loss": false, "tail_loss": false, "head_mean_absolute_error": false, "head_r2_score": true,
      "tail_accuracy": true, "tail_weighted_accuracy": true,
    ]
    #expect(trainer.logNames.sorted() == expected.keys.sorted())
    for (name, grows) in expected {
      for shown in [name, "val_" + name] {
        #expect((direction(shown, of: trainer) == .larger) == grows, "\(shown)")
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
