import Apus
import ApusGraph
import Foundation
import TestSupport
import Testing

@testable import ApusNN

/// Metrics against Keras's own, over batches of unequal sizes.
@Suite struct MetricTests {
  struct Reference: Decodable {
    let metric: String
    let target: [Double]
    let isLabel: Bool
    let prediction: [Double]
    let width: Int
    let value: Double

    private enum CodingKeys: String, CodingKey {
      case metric, target, prediction, width, value
      case isLabel = "is_label"
    }
  }

  /// A model whose output is its input.
  private static func trainer(_ metric: Metric, width: Int, isLabel: Bool, dtype: DType = .f64) throws -> Trainer {
    let builder = GraphBuilder("identity")
    let x = try builder.parameter("x", dtype, ["batch", .number(width)])
    let w = try builder.variable("w", dtype, [], .ones)
    return try Trainer(
      builder.build([x * w]), optimizer: .sgd(learningRate: 0),
      loss: isLabel ? .sparseCategoricalCrossEntropy : .meanSquaredError, metrics: [metric])
  }

  private static func data(_ test: Reference) throws -> (inputs: Tensor, targets: Tensor) {
    let count = test.prediction.count / test.width
    return (
      try Tensor(test.prediction, [count, test.width]),
      test.isLabel ? try Tensor(test.target.map { UInt8($0) }, [count]) : try Tensor(test.target, [count, test.width])
    )
  }

  @Test func agreeWithKeras() throws {
    let references: [Reference] = try resource("metrics.json")
    #expect(references.count == 40)
    for test in references {
      let metric = try Metric.named(test.metric)
      let trainer = try Self.trainer(metric, width: test.width, isLabel: test.isLabel)
      let (inputs, targets) = try Self.data(test)
      // Batches of 4, 4 and 3, in evaluation and in training.
      let found = try trainer.evaluate(inputs, targets, batchSize: 4)[metric.name] ?? .nan
      #expect(abs(found - test.value) <= 1e-5 * max(1, abs(test.value)), "\(test.metric): \(found), not \(test.value)")
      let history = try trainer.fit(
        inputs, targets, batchSize: 4, epochs: 3, validationData: (inputs, targets), verbose: .silent)
      for name in [metric.name, "val_\(metric.name)"] {
        // Sums begin anew with each epoch.
        for value in try #require(history[name]) {
          #expect(abs(value - found) <= 1e-6 * max(1, abs(found)), "\(test.metric), \(name): \(value), not \(found)")
        }
      }
      let whole = try trainer.testOnBatch(inputs, targets)[metric.name] ?? .nan
      #expect(abs(whole - found) <= 1e-6 * max(1, abs(found)), "\(test.metric): \(whole) of one batch")
    }
  }

  /// Precision over batches is not a mean of the batches' precisions.
  @Test func sumsAreAddedNotMeans() throws {
    let trainer = try Self.trainer(.precision(), width: 1, isLabel: false)
    let inputs = try Tensor([1.0, 1, 1, 0], [4, 1])
    let targets = try Tensor([1.0, 0, 0, 1], [4, 1])
    // Batches: 1 of 2, 0 of 1.
    #expect(try trainer.evaluate(inputs, targets, batchSize: 2)["precision"] == 1.0 / 3)
    // With a callback batches run one by one.
    var seen: [Double] = []
    let watch = LambdaCallback(onBatchEnd: { _, logs, _ in seen.append(logs["precision"] ?? .nan) })
    try trainer.fit(inputs, targets, batchSize: 2, shuffle: false, verbose: .silent, callbacks: [watch])
    #expect(seen == [0.5, 1.0 / 3])
  }

  @Test func nothingToCountIsZero() throws {
    for (metric, expected) in [(Metric.precision(), 0.0), (.recall(), 0), (.f1Score(threshold: 0.5), 0), (.auc(), 0)] {
      let trainer = try Self.trainer(metric, width: 1, isLabel: false)
      let value = try trainer.evaluate(Tensor([0.0, 0], [2, 1]), Tensor([0.0, 0], [2, 1]))[metric.name]
      #expect(value == expected, "\(metric.name)")
    }
  }

  @Test(arguments: [
    ("precision(top_k=0)", "'top_k' of metric 'precision' must be above 0"),
    ("auc(num_thresholds=1)", "'num_thresholds'"), ("auc(curve=roc)", "one of ROC, PR"),
    ("f1_score(average=none)", "one of micro, macro, weighted"), ("top_k(k=0)", "'k'"),
    ("fbeta_score(beta=0)", "'beta'"), ("huber(delta=0)", "'delta' of metric 'huber' must be above 0"),
    ("r2_score(class_aggregation=mean)", "one of uniform_average, variance_weighted_average"),
  ]) func whatIsWrongIsRefused(_ text: String, _ message: String) {
    expectUsage(message) { try Metric.named(text) }
  }

  @Test func sizesAreChecked() throws {
    #expect(
      refusal { try Self.trainer(.precision(topK: 4), width: 3, isLabel: false) }
        .contains("'top_k' is 4, but there are 3 outputs"))
    #expect(
      refusal { try Self.trainer(.recall(classID: 3), width: 3, isLabel: true) }
        .contains("'class_id' is 3, but there are 3 outputs"))
  }

  @Test func specificationsReadBack() throws {
    for record in MetricRegistry.records {
      #expect(try Metric.named(record.usage).specification == Metric.named(record.name).specification)
    }
    #expect(Metric.topKCategoricalAccuracy(k: 3).specification == "top_k_categorical_accuracy(k=3)")
    #expect(try Metric.named("huber(delta=2)").specification == "huber(delta=2.0)")
  }

  /// A loss as a metric counts neither its ignored class nor the steps that the output's mask leaves out.
  @Test func anIgnoredClassBesideAMask() throws {
    let metric = try Metric.named("sparse_categorical_crossentropy(ignore_class=1)")
    let chances = [0.5, 0.5, 0.25, 0.75, 0.9, 0.1, 0.6, 0.4, 0.3, 0.7, 0.8, 0.2]
    let (labels, counted) = ([0, 1, 0, 1, 0, 0], [true, true, false, false, true, true])
    let weights = [3.0, 5, 7, 9, 2, 0.5]
    let builder = GraphBuilder("masked")
    let prediction = try builder.constant(Tensor(chances, [2, 3, 2]))
    let target = try builder.constant(Tensor(labels.map(Int64.init), [2, 3]))
    let mask = try builder.constant(Tensor(counted, [2, 3]))
    let shares = try builder.constant(Tensor(weights, [2, 3]))
    let graph = try builder.build([
      metric.output(target, prediction, true), metric.output(target, prediction, true, mask: mask),
      metric.weighted.output(target, prediction, true, mask: mask, weights: shares),
    ])
    let found = try Session(backend: InterpreterBackend()).run(graph).map { $0.doubles() }
    // All but those of class 1; of them those that the mask counts: the first and the last two.
    let losses = (0..<6).map { -Foundation.log(chances[2 * $0 + labels[$0]]) }
    let expected = [
      [(losses[0] + losses[2] + losses[4] + losses[5]) / 4], [losses[0] + losses[4] + losses[5], 3],
      [3 * losses[0] + 2 * losses[4] + 0.5 * losses[5], 5.5],
    ]
    #expect(found.map(\.count) == expected.map(\.count))
    for (found, expected) in zip(found.joined(), expected.joined()) { #expect(abs(found - expected) < 1e-9) }
  }
}
