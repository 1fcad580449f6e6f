import Apus
import Testing

/// Two convolutions on a way around which their input is added to them.
func residualModel() throws -> Model {
  let input = Input([8, 8, 3], name: "image")
  var x = Conv2D(4, kernelSize: 3, padding: .same, activation: .relu)(input)
  let shortcut = x
  x = Conv2D(4, kernelSize: 3, padding: .same)(x)
  x = Activation(.relu)(Add()([shortcut, x]))
  x = GlobalAveragePooling2D()(x)
  return try Model(name: "residual", input, Dense(2, activation: .softmax)(x))
}

/// How far apart two samples lie, and whether they are of one kind.
func siameseModel() throws -> Model {
  let (left, right) = (Input([4], name: "left"), Input([4], name: "right"))
  let embed = Shared(Dense(3, activation: .tanh, name: "embed"))
  let difference = Subtract(name: "difference")([embed(left), embed(right)])
  let same = Dense(1, activation: .sigmoid, name: "same")(difference)
  return try Model(name: "siamese", inputs: [left, right], outputs: [difference, same])
}

/// Models whose layers branch and join.
@Suite struct FunctionalModelTests {
  @Test func branchesJoin() throws {
    let x = Input([3])
    let twice = Rescaling(scale: 2)(x)
    let model = try Model(x, Concatenate()([Add()([x, twice]), Subtract()([x, twice])]))
    let y = try Session().run(model.graph, feeds: ["input_layer": Tensor([1, 2, 3] as [Float], [1, 3])])[0]
    #expect(y == (try Tensor([3, 6, 9, -1, -2, -3] as [Float], [1, 6])))
  }

  @Test func aChainIsWhatSequentialBuilds() throws {
    let x = Input([6], name: "input")
    let chain = try Model(name: "m", x, Dense(2)(Dropout(0.5)(Dense(3, activation: .relu)(x))))
    let sequence = try Sequential(name: "m", input: [6]) {
      Dense(3, activation: .relu)
      Dropout(0.5)
      Dense(2)
    }
    #expect(chain.graph == sequence.graph)
    #expect(chain.summaryTable.rows.dropFirst().map(\.name) == sequence.summaryTable.rows.map(\.name))
    #expect(!chain.summary().contains("Connected to"))
  }

  /// In the order in which layers were applied, not in that in which the outputs need them.
  @Test func automaticNamesCountInTheOrderOfCalls() throws {
    let (a, b) = (Input([2]), Input([2]))
    let first = Dense(5)(b)
    let second = Dense(6)(a)
    let model = try Model(inputs: [a, b], outputs: [Concatenate()([second, Dense(7)(first)])])
    #expect(model.graph.parameters.map { model.graph.label(of: $0) } == ["%input_layer", "%input_layer_1"])
    let kernels = model.graph.variables.map(\.declaration).filter { $0.label.hasSuffix("kernel") }
    #expect(kernels.map(\.label) == ["dense/kernel", "dense_1/kernel", "dense_2/kernel"])
    #expect(kernels.map { "\($0.type.shape)" } == ["[2, 5]", "[2, 6]", "[5, 7]"])
  }

  @Test func parametersAreInTheOrderOfTheInputs() throws {
    let (a, b) = (Input([1], name: "a"), Input([1], name: "b"))
    let model = try Model(inputs: [b, a], outputs: [Subtract()([a, b])])
    #expect(model.graph.parameters.map { model.graph.label(of: $0) } == ["%b", "%a"])
  }

  @Test func snakeCaseIsKeras() throws {
    let x = Input([4, 4, 2])
    let y = PReLU()(LeakyReLU()(ReLU()(Conv2DTranspose(2, kernelSize: 1)(MaxPooling2D()(UpSampling2D()(x))))))
    #expect(
      try Model(x, y).summaryTable.rows.map(\.name) == [
        "input_layer", "up_sampling2d", "max_pooling2d", "conv2d_transpose", "re_lu", "leaky_re_lu", "p_re_lu",
      ])
  }

  /// Far beyond the depth of any network.
  /// Forty times as many layers take less than in proportion to the square by far, though others use the machine.
  @Test func longChainsAreBuilt() throws {
    func seconds(_ count: Int) throws -> Double {
      let start = ContinuousClock.now
      let x = Input([2])
      let y = (0..<count).reduce(x) { y, _ in Rescaling(scale: 2)(y) }
      #expect(try Model(x, y).summaryTable.rows.count == count + 1)
      return (ContinuousClock.now - start) / .seconds(1)
    }
    let few = try (0..<3).map { _ in try seconds(500) }.min() ?? 0
    let many = try seconds(20_000)
    #expect(many < 300 * few, "\(many) s instead of \(few) s")
  }

  // MARK: Shared layers

  @Test func sharedLayersShareVariables() throws {
    let model = try siameseModel()
    #expect(
      model.graph.variables.map(\.declaration.label) == ["embed/kernel", "embed/bias", "same/kernel", "same/bias"])
    #expect(model.parameterCount == 4 * 3 + 3 + 3 + 1)
    let (a, b) = (try counted([2, 4], scale: 0.1), try counted([2, 4], scale: -0.2))
    let session = Session(seed: 4)
    let forward = try session.run(model.graph, feeds: ["left": a, "right": b])
    let backward = try session.run(model.graph, feeds: ["left": b, "right": a])
    // One function of both: exchanged inputs change the sign.
    #expect(forward[0].doubles() == backward[0].doubles().map { -$0 })
    #expect(forward[0].doubles().allSatisfy { $0 != 0 })
    #expect(forward[1].dimensions == [2, 1])
    let equal = try session.run(model.graph, feeds: ["left": a, "right": a])
    #expect(equal[0].doubles().allSatisfy { $0 == 0 })
  }

  @Test func layersThatAreNotSharedAreTwo() throws {
    let (x, layer) = (Input([4]), Dense(3))
    #expect(try Model(x, Add()([layer(x), layer(x)])).parameterCount == 2 * 15)
    let shared = Shared(Dense(3))
    #expect(try Model(x, Add()([shared(x), shared(x)])).parameterCount == 15)
    let twice = try Sequential(input: [3]) {
      shared
      shared
    }
    #expect(twice.parameterCount == 12)
    #expect(twice.summaryTable.rows.map(\.connections) == [["input[0][0]", "dense[0][0]"]])
  }

  @Test func callsOfASharedDropoutDrawTheirOwn() throws {
    for seed in [nil, 7] as [UInt64?] {
      let (x, dropout) = (Input([4]), Shared(Dropout(0.5, seed: seed)))
      let graph = try Model(x, Concatenate()([dropout(x), dropout(x)])).graph
      #expect(graph.nodes.filter { $0.op.name == "dropout" }.count == 2)
    }
  }

  @Test func sharedLayersThatDoNotFit() throws {
    let (a, b) = (Input([4]), Input([5]))
    let dense = Shared(Dense(3))
    #expect(
      refusal { try Model(inputs: [a, b], outputs: [dense(a), dense(b)]) }.contains(
        "layer 'dense': its variable 'kernel' is a f32[4, 3] since its first call, but call 2 needs a f32[5, 3]"))
    let normal = Shared(BatchNormalization())
    #expect(
      refusal { try Model(a, normal(normal(a))) }.contains("layer 'batch_normalization': it cannot be shared"))
  }

  // MARK: Summary

  @Test func summarySaysWhatLayersRead() throws {
    #expect(
      try siameseModel().summary() == """
        Model: "siamese"
        ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ Layer (type)                  ┃ Output Shape              ┃         Param # ┃ Connected to               ┃
        ┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
        │ left (InputLayer)             │ (None, 4)                 │               0 │ -                          │
        ├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
        │ right (InputLayer)            │ (None, 4)                 │               0 │ -                          │
        ├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
        │ embed (Dense)                 │ (None, 3)                 │              15 │ left[0][0], right[0][0]    │
        ├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
        │ difference (Subtract)         │ (None, 3)                 │               0 │ embed[0][0], embed[1][0]   │
        ├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
        │ same (Dense)                  │ (None, 1)                 │               4 │ difference[0][0]           │
        └───────────────────────────────┴───────────────────────────┴─────────────────┴────────────────────────────┘
         Total params: 19 (76.00 B)
         Trainable params: 19 (76.00 B)
         Non-trainable params: 0 (0.00 B)

        """)
    let rows = try residualModel().summaryTable.rows
    #expect(rows.first { $0.name == "add" }?.connections == ["conv2d[0][0]", "conv2d_1[0][0]"])
  }

  // MARK: Training

  @Test func aModelWithBranchesLearns() throws {
    let trainer = try residualModel().compile(
      optimizer: .adam(learningRate: 0.01), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy])
    // Two classes: the first channel is bright, or the last.
    var pixels: [Float] = []
    let labels = (0..<32).map { UInt8($0 % 2) }
    for sample in 0..<32 {
      for position in 0..<64 {
        let noise = Float((sample * 31 + position * 17) % 13) / 26
        pixels += sample % 2 == 0 ? [1, noise, noise / 2] : [noise / 2, noise, 1]
      }
    }
    let history = try trainer.fit(
      Tensor(pixels, [32, 8, 8, 3]), Tensor(labels), batchSize: 8, epochs: 20, verbose: .silent)
    let losses = try #require(history["loss"])
    #expect(losses[19] < 0.5 * losses[0], "\(losses)")
  }

  /// One loss is that of each output, as in Keras.
  @Test func oneLossIsForAllOutputs() throws {
    let trainer = try siameseModel().compile(optimizer: .sgd(), loss: .meanSquaredError)
    #expect(trainer.inputNames == ["left", "right"] && trainer.outputNames == ["difference", "same"])
    #expect(trainer.logNames == ["loss", "difference_loss", "same_loss"])
  }

  // MARK: Errors

  @Test func inputsMustBeWhatTheOutputsNeed() throws {
    let (a, b) = (Input([2], name: "a"), Input([2], name: "b"))
    let sum = Add()([a, b])
    #expect(
      refusal { try Model(a, sum) }.contains("an output depends on input 'b', which is not among the inputs"))
    #expect(refusal { try Model(inputs: [a, b], outputs: [a]) }.contains("no output depends on input 'b'"))
    #expect(refusal { try Model(inputs: [a, a], outputs: [a]) }.contains("an input is given twice"))
    #expect(refusal { try Model(inputs: [a], outputs: []) }.contains("model 'functional' has no outputs"))
    #expect(
      refusal { try Model(sum, Flatten()(sum)) }.contains("an input is the output of a layer (Add)\n"))
  }

  @Test func errorsNameTheLayer() throws {
    let (x, y) = (Input([2], name: "x"), Input([2], name: "x"))
    #expect(refusal { try Model(inputs: [x, y], outputs: [Add()([x, y])]) }.contains("two layers are named 'x'"))
    #expect(refusal { try Model(x, Flatten(name: "x")(x)) }.contains("a layer that is applied twice is wrapped once"))
    let negative = Input([-2])
    #expect(refusal { try Model(negative, negative) }.contains("layer 'input_layer'"))
    #expect(refusal { try Model(x, MaxPooling2D()(x)) }.contains("layer 'max_pooling2d': the input must be"))
    #expect(refusal { try Model(x, Softmax(axis: 3)(x)) }.contains("'softmax'"))
  }
}
