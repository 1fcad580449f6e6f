import Apus
import ApusGraph
import ApusOperators
import TestSupport
import Testing

/// Corners of training: parts that were trained before, losses of tensors, infinities that are stated, 16-bit means,
/// points of gradients, names.
@Suite struct TrainerCornerTests {
  /// Reads images of 4 by 4 as `SyntheticImages` makes them.
  private static func images() throws -> Graph {
    try Sequential(name: "images", input: [4, 4], dtype: .u8) {
      Rescaling(scale: 1 / 255)
      Flatten()
      Dense(10, activation: .softmax)
    }.graph
  }

  // MARK: Models of trained parts

  private static func weights(_ trainer: Trainer, _ name: String) -> [Float] {
    trainer.session.value(of: name)?.elements(as: Float.self) ?? []
  }

  /// A part's weights are taken each time a model of it is compiled; the head is new from each seed.
  @Test func trainedPartsAreTakenEachTime() throws {
    let base = try Sequential(name: "base", input: [2]) { Dense(3, name: "first") }
    let (x, y) = (Tensor([1, 2, 3, 4] as [Float]), Tensor([1, 0] as [Float]))
    let inputs = try x.reshaped([2, 2])
    let small = try base.compile(optimizer: .sgd(), loss: .meanSquaredError, seed: 3)
    func train() throws {
      try small.fit(inputs, Tensor(zeros: .f32, [2, 3]), epochs: 1, verbose: .silent)
    }
    try train()
    let outer = try Sequential(name: "outer", input: [2]) {
      base
      Dense(1, name: "head")
    }
    let one = try outer.compile(optimizer: .sgd(), loss: .meanSquaredError, seed: 1)
    let two = try outer.compile(optimizer: .sgd(), loss: .meanSquaredError, seed: 2)
    #expect(Self.weights(one, "head/kernel") != Self.weights(two, "head/kernel"))
    #expect(Self.weights(two, "base/first/kernel") == Self.weights(small, "first/kernel"))
    try train()
    let three = try outer.compile(optimizer: .sgd(), loss: .meanSquaredError, seed: 1)
    #expect(Self.weights(three, "base/first/kernel") == Self.weights(small, "first/kernel"))
    // Once trained, the outer model's own weights are handed on, by compiles without training, too.
    try three.fit(inputs, y.reshaped([2, 1]), epochs: 1, verbose: .silent)
    let four = try outer.compile(optimizer: .sgd(), loss: .meanSquaredError, seed: 5)
    let five = try outer.compile(optimizer: .sgd(), loss: .meanSquaredError, seed: 6)
    for name in ["head/kernel", "base/first/kernel"] {
      #expect(
        Self.weights(four, name) == Self.weights(three, name) && Self.weights(five, name) == Self.weights(three, name))
    }
  }

  // MARK: Losses of tensors

  /// Targets without the last axis, and of integers, are brought to the form of the predictions as in training.
  @Test func lossesOfTensorsFitTheirTargets() throws {
    let predictions = try Tensor([0.5, -0.25, 2] as [Float]).reshaped([3, 1])
    // max(0, 1 − t p): 0.5, 0.75, 0
    #expect(abs(try Loss.hinge(Tensor([1, -1, 1] as [Float]), predictions) - 1.25 / 3) < 1e-6)
    #expect(abs(try Loss.hinge(Tensor([1, -1, 1] as [Int32]), predictions) - 1.25 / 3) < 1e-6)
    #expect(throws: ApusError.self) { try Loss.hinge(Tensor([1, -1] as [Float]), predictions) }
  }

  // MARK: Infinities

  /// Infinities that a graph states and hands on are no fault; a NaN that is made of them, and an overflow, are.
  @Test(arguments: [
    ("%s = select(%m, %x, %i)\n  %y = softmax(%s)", nil),
    ("%s = add(%x, %i)\n  %y = exp(%s)", nil),
    ("%s = add(%x, %i)\n  %y = subtract(%s, %i)", "subtract"),
    ("%s = multiply(%x, %x)\n  %e = exp(%s)\n  %y = negate(%e)", "exp"),
    ("%s = multiply(%x, %x)\n  %e = exp(%s)\n  %n = negate(%x)\n  %l = log(%n)\n  %y = add(%e, %l)", "exp"),
  ]) func statedInfinities(_ body: String, _ culprit: String?) throws {
    let text = "graph @g(%x: f32[4], %m: bool[4]) {\n  %i: f32[4] = constant(-inf)\n  \(body)\n  return %y\n}"
    let graph = try #require(try Graph.parse(text).first)
    let feeds = [Tensor([1, 2, 30, 4] as [Float]), Tensor([true, false, true, true])]
    let found = try NonFiniteTrace(graph, feeds: feeds, variables: [:]).first()
    if let culprit { #expect(found?.contains(culprit) == true, "\(found ?? "none")") } else { #expect(found == nil) }
  }

  // MARK: 16 bits

  /// The running mean of a 16-bit weight moves although its steps are below the weight's precision.
  @Test(arguments: [DType.bf16, .f16]) func meansOf16BitWeights(_ dtype: DType) throws {
    let text = """
      graph @m(%x: f32[batch, 1]) {
        %w: \(dtype)[1, 1] = variable(ones)
        %k = cast(%w, dtype: f32)
        %y = matmul(%x, %k)
        return %y
      }
      """
    let trainer = try Trainer(
      #require(try Graph.parse(text).first),
      optimizer: .sgd(learningRate: 0.00390625, useEMA: true, emaMomentum: 0.999), loss: .meanSquaredError)
    try trainer.fit(
      Tensor([Float](repeating: 1, count: 40), [40, 1]), Tensor(zeros: .f32, [40, 1]), batchSize: 1, epochs: 1,
      verbose: .silent)
    // w ← w − 2 w / 256, rounded to 16 bits; the mean is of what is rounded.
    var (weight, expected) = (1.0, 0.0)
    for step in 1...40 {
      let new = weight - 2 * weight / 256
      expected = step == 1 ? new : 0.999 * expected + 0.001 * new
      weight = try Tensor([new], [1]).converted(to: dtype).doubles()[0]
    }
    let mean = try #require(trainer.optimizerState.first { $0.name.hasSuffix("/average") }).value.doubles()[0]
    #expect(abs(mean - expected) < 1e-6 && expected < 0.99, "\(mean) \(expected)")
    // At the end of training the weights become the means, in their own type.
    let last = trainer.weights[0].value
    #expect(try last.dtype == dtype && last.doubles() == Tensor([mean], [1]).converted(to: dtype).doubles())
  }

  // MARK: Points of gradients

  /// Takes the gradients of matrices, and of these alone, one beside the variable.
  private struct Lookahead: Optimizer {
    var options = OptimizerOptions(learningRate: 1)
    static let record = ComponentRecord("lookahead_of_tests", "for a test", settings: commonSettings)

    func gradientPoint(of variable: Value, _ state: OptimizerState) throws -> Value? {
      variable.rank == 2 ? try variable + 1 : nil
    }

    func update(
      _ variable: Value, _ gradient: Value, rate: Value, step: Value, _ state: OptimizerState
    ) throws -> Value { gradient }
  }

  /// Each variable has its own answer: kernel k + 1 and bias b make the prediction, whose gradients are the new values.
  @Test func someVariablesHavePoints() throws {
    for usesBiasFirst in [false, true] {
      let builder = GraphBuilder("m")
      let x = try builder.parameter("x", .f32, ["batch", 1])
      func bias() throws -> Value { try builder.variable("b", .f32, [1], .zeros) }
      func kernel() throws -> Value { try builder.variable("k", .f32, [1, 1], .ones) }
      let (k, b): (Value, Value)
      if usesBiasFirst { (b, k) = (try bias(), try kernel()) } else { (k, b) = (try kernel(), try bias()) }
      let model = try builder.build([x.matmul(k) + b])
      let trainer = try Trainer(model, optimizer: Lookahead(), loss: .meanSquaredError)
      let one = try Tensor([3] as [Float]).reshaped([1, 1])
      try trainer.fit(one, Tensor(zeros: .f32, [1, 1]), epochs: 1, verbose: .silent)
      // The prediction is 3 · (1 + 1) + 0 = 6: the gradients are 2 · 6 · 3 and 2 · 6.
      #expect(Self.weights(trainer, "k") == [36] && Self.weights(trainer, "b") == [12])
    }
  }

  // MARK: Interrupted trainings

  /// A copy with other settings is refused before it replaces anything.
  @Test func refusedCopiesReplaceNothing() throws {
    let folder = try TemporaryFolder()
    let data = try SyntheticImages(count: 8)
    func make() throws -> Trainer {
      try Trainer(
        Self.images(), optimizer: SGD(), loss: .sparseCategoricalCrossEntropy,
        backend: InterpreterBackend())
    }
    struct PowerCut: Error {}
    let cut = LambdaCallback(onEpochEnd: { _, _, _ in throw PowerCut() })
    #expect(throws: PowerCut.self) {
      try make().fit(
        data.images, data.labels, batchSize: 4, epochs: 2, verbose: .silent,
        callbacks: [BackupAndRestore(folder.file("copy")), cut])
    }
    let other = try make()
    let before = other.weights.map(\.value)
    #expect(throws: ApusError.self) {
      try other.fit(
        data.images, data.labels, batchSize: 2, epochs: 2, verbose: .silent,
        callbacks: [BackupAndRestore(folder.file("copy"))])
    }
    #expect(other.weights.map(\.value) == before && other.stepCount == 0)
  }

  // MARK: Frozen layers, names, watchers

  /// A normalization without a layer of its own belongs to the layer of its averages.
  @Test func normalizationsWithoutALayerAreFrozen() throws {
    let text = """
      graph @g(%x: f32[batch, 2]) {
        %"n/gamma": f32[2] = variable(ones)
        %"n/beta": f32[2] = variable(zeros)
        %"n/mean": f32[2] = variable(zeros, trainable: false)
        %"n/variance": f32[2] = variable(ones, trainable: false)
        %"o/w": f32[2, 1] = variable(ones)
        %y = batch_norm(%x, %"n/gamma", %"n/beta", %"n/mean", %"n/variance")
        %z = matmul(%y, %"o/w")
        return %z
      }
      """
    guard let graph = try? Graph.parse(text.replacing("%\"", with: "%").replacing("\"", with: "")).first else {
      Issue.record("the text is not a graph")
      return
    }
    let frozen = try graph.frozen(["n"]).graph
    #expect(!frozen.nodes.contains { $0.op is BatchNorm }, "\(frozen)")
    #expect(try graph.frozen(["o"]).graph.nodes.contains { $0.op is BatchNorm })
  }

  @Test func metricsWithWeightsHaveOneNameInAnyOrder() throws {
    for metrics in [[Metric.accuracy, .accuracy.weighted], [.accuracy.weighted, .accuracy]] {
      let trainer = try Trainer(
        Self.images(), optimizer: SGD(), loss: .sparseCategoricalCrossEntropy, metrics: metrics,
        backend: InterpreterBackend())
      let data = try SyntheticImages(count: 4)
      let history = try trainer.fit(data.images, data.labels, epochs: 1, verbose: .silent)
      #expect(history["accuracy"] != nil && history["weighted_accuracy"] != nil, "\(history.curves.map(\.name))")
    }
  }

  private final class Watcher: StepWatching {
    var title: String { "watcher" }
    var watchesBatches: Bool { false }
    nonisolated(unsafe) var steps: [Int] = []
    func stepBegins(_ step: StepView, _ trainer: Trainer) { steps.append(step.number) }
  }

  /// Who watches steps sees each, whatever it says of batches.
  @Test func watchersSeeEachStep() throws {
    let trainer = try Trainer(
      Self.images(), optimizer: SGD(), loss: .sparseCategoricalCrossEntropy)
    let data = try SyntheticImages(count: 12)
    let watcher = Watcher()
    try trainer.fit(data.images, data.labels, batchSize: 4, epochs: 2, verbose: .silent, callbacks: [watcher])
    #expect(watcher.steps == [1, 2, 3, 4, 5, 6])
  }
}
