import Apus
import TestSupport
import Testing

/// Masks, weights and places that layers hand on.
@Suite struct LayerEdgeTests {
  private func run(_ model: Model, _ feeds: [String: Tensor]) throws -> [Double] {
    try Session(backend: InterpreterBackend(), seed: 4).run(model.graph.bound(to: .inference), feeds: feeds)[0]
      .doubles()
  }

  /// Attention leaves out what an embedding masks, and its output has the query's mask.
  @Test func attentionHeedsMasks() throws {
    func attended(_ ids: [Float]) throws -> [Double] {
      let input = Input([ids.count], name: "ids")
      let x = Embedding(6, 4, maskZero: true, name: "e")(input)
      let y = MultiHeadAttention(numHeads: 2, keyDim: 3, name: "a")(x, value: x)
      // A mean over the steps that count.
      return try run(
        Model(input, GlobalAveragePooling1D()(y)), ["ids": Tensor(ids, [1, ids.count])])
    }
    let short = try attended([5, 2, 3])
    for (a, b) in zip(try attended([5, 2, 3, 0, 0]), short) { #expect(abs(a - b) < 1e-6) }
  }

  /// A convolution inside a model drops the mask, as it does outside.
  @Test func modelsHandOnTheMasksOfTheirLayers() throws {
    func mean(_ wraps: Bool) throws -> [Double] {
      let inner = Input([4, 2])
      let convolution = Conv1D(2, kernelSize: 3, padding: .same, name: "c")
      let input = Input([4, 2], name: "x")
      let x = Masking()(input)
      let y = wraps ? try Model(name: "m", inner, convolution(inner))(x) : convolution(x)
      let model = try Model(input, GlobalAveragePooling1D()(y))
      let session = Session(backend: InterpreterBackend(), seed: 4)
      let program = try session.load(model.graph.bound(to: .inference))
      for (_, variable) in program.graph.variables {
        try session.setValue(counted(variable.type.shape.numbers ?? [], scale: 0.1), of: variable.label)
      }
      return try program.run([Tensor([Float(1), 2, 3, 4, 0, 0, 0, 0], [1, 4, 2])])[0].doubles()
    }
    #expect(try mean(true) == mean(false))
  }

  /// What was trained stays when a model is frozen or unfrozen.
  @Test func frozenModelsKeepTheirWeights() throws {
    let model = try smallModel()
    let data = try SyntheticImages(count: 12)
    let trainer = try model.compile(optimizer: .sgd(learningRate: 0.5), loss: .sparseCategoricalCrossEntropy, seed: 1)
    try trainer.fit(data.images, data.labels, epochs: 2, verbose: .silent)
    for other in [try model.frozen(layers: ["dense"]), try model.unfrozen()] {
      let next = try other.compile(optimizer: .sgd(), loss: .sparseCategoricalCrossEntropy, seed: 9)
      #expect(next.weights.map(\.value) == trainer.weights.map(\.value))
    }
  }

  /// Pixels beyond the right edge are those at the left, for each width.
  @Test(arguments: [3, 40, 41, 47, 55, 61, 82, 97, 110]) func wrappedPlaces(_ width: Int) throws {
    let image = try counted([1, 1, width, 1])
    let model = try Sequential(input: [1, width, 1]) {
      RandomTranslation(heightFactor: [0, 0], widthFactor: [1, 1], fillMode: .wrap, interpolation: .nearest)
    }
    let shifted = try Session(backend: InterpreterBackend()).run(
      model.graph.bound(to: .training).specialized(["batch": 1]), feeds: ["input": image])[0]
    // A whole width: every pixel comes back to its place.
    #expect(shifted == image)
  }

  /// NaN is never among the largest, and equal predictions are no more than k.
  @Test func largestPredictions() throws {
    func score(_ metric: Metric, _ predictions: [Float], _ labels: [UInt8]) throws -> Double {
      let builder = GraphBuilder("identity")
      let x = try builder.parameter("x", .f32, ["batch", 3])
      let w = try builder.variable("w", .f32, [], .ones)
      let trainer = try Trainer(
        builder.build([x * w]), optimizer: .sgd(), loss: .sparseCategoricalCrossEntropy, metrics: [metric])
      return try trainer.evaluate(Tensor(predictions, [labels.count, 3]), Tensor(labels))[metric.name] ?? .nan
    }
    #expect(try score(.named("top_k(k=2)"), [.nan, .nan, .nan, 0.1, 0.7, 0.2], [0, 2]) == 0.5)
    // All equal: two of three are chosen, the first ones.
    #expect(try score(.precision(topK: 2), [0.2, 0.2, 0.2], [0]) == 0.5)
  }

  @Test func sizesThatNoMatrixHoldsAreRefused() throws {
    let x = Input([2, 3, 1])
    #expect(
      refusal { try Model(x, Resizing(height: 1 << 30, width: 3)(x)) }.contains("too many to interpolate"))
    #expect(
      refusal { try output(of: Normalization(mean: [0], variance: [-1]), counted([2, 1])) }.contains("no finite mean"))
  }
}
