import Apus
import Testing

/// Models inside models, and variables that training leaves alone.
@Suite struct SubModelTests {
  private func encoder(_ name: String = "encoder") throws -> Sequential {
    try Sequential(name: name, input: [4]) {
      Dense(3, activation: .tanh)
      Dense(2)
    }
  }

  private func labels(_ model: any LayeredModel) -> [String] { model.graph.variables.map(\.declaration.label) }

  @Test func aModelIsALayer() throws {
    let nested = try Sequential(name: "m", input: [4]) {
      try encoder()
      Dense(1)
    }
    #expect(
      labels(nested) == [
        "encoder/dense/kernel", "encoder/dense/bias", "encoder/dense_1/kernel", "encoder/dense_1/bias", "dense/kernel",
        "dense/bias",
      ])
    let flat = try Sequential(name: "m", input: [4]) {
      Dense(3, activation: .tanh)
      Dense(2)
      Dense(1)
    }
    let x = try counted([3, 4], scale: 0.1)
    let (a, b) = (Session(backend: InterpreterBackend()), Session(backend: InterpreterBackend()))
    let (first, second) = (try a.load(nested.graph), try b.load(flat.graph))
    for (name, other) in zip(labels(nested), labels(flat)) {
      let value = try #require(a.value(of: name))
      try b.setValue(value, of: other)
    }
    let (found, expected) = (try first.run([x]), try second.run([x]))
    #expect(found == expected)
  }

  /// As Keras 3.15 prints it.
  @Test func summariesOfNestedModels() throws {
    let input = Input([2])
    let inner = try Model(name: "fun", input, Add()([Dense(2)(input), input]))
    let model = try Sequential(name: "m", input: [4]) {
      try Sequential(name: "enc", input: [4]) {
        Dense(3)
        Dense(2).frozen()
      }
      inner
      Dense(1)
    }
    let rows: [[String]] = model.summary(expandNested: true).split(separator: "\n").filter { $0.hasPrefix("│") }.map {
      $0.split(separator: "│").map { cell in
        var text = String(cell)
        while text.hasSuffix(" ") { text.removeLast() }
        return text
      }
    }
    let expected: [[String]] = [
      [" enc (Sequential)", " (None, 2)", "              23"],
      ["    └ dense (Dense)", " (None, 3)", "              15"],
      ["    └ dense_1 (Dense)", " (None, 2)", "               8"],
      [" fun (Functional)", " (None, 2)", "               6"],
      ["    └ input_layer (InputLayer)", " (None, 2)", "               0"],
      ["    └ dense (Dense)", " (None, 2)", "               6"], ["    └ add (Add)", " (None, 2)", "               0"],
      [" dense (Dense)", " (None, 1)", "               3"],
    ]
    #expect(rows == expected)
    let text = model.summary()
    #expect(!text.contains("└ dense"))
    #expect(
      text.contains(" Total params: 32 (128.00 B)\n Trainable params: 24 (96.00 B)\n Non-trainable params: 8 (32.00 B)")
    )
  }

  @Test func oneModelForSeveralCalls() throws {
    let encode = Shared(try encoder())
    let (left, right) = (Input([4], name: "left"), Input([4], name: "right"))
    let model = try Model(inputs: [left, right], outputs: [Subtract()([encode(left), encode(right)])])
    #expect(model.parameterCount == 4 * 3 + 3 + 3 * 2 + 2)
    let x = try counted([2, 4], scale: 0.1)
    #expect(try Session().run(model.graph, feeds: ["left": x, "right": x])[0] == Tensor(zeros: .f32, [2, 2]))
    #expect(model.summaryTable.rows.map(\.name) == ["left", "right", "encoder", "subtract"])
    #expect(model.summaryTable.rows[2].connections == ["left[0][0]", "right[0][0]"])
    // Each call of a model that is not shared is a model of its own.
    let plain = try encoder("sequential")
    let twice = try Model(inputs: [left, right], outputs: [Subtract()([plain(left), plain(right)])])
    #expect(twice.parameterCount == 2 * model.parameterCount)
    #expect(twice.summaryTable.rows.map(\.name) == ["left", "right", "sequential", "sequential_1", "subtract"])
  }

  @Test func modelsWithSeveralInputsAndOutputs() throws {
    let (a, b) = (Input([2], name: "a"), Input([2], name: "b"))
    let inner = try Model(name: "both", inputs: [a, b], outputs: [Add()([a, b]), Subtract()([a, b])])
    let x = Input([2], name: "x")
    let parts = inner.outputs(of: [x, Rescaling(scale: 3)(x)])
    let model = try Model(x, Concatenate()([parts[1], parts[0]]))
    let y = try Session().run(model.graph, feeds: ["x": Tensor([1, 2] as [Float], [1, 2])])[0]
    #expect(y == (try Tensor([-2, -4, 4, 8] as [Float], [1, 4])))
    #expect(model.summaryTable.rows.last?.connections == ["both[0][1]", "both[0][0]"])
  }

  @Test func frozenVariablesStay() throws {
    let x = Input([4])
    let y = Dense(2, activation: .softmax)(try encoder().frozen()(x))
    let model = try Model(x, y)
    #expect(model.trainableParameterCount == 2 * 2 + 2)
    let trainer = try model.compile(loss: .sparseCategoricalCrossEntropy, backend: InterpreterBackend())
    let before = trainer.state
    _ = try trainer.trainOnBatch(counted([2, 4], scale: 0.1), Tensor([0, 1] as [UInt8]))
    for (name, value) in trainer.state where name.hasPrefix("encoder") { #expect(value == before[name], "\(name)") }
    #expect(trainer.state["dense/kernel"] != before["dense/kernel"])
    #expect(!trainer.optimizerState.contains { $0.name.contains("encoder") })
  }

  @Test func layersAreFrozenByName() throws {
    let model = try encoder()
    #expect(try model.frozen().trainableParameterCount == 0)
    #expect(try model.frozen(layers: ["dense"]).trainableParameterCount == 3 * 2 + 2)
    #expect(try model.frozen().unfrozen(layers: ["dense_1"]).trainableParameterCount == 3 * 2 + 2)
    #expect(try model.frozen().unfrozen().trainableParameterCount == model.parameterCount)
    #expect(try model.frozen().graph.variables.map(\.id) == model.graph.variables.map(\.id))
    #expect(
      refusal { try model.frozen(layers: ["dense_2"]) }.contains("model 'encoder' has no layer 'dense_2'"))
    #expect(refusal { try model.unfrozen(layers: ["dnse"]) }.contains("has no layer 'dnse'"))
  }

  /// Its statistics are neither used nor moved; a plain one does both.
  @Test func frozenBatchNormalizationUsesItsAverages() throws {
    let x = try counted([4, 3])
    for isFrozen in [false, true] {
      let input = Input([3])
      let layer = BatchNormalization()
      let model = try Model(input, isFrozen ? layer.frozen()(input) : layer(input))
      let graph = try model.graph.bound(to: .training)
      #expect(graph.updates.count == (isFrozen ? 0 : 2))
      let y = try Session(backend: InterpreterBackend()).run(graph, feeds: ["input_layer": x])[0].doubles()
      // Averages of 0 and 1: all but the identity.
      let isIdentity = zip(y, x.doubles()).allSatisfy { abs($0 * 1.001.squareRoot() - $1) < 1e-5 }
      #expect(isIdentity == isFrozen)
    }
    let shared = Shared(BatchNormalization().frozen())
    let (a, b) = (Input([3]), Input([3]))
    #expect(try Model(inputs: [a, b], outputs: [Add()([shared(a), shared(b)])]).parameterCount == 12)
  }

  @Test func errorsNameTheModelAndTheLayer() throws {
    let x = Input([5])
    let inner = try encoder()
    #expect(
      refusal { try Model(x, inner(x)) }.contains(
        "layer 'encoder/input': the model declares f32[batch, 4], but is given f32[batch, 5]"))
    #expect(
      refusal { try Model(x, inner([x, x])) }.contains("layer 'encoder': it takes 1 inputs, not 2"))
  }
}
