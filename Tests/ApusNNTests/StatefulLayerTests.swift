import Apus
import ApusGraph
import TestSupport
import Testing

/// Layers whose states last from batch to batch, against Keras: `stateful_layers.py` builds the same models.
@Suite struct StatefulLayerTests {
  struct Reference: Decodable {
    let name: String
    let shape: [Int]
    let x, y, first, second, loss, validationLoss, reset: [Double]
    let start, after, states, trainedStates: [String: [Double]]
    let evaluated: Double
    let count: Int

    enum CodingKeys: String, CodingKey {
      case name, shape, x, y, first, second, loss, reset, start, after, states, evaluated, count
      case validationLoss = "val_loss"
      case trainedStates = "trained_states"
    }
  }

  static let references: [Reference] = (try? resource("stateful_layers.json")) ?? []

  @Test func everyReferenceHasAModel() { #expect(Self.references.count == 6) }

  @Test(arguments: references.map(\.name), [true, false]) func keepsStatesAsKerasDoes(
    _ name: String, interpreted: Bool
  ) throws {
    let reference = try #require(Self.references.first { $0.name == name })
    let input = Input(Array(reference.shape.dropFirst()), batchSize: reference.shape[0], dtype: .f64)
    let model = try Model(input, Dense(1, name: "last")(Self.output(input, name)))
    // States are no weights.
    #expect(model.parameterCount == reference.count)
    #expect(try Graph.parse(model.graph.description).first == model.graph)
    let trainer = try model.compile(
      optimizer: .sgd(learningRate: 0.1), loss: .meanSquaredError, backend: interpreted ? InterpreterBackend() : nil)
    for (label, values) in reference.start {
      let type = try #require(trainer.session.value(of: label), "\(label) is no variable of \(name)").type
      try trainer.session.setValue(Tensor(values, type.shape.numbers ?? []), of: label)
    }
    let x = try Tensor(reference.x, [6] + reference.shape.dropFirst())
    let y = try Tensor(reference.y, [6, 1])
    let rows = [0, 1, 2, 3]

    expect(try trainer.predict(x).doubles(), reference.first, "first prediction")
    expect(try trainer.predict(x).doubles(), reference.second, "second prediction")
    expect(trainer.states, reference.states, "states after predictions")
    let history = try trainer.fit(
      x, y, epochs: 2, validationData: (x.gather(rows: rows), y.gather(rows: rows)), shuffle: false, verbose: .silent)
    expect(history["loss"] ?? [], reference.loss, "loss")
    expect(history["val_loss"] ?? [], reference.validationLoss, "val_loss")
    expect(trainer.weights.filter { $0.name.contains("/") }, reference.after, "weights")
    expect(trainer.states, reference.trainedStates, "states after training")
    expect([try trainer.evaluate(x, y)["loss"] ?? .nan], [reference.evaluated], "evaluated loss")
    try trainer.resetStates()
    expect(try trainer.predict(x).doubles(), reference.reset, "prediction after a reset")
  }

  private func expect(_ found: [(name: String, value: Tensor)], _ expected: [String: [Double]], _ what: String) {
    #expect(found.map(\.name).sorted() == expected.keys.sorted(), "\(what)")
    for (name, value) in found { expect(value.doubles(), expected[name] ?? [], "\(what): \(name)") }
  }

  private func expect(_ found: [Double], _ expected: [Double], _ what: String) {
    let worst = zip(found, expected).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? .nan
    #expect(found.count == expected.count && worst < 1e-7, "\(what) is off by \(worst)")
  }

  private static func output(_ x: SymbolicTensor, _ name: String) -> SymbolicTensor {
    switch name {
    case "simple_rnn": SimpleRNN(3, stateful: true, name: "a")(x)
    case "lstm": LSTM(3, stateful: true, name: "a")(x)
    case "gru":
      GRU(2, stateful: true, name: "b")(
        GRU(3, returnSequences: true, goBackwards: true, stateful: true, name: "a")(x))
    case "masked": LSTM(3, stateful: true, name: "a")(Masking()(x))
    case "bidirectional": Bidirectional(LSTM(3, stateful: true), name: "a")(x)
    default:
      Flatten()(
        ConvLSTM1D(
          2, kernelSize: 3, stateful: true, kernelRegularizer: .l2(), recurrentRegularizer: .l1(0.02),
          biasRegularizer: .l2(0.3), activityRegularizer: .l2(0.05), kernelConstraint: .maxNorm(0.8),
          recurrentConstraint: .unitNorm(axis: 1), biasConstraint: .nonNegative, name: "a")(x))
    }
  }

  // MARK: Batches

  /// Two sequences of two steps in each batch.
  private func model(batchSize: Int? = 2, stateful: Bool = true) throws -> Sequential {
    try Sequential(name: "m", input: [2, 3], batchSize: batchSize) {
      GRU(4, stateful: stateful, name: "memory")
      Dense(1)
    }
  }

  private func data(_ count: Int = 6) throws -> (x: Tensor, y: Tensor) {
    (try counted([count, 2, 3], scale: 0.02), try counted([count, 1], scale: 0.1))
  }

  @Test func aSequenceInPiecesIsTheWholeSequence() throws {
    let trainer = try model(batchSize: 1).compile(loss: .meanSquaredError)
    let whole = try Sequential(name: "m", input: [6, 3]) {
      GRU(4, name: "memory")
      Dense(1)
    }.compile(loss: .meanSquaredError)
    try whole.takeWeights(from: trainer)
    let x = try data(3).x
    let pieces = try trainer.predict(x).doubles()
    let expected = try whole.predict(x.reshaped([1, 6, 3])).doubles()
    #expect(abs(pieces[2] - expected[0]) < 1e-6, "\(pieces[2]) and \(expected[0])")
  }

  @Test func theFixedSizeIsTheUsualOne() throws {
    let trainer = try model().compile(loss: .meanSquaredError)
    let (x, y) = try data()
    try trainer.fit(x, y, verbose: .silent)
    #expect(trainer.stepCount == 3)
    #expect(trainer.fixedBatchSize == 2)
    #expect(trainer.outputNames == ["dense"])
    #expect(try trainer.outputs(of: "memory", for: x).dimensions == [6, 4])
  }

  /// Looking at a layer changes nothing, and shows what `predict` would compute of all batches from here on.
  @Test func lookingAtALayerKeepsTheStates() throws {
    let trainer = try model().compile(loss: .meanSquaredError)
    let (x, _) = try data()
    _ = try trainer.predict(x)
    let before = trainer.states.map { $0.value.doubles() }
    #expect(before.joined().contains { $0 != 0 })
    let first = try trainer.outputs(of: "dense", for: x)
    #expect(try trainer.outputs(of: "dense", inputs: [x]) == first)
    #expect(trainer.states.map { $0.value.doubles() } == before)
    // The third batch begins with what the first two left.
    #expect(try trainer.predict(x) == first)
    #expect(trainer.states.map { $0.value.doubles() } != before)
  }

  /// A model that was not trained takes first weights of the next seed, also after a look at one of its layers.
  @Test func lookingAtALayerIsNotTraining() throws {
    let model = try model()
    let (x, _) = try data()
    let looked = try model.compile(loss: .meanSquaredError, seed: 1)
    _ = try looked.outputs(of: "memory", for: x)
    let next = try model.compile(loss: .meanSquaredError, seed: 2)
    #expect(next.weights[0].value != looked.weights[0].value)
  }

  @Test func batchesOfOtherSizesAreRefused() throws {
    let trainer = try model().compile(loss: .meanSquaredError)
    let (x, y) = try data()
    #expect(refusal { try trainer.fit(x, y, batchSize: 3, verbose: .silent) }.contains("have 2 samples"))
    #expect(refusal { try trainer.predict(x.gather(rows: 0..<5)) }.contains("5 samples are not batches of 2"))
    #expect(refusal { try trainer.fit(x, y, validationSplit: 0.5, verbose: .silent) }.contains("3 samples are not"))
    let one = try data(3)
    #expect(refusal { try trainer.trainOnBatch(one.x, one.y) }.contains("3 samples are not a batch of 2"))
    #expect(refusal { try trainer.evaluate(Stream(batch: Batch(one.x, one.y))) }.contains("3 samples are not a batch"))
    #expect(trainer.stepCount == 0)
  }

  private struct Stream: StreamedDataset {
    let batch: Batch
    var batchCount: Int { 1 }
    func batch(_ index: Int, ofEpoch epoch: Int) throws -> Batch { batch }
  }

  @Test func aBatchOfAnySizeHasNoStates() {
    #expect(refusal { try model(batchSize: nil) }.contains("layer 'memory': it is stateful, so the size of the batch"))
    #expect(
      refusal { try model(stateful: false).compile(loss: .meanSquaredError) }.contains("only a model with states"))
    #expect(refusal { try model(batchSize: 0) }.contains("the size of the batch must be positive"))
  }

  @Test func aLayerHasOneState() throws {
    let input = Input([2, 3], batchSize: 2)
    let shared = Shared(SimpleRNN(3, returnSequences: true, stateful: true))
    #expect(refusal { try Model(input, shared(shared(input))) }.contains("cannot be shared"))
    let nested = Input([2, 2, 3], batchSize: 2)
    #expect(
      refusal { try Model(nested, TimeDistributed(LSTM(3, stateful: true))(nested)) }.contains(
        "cannot be inside a loop"))
  }

  @Test func aModelInsideHasTheBatchOfTheOuterOne() throws {
    let inner = try model()
    let outer = try Sequential(name: "outer", input: [2, 3], batchSize: 2) { inner }
    #expect(outer.graph.states.map(\.label) == ["m/memory/state_0"])
    #expect(
      refusal { try Sequential(input: [2, 3], batchSize: 4) { inner } }.contains(
        "f32[2, 2, 3], but is given f32[4, 2, 3]"))
  }

  // MARK: States

  @Test func statesOfOneLayerAreReset() throws {
    let trainer = try Sequential(name: "m", input: [2, 3], batchSize: 2) {
      GRU(4, returnSequences: true, stateful: true, name: "a")
      GRU(4, stateful: true, name: "b")
    }.compile(loss: .meanSquaredError)
    _ = try trainer.predict(data().x)
    let before = trainer.states.map { $0.value.doubles() }
    #expect(before.allSatisfy { $0.contains { $0 != 0 } })
    try trainer.resetStates(of: "a")
    #expect(trainer.states[0].value.doubles().allSatisfy { $0 == 0 })
    #expect(trainer.states[1].value.doubles() == before[1])
    #expect(refusal { try trainer.resetStates(of: "c") }.contains("layer 'c' has no states"))
  }

  @Test func resumedTrainingGoesOnWithTheStates() throws {
    let folder = try TemporaryFolder()
    let (x, y) = try data()
    func trainer() throws -> Trainer { try model().compile(loss: .meanSquaredError, seed: 3) }
    let whole = try trainer()
    try whole.fit(x, y, epochs: 4, verbose: .silent)
    let half = try trainer()
    try half.fit(x, y, epochs: 2, verbose: .silent)
    try half.save(to: folder.path)
    let resumed = try Trainer.resumed(from: folder.path)
    #expect(resumed.states.map(\.value) == half.states.map(\.value))
    try resumed.fit(x, y, epochs: 2, verbose: .silent)
    #expect(resumed.state == whole.state)

    // Weights alone leave the states as they are.
    let other = try trainer()
    try other.session.loadModelWeights(from: folder.path, of: other.model)
    #expect(other.weights.map(\.value) == half.weights.map(\.value))
    #expect(other.states.allSatisfy { $0.value.doubles().allSatisfy { $0 == 0 } })
  }

  @Test func weightsGoToAModelWithAnotherBatch() throws {
    let trained = try model().compile(loss: .meanSquaredError)
    let (x, y) = try data()
    try trained.fit(x, y, verbose: .silent)
    let single = try model(batchSize: 1).compile(loss: .meanSquaredError)
    let transfer = try single.takeWeights(from: trained)
    #expect(transfer.mismatched.isEmpty && transfer.missing.isEmpty && transfer.unused.isEmpty)
    #expect(single.weights.map(\.value) == trained.weights.map(\.value))
    let folder = try TemporaryFolder()
    try trained.save(to: folder.path)
    let saved = try model(batchSize: 1).compile(loss: .meanSquaredError).takeWeights(from: folder.path)
    #expect(saved == transfer)
  }

  @Test func aCallbackResetsThemBeforeEachEpoch() throws {
    let (x, y) = try data()
    func losses(_ callbacks: [any Callback]) throws -> [Double] {
      let trainer = try model().compile(optimizer: .sgd(learningRate: 0), loss: .meanSquaredError)
      return try trainer.fit(x, y, epochs: 2, shuffle: false, verbose: .silent, callbacks: callbacks)["loss"] ?? []
    }
    let kept = try losses([])
    #expect(kept[0] != kept[1])
    let reset = try losses(CallbackRegistry.list("reset_states"))
    #expect(reset == [kept[0], kept[0]])
    let trainer = try model(batchSize: nil, stateful: false).compile(loss: .meanSquaredError)
    #expect(refusal { try trainer.fit(x, y, verbose: .silent, callbacks: [ResetStates()]) }.contains("has no states"))
  }
}
