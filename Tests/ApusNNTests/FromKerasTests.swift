import Apus
import TestSupport
import Testing

/// The listings of Docs/FromKeras.md.
@Suite struct FromKerasTests {
  @Test func trainingAndPrediction() throws {
    let folder = try TemporaryFolder()
    let data = try SyntheticImages(count: 60)
    let (images, labels) = (data.images, data.labels)
    let model = try smallModel()
    let trainer = try model.compile(
      optimizer: .adam(learningRate: 0.01), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy])
    let history = try trainer.fit(
      images, labels, batchSize: 10, epochs: 20, validationSplit: 0.2, verbose: .silent,
      callbacks: [
        EarlyStopping(patience: 3, restoringBestWeights: true),
        ModelCheckpoint(folder.file("{epoch:02d}-{val_loss:.2f}"), savingBestOnly: true),
        ReduceLROnPlateau(factor: 0.5, patience: 2),
        CSVLogger(folder.file("log.csv")),
        TensorBoard(folder.file("logs")),
      ])
    let scores = try trainer.evaluate(images, labels)
    let classes = try trainer.predict(images[..<10]).argMax(axis: 1)
    #expect(try #require(scores["accuracy"]) > 0.5 && classes.count == 10 && history.names.contains("val_loss"))

    try trainer.save(to: folder.file("model"))
    let resumed = try Trainer.resumed(from: folder.file("model"))
    let hidden = try resumed.outputs(of: "dense", for: images)
    #expect(hidden.dimensions == [60, 8] && resumed.state == trainer.state)

    let tuned = try trainer.compile(optimizer: .sgd(learningRate: 0.001))
    try tuned.fit(images, labels, verbose: .silent)
    #expect(tuned.stepCount == 2)
  }

  @Test func penalties() throws {
    let data = try SyntheticImages(count: 60)
    let model = try Sequential(name: "small", input: [4, 4], dtype: .u8) {
      Rescaling(scale: 1 / 255)
      Flatten()
      Dense(8, activation: .relu, kernelRegularizer: .l2(1e-4), kernelConstraint: .maxNorm(3))
      Dense(4, activation: .relu, kernelRegularizer: .l1l2(1e-5, 1e-4), activityRegularizer: .l1(1e-3))
      Dense(3, activation: .softmax)
    }
    let trainer = try model.compile(optimizer: .adam(), loss: .sparseCategoricalCrossEntropy)
    let shown = try #require(trainer.evaluate(data.images, data.labels)["loss"])
    let again = try trainer.compile(optimizer: .adam(), loss: .sparseCategoricalCrossEntropy)
    #expect(try again.evaluate(data.images, data.labels)["loss"] == shown)
    #expect(model.graph.variables.filter { $0.declaration.regularizer != nil }.count == 2)
  }

  @Test func data() throws {
    let raw = try SyntheticImages(count: 6)
    let images = try Tensor(raw.images, as: Float.self) / 255
    let targets = try raw.labels.oneHot(classCount: 3)
    let first = try images[0]
    let half = try images[..<3]
    #expect("\(Tensor([1, 2.5] as [Float]))" == "[1.  2.5]")
    #expect(first.dimensions == [4, 4] && half.dimensions == [3, 4, 4] && targets.dimensions == [6, 3])
  }

  /// The lists of the page are whole.
  @Test func namesAreListed() throws {
    let page = try Repository.text("Docs/FromKeras.md")
    // Of other tests, which register theirs at the same time.
    let own = Set(["signum", "scaled_error", "bias"])
    for name in [
      LossRegistry.records, MetricRegistry.records, OptimizerRegistry.records, ScheduleRegistry.records,
    ].flatMap({ $0.map(\.name) }) where !own.contains(name) {
      #expect(page.contains("`\(name)`"), "\(name)")
    }
    #expect(try Loss.named("huber(delta=2)").specification == "huber(delta=2.0)")
  }

  // A layer: y = x · scale, with a scale for each feature.
  struct Scale: Layer {
    static let typeName = "Scale"
    func build(_ x: Value, _ context: LayerContext) throws -> Value {
      try x * context.variable("scale", x.dtype, Shape([x.shape.dims[x.rank - 1]]), .ones)
    }
  }

  @Test func ownParts() throws {
    let loss = Loss("quartic") { target, prediction in try (prediction - target).square().square().mean(axes: [1]) }
    let metric = Metric("largest_error") { target, prediction, _ in try (prediction - target).abs().max(axes: [1]) }
    let model = try Sequential(input: [3]) { Scale() }
    let trainer = try model.compile(optimizer: .sgd(learningRate: 0.1), loss: loss, metrics: [metric])
    let x = try Tensor([1, 2, 3] as [Float], [1, 3])
    let logs = try trainer.trainOnBatch(x, x * 2)
    let found: Double = try #require(logs["quartic"] ?? logs["loss"])
    #expect(abs(found - 98.0 / 3) < 1e-4 && logs["largest_error"] == 3)
  }

  final class Patience: Callback {
    var rates: [Double] = []
    func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
      rates.append(trainer.learningRate)
      if logs["loss"] ?? 0 < 0.01 { trainer.stop() }
    }
  }

  @Test func ownLoops() throws {
    let data = try SyntheticImages(count: 32)
    let trainer = try smallModel().compile(optimizer: .sgd(), loss: .sparseCategoricalCrossEntropy)
    for epoch in 0..<3 {
      let order = Shuffle.permutation(count: 32, seed: 1, epoch: epoch)
      for rows in try BatchSequence(count: 32, batchSize: 8) {
        let logs = try trainer.trainOnBatch(
          data.images.gather(rows: order[rows]), data.labels.gather(rows: order[rows]))
        #expect(logs["loss"]?.isFinite == true)
      }
    }
    #expect(trainer.stepCount == 12)
    let callback = Patience()
    try trainer.fit(data.images, data.labels, epochs: 2, verbose: .silent, callbacks: [callback])
    #expect(callback.rates.count == 2)
  }

  @Test func severalOutputs() throws {
    let (a, b) = (Input([3], name: "a"), Input([2], name: "b"))
    let joined = Concatenate()([a, b])
    let model = try Model(
      inputs: [a, b], outputs: [Dense(1, name: "x")(joined), Dense(3, activation: .softmax, name: "y")(joined)])
    let trainer = try model.compile(
      losses: ["x": .meanSquaredError, "y": .sparseCategoricalCrossEntropy], lossWeights: ["x": 0.5],
      metrics: ["y": [.accuracy]])
    let history = try trainer.fit(
      inputs: ["a": Tensor(zeros: .f32, [8, 3]), "b": Tensor(zeros: .f32, [8, 2])],
      targets: ["x": Tensor(zeros: .f32, [8, 1]), "y": Tensor(zeros: .u8, [8])], verbose: .silent)
    #expect(history.names == ["loss", "x_loss", "y_accuracy", "y_loss"])
  }
}
