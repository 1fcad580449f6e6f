import Apus
import ApusGraph
import TestSupport
import Testing

/// Regularizers and constraints of variables against Keras's own.
@Suite struct RegularizationTests {
  struct Reference: Decodable {
    struct Penalty: Decodable {
      let text: String
      let value: Double
      let slopes: [Double]
    }
    struct Limit: Decodable {
      let text: String
      let value: [Double]
    }
    let w: [Double]
    let regularizers: [Penalty]
    let constraints: [Limit]
  }

  /// A model of one matrix whose own loss is 0.
  private static func trainer(_ attribute: String, rate: LearningRate) throws -> Trainer {
    let text = """
      graph @matrix(%x: f64[batch, 3]) {
        %w: f64[3, 4] = variable(zeros, \(attribute))
        %y = matmul(%x, %w)
        return %y
      }
      """
    return try Trainer(
      #require(Graph.parse(text).first), optimizer: .sgd(learningRate: rate),
      loss: Loss("none") { try ($1 * 0).sum(axes: [-1]) })
  }

  private static let sample = Result { (try Tensor([1.0, 2, 3], [1, 3]), try Tensor(zeros: .f64, [1, 4])) }

  @Test func regularizersAgreeWithKeras() throws {
    let reference: Reference = try resource("regularization.json")
    let (x, target) = try Self.sample.get()
    for test in reference.regularizers {
      let trainer = try Self.trainer("regularizer: \(test.text)", rate: 1)
      try trainer.session.setValue(Tensor(reference.w, [3, 4]), of: "w")
      // Counted in evaluation, too.
      for loss in [try trainer.evaluate(x, target)["loss"], try trainer.trainOnBatch(x, target)["loss"]] {
        #expect(abs((loss ?? .nan) - test.value) <= 1e-10 * max(1, test.value), "\(test.text): \(loss ?? .nan)")
      }
      let after = try #require(trainer.session.value(of: "w")).doubles()
      for ((before, now), slope) in zip(zip(reference.w, after), test.slopes) {
        #expect(abs(before - now - slope) <= 1e-6, "\(test.text): \(before - now), not \(slope)")
      }
    }
  }

  @Test func constraintsAgreeWithKeras() throws {
    let reference: Reference = try resource("regularization.json")
    let (x, target) = try Self.sample.get()
    for test in reference.constraints {
      let trainer = try Self.trainer("constraint: \(test.text)", rate: 0)
      try trainer.session.setValue(Tensor(reference.w, [3, 4]), of: "w")
      _ = try trainer.trainOnBatch(x, target)
      for (now, expected) in zip(try #require(trainer.session.value(of: "w")).doubles(), test.value) {
        #expect(abs(now - expected) <= 1e-12, "\(test.text): \(now), not \(expected)")
      }
    }
  }

  /// Layers hand them to their variables, and saved models keep them.
  @Test func layersAndTextsHaveThem() throws {
    let model = try Sequential(name: "regular", input: [4, 4, 1]) {
      Conv2D(
        2, kernelSize: 3, kernelRegularizer: .l1l2(0.1, 0.2), biasRegularizer: .l1(0.3), kernelConstraint: .nonNegative)
      Flatten()
      Dense(3, kernelRegularizer: .l2(1e-4), kernelConstraint: .maxNorm(2.5), biasConstraint: .unitNorm())
      Dense(2, kernelRegularizer: .orthogonal(), kernelConstraint: .minMaxNorm(0.5, 2.5, rate: 0.75))
    }
    let text = model.graph.description
    for part in [
      "regularizer: l1_l2(l1: 0.1, l2: 0.2)", "regularizer: l1(factor: 0.3)", "constraint: non_neg",
      "regularizer: l2(factor: 0.0001), constraint: max_norm(limit: 2.5, axis: 0)", "constraint: unit_norm(axis: 0)",
      "regularizer: orthogonal(factor: 0.01), constraint: min_max_norm(least: 0.5, most: 2.5, rate: 0.75, axis: 0)",
    ] { #expect(text.contains(part), "\(part) in \(text)") }
    #expect(try Graph.parse(text).first == model.graph)
    // The shown loss has all of it.
    let data = try Tensor((0..<32).map { Float($0) / 32 }, [2, 4, 4, 1])
    let targets = try Tensor(zeros: .f32, [2, 2])
    let trainer = try model.compile(optimizer: .sgd(learningRate: 0), loss: .meanSquaredError)
    let shown = try trainer.evaluate(data, targets)["loss"] ?? .nan
    func squares(_ numbers: [Double]) -> Double { numbers.reduce(0) { (sum: Double, x: Double) in sum + x * x } }
    let plain: Double = squares(try trainer.predict(data).doubles()) / 4
    var penalty = 0.0
    for (name, value) in trainer.weights {
      let numbers = value.doubles()
      if name == "conv2d/kernel" {
        let magnitudes: Double = numbers.map { abs($0) }.reduce(0, +)
        penalty += 0.1 * magnitudes + 0.2 * squares(numbers)
      }
      if name == "dense/kernel" { penalty += 1e-4 * squares(numbers) }
      if name == "dense_1/kernel" {
        let rows: [[Double]] = (0..<3).map { row in Array(numbers[2 * row..<2 * row + 2]) }
        for (a, b) in [(rows[0], rows[1]), (rows[0], rows[2]), (rows[1], rows[2])] {
          let dot: Double = a[0] * b[0] + a[1] * b[1]
          penalty += 0.01 / 3 * abs(dot) / (squares(a) * squares(b)).squareRoot()
        }
      }
    }
    #expect(abs(shown - plain - penalty) < 1e-5, "\(shown), \(plain), \(penalty)")
  }

  /// A layer inside another one, in both directions, shared or frozen: what its outputs are counts.
  @Test func activitiesOfWrappedLayersCount() throws {
    let dense = Dense(2, activityRegularizer: .l2(0.5))
    let input = Input([3, 2])
    let shared = Shared(dense)
    let cases: [(String, SymbolicTensor, Int)] = [
      ("steps", TimeDistributed(dense)(input), 1), ("frozen", dense.frozen()(input), 1),
      ("shared", Add()([shared(input), shared(input)]), 2),
      ("nested", try Sequential(input: [3, 2]) { dense }(input), 1),
    ]
    let x = try Tensor((0..<12).map { Float($0) / 5 - 1 }, [2, 3, 2])
    for (what, output, factor) in cases {
      let model = try Model(input, Dense(1, kernelInitializer: .zeros)(output))
      let trainer = try Trainer(model.graph, optimizer: .sgd(), loss: .meanSquaredError)
      let kernel = try #require(trainer.weights.first { $0.value.dimensions == [2, 2] }).value.doubles()
      let inputs = x.doubles()
      let penalty = (0..<6).reduce(0.0) { sum, row in
        (0..<2).reduce(sum) { sum, column in
          let y = inputs[2 * row] * kernel[column] + inputs[2 * row + 1] * kernel[2 + column]
          return sum + y * y
        }
      }
      let shown = try trainer.evaluate(x, Tensor(zeros: .f32, [2, 3, 1]))["loss"] ?? .nan
      #expect(abs(shown - Double(factor) * 0.5 * penalty / 2) < 1e-5, "\(what): \(shown)")
    }
  }

  /// What is saved and resumed goes on with the same penalties, limits and masks.
  @Test func savedModelsKeepThem() throws {
    let folder = try TemporaryFolder()
    let model = try Sequential(name: "kept", input: [4], dtype: .i32) {
      Embedding(5, 3, maskZero: true)
      LSTM(3, returnSequences: true, kernelRegularizer: .l2(0.1), recurrentConstraint: .unitNorm())
      Dense(2, activityRegularizer: .l1(0.1))
    }
    let trainer = try model.compile(optimizer: .adam(), loss: .meanSquaredError, metrics: [.meanAbsoluteError])
    let x = try Tensor([1, 2, 0, 0, 3, 1, 4, 0] as [Int32], [2, 4])
    let y = try Tensor((0..<16).map { Float($0) / 8 - 1 }, [2, 4, 2])
    _ = try trainer.trainOnBatch(x, y)
    try trainer.save(to: folder.path)
    let resumed = try Trainer.resumed(from: folder.path)
    #expect(try resumed.trainOnBatch(x, y) == trainer.trainOnBatch(x, y))
    #expect(resumed.state == trainer.state)
    #expect(resumed.model.description.contains("with_mask(") && resumed.model.description.contains("add_loss("))
  }

  /// A step of one's own adds what a model adds to its loss if it says so.
  @Test func ownStepsCanAddThem() throws {
    let model = try Sequential(name: "m", input: [2]) {
      Dense(2, kernelInitializer: .ones, kernelRegularizer: .l1(0.1), activityRegularizer: .l2(0.5))
    }
    let training = CustomTraining()
    let step = try training.step("train", training: model, with: .sgd(learningRate: 0)) { step in
      let y = try step.apply(model, step.input("x", [2]))
      try step.log("sum", y.sum())
      return try step.regularization(of: model)
    }
    // Two samples whose outputs are 3 and 7, twice each.
    let logs = try step.run(["x": Tensor([1, 2, 3, 4] as [Float], [2, 2])])
    let penalty = 0.4 + 0.5 * Double(2 * (9 + 49)) / 2
    let loss = try #require(logs["loss"])
    #expect(abs(loss - penalty) < 1e-5 && logs["sum"] == 20)
  }

  /// A step of one's own leaves out what an output's mask does not count.
  @Test func ownStepsHeedMasks() throws {
    let model = try Sequential(name: "m", input: [3, 1]) {
      Masking()
      Dense(1, useBias: false, kernelInitializer: .ones)
    }
    let step = try CustomTraining().step("train", training: model, with: .sgd(learningRate: 0)) { step in
      try step.loss(.meanSquaredError, of: step.apply(model, step.input("x", [3, 1])), against: 0)
    }
    #expect(try step.run(["x": Tensor([1, 2, 0, 3, 0, 0] as [Float], [2, 3, 1])])["loss"] == Double(Float(14) / 3))
  }

  /// Metrics with weights are saved, read, and named as in Keras.
  @Test func weightedMetricsHaveTexts() throws {
    #expect(
      try Metric.named("weighted(top_k(k=3))").specification == "weighted(sparse_top_k_categorical_accuracy(k=3))")
    #expect(Metric.accuracy.weighted.weighted.specification == "weighted(accuracy)")
    expectUsage("'weighted(mse, mae)' does not name one metric", "weighted(NAME)") {
      try Metric.named("weighted(mse, mae)")
    }
    let model = try Sequential(name: "w", input: [2]) { Dense(1) }
    let trainer = try model.compile(
      optimizer: .sgd(), loss: .meanSquaredError,
      metrics: [.meanAbsoluteError.weighted, .meanSquaredError, .meanSquaredError.weighted])
    #expect(
      trainer.logNames == ["loss", "mean_absolute_error", "mean_squared_error", "weighted_mean_squared_error"])
    let folder = try TemporaryFolder()
    let (x, y) = (try Tensor([1, 2, 3, 4] as [Float], [2, 2]), try Tensor([1, 0] as [Float], [2, 1]))
    try trainer.fit(x, y, verbose: .silent, sampleWeights: Tensor([3, 1] as [Float]))
    try trainer.save(to: folder.path)
    #expect(try Trainer.resumed(from: folder.path).logNames == trainer.logNames)
    expectError("the metric 'precision' takes no weights of samples") {
      try model.compile(optimizer: .sgd(), loss: .meanSquaredError, metrics: [.precision().weighted])
    }
  }

  @Test func whatAnActivityCannotBeIsRefused() throws {
    expectError("layer 'dense': its activity: the regularizer orthogonal needs a matrix of known size") {
      try Sequential(input: [2]) { Dense(2, activityRegularizer: .orthogonal()) }
    }
    expectError("inside a loop a layer cannot add to the loss") {
      let inner = try Sequential(input: [2]) { Dense(2, activityRegularizer: .l2()) }
      return try Sequential(input: [3, 2]) { TimeDistributed(inner) }
    }
  }

  @Test(arguments: [
    ("regularizer: l2(factor: -1)", "must be at least 0, not 0.0 and -1.0"),
    ("regularizer: l3", "l1, l2, l1_l2, orthogonal"), ("regularizer: l1(l2: 1)", "a regularizer"),
    ("constraint: max_norm(limit: 0)", "'limit' must be above 0"),
    ("constraint: unit_norm(axis: 2)", "the axis 2 of a constraint is none of"),
    ("constraint: min_max_norm(least: 2, most: 1)", "'least' must be at least 0 and at most 'most'"),
    ("constraint: min_max_norm(rate: 2)", "'rate' must be between 0 and 1"),
  ]) func whatIsWrongIsRefused(_ attribute: String, _ message: String) {
    #expect(refusal { try Self.trainer(attribute, rate: 0) }.contains(message))
  }
}
