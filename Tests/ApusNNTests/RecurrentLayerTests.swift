import Apus
import Testing

/// Options of recurrent layers that no table of values holds: masks of dropout, errors, names of variables.
@Suite struct RecurrentLayerTests {
  private func training(_ layer: any Layer, _ x: Tensor) throws -> Tensor {
    let input = Input(Array(x.dimensions.dropFirst()))
    let model = try Model(input, layer(input))
    return try Session(backend: InterpreterBackend(), seed: 4).run(
      model.graph.bound(to: .training), feeds: ["input_layer": x])[0]
  }

  private func inference(_ layer: any Layer, _ x: Tensor) throws -> Tensor {
    let input = Input(Array(x.dimensions.dropFirst()))
    return try Session(backend: InterpreterBackend(), seed: 4).run(
      Model(input, layer(input)).graph.bound(to: .inference), feeds: ["input_layer": x])[0]
  }

  @Test func dropoutIsForTrainingOnly() throws {
    let x = try counted([2, 4, 3], scale: 0.1)
    for layer in [
      LSTM(5, dropout: 0.5, name: "r"), LSTM(5, recurrentDropout: 0.5, name: "r"), LSTM(5, name: "r"),
    ] {
      let plain = try inference(LSTM(5, name: "r"), x)
      #expect(try inference(layer, x) == plain)
      let isDropping = layer.options.dropout + layer.options.recurrentDropout > 0
      #expect(try (training(layer, x) != plain) == isDropping)
    }
  }

  /// A feature that is dropped is dropped in all steps of a sequence.
  @Test func oneMaskServesAllSteps() throws {
    // A cell that sums its inputs: h ← x · I + h · 0.
    let layer = SimpleRNN(
      64, activation: .linear, returnSequences: true, kernelInitializer: .identity(gain: 1),
      recurrentInitializer: .zeros, dropout: 0.5)
    let y = try training(layer, Tensor(repeating: 1, .f32, [1, 3, 64])).elements(as: Float.self)
    #expect(Set(y) == [0, 2])
    #expect(Array(y[0..<64]) == Array(y[64..<128]) && Array(y[0..<64]) == Array(y[128..<192]))
  }

  @Test func recurrentDropoutLeavesTheFirstStep() throws {
    let x = try counted([1, 2, 3], scale: 0.1)
    let layer = SimpleRNN(8, returnSequences: true, recurrentDropout: 0.6, name: "r")
    let (dropped, plain) = (
      try training(layer, x).elements(as: Float.self),
      try training(SimpleRNN(8, returnSequences: true, name: "r"), x).elements(as: Float.self)
    )
    #expect(Array(dropped[0..<8]) == Array(plain[0..<8]), "the first state is 0, with or without its mask")
    #expect(Array(dropped[8...]) != Array(plain[8...]))
  }

  @Test func namesOfVariables() throws {
    let x = Input([4, 3])
    let y = TimeDistributed(Dense(2))(Bidirectional(GRU(2, returnSequences: true))(x))
    #expect(
      try Model(x, y).graph.variables.map(\.declaration.label) == [
        "bidirectional/forward_gru/kernel", "bidirectional/forward_gru/bias",
        "bidirectional/forward_gru/recurrent_kernel", "bidirectional/backward_gru/kernel",
        "bidirectional/backward_gru/bias", "bidirectional/backward_gru/recurrent_kernel",
        "time_distributed/dense/kernel", "time_distributed/dense/bias",
      ])
  }

  /// A step that is masked changes nothing: the sequence without it has the same last state.
  @Test func maskedStepsAreSkipped() throws {
    let steps = try counted([1, 3, 2], scale: 0.1).elements(as: Float.self)
    let gap = try Tensor(Array(steps[0..<2]) + [0, 0] + Array(steps[2..<6]) + [0, 0], [1, 5, 2])
    let input = Input([5, 2])
    let masked = try Model(name: "m", input, GRU(4, name: "r")(Masking()(input)))
    let found = try Session(backend: InterpreterBackend(), seed: 4).run(masked.graph, feeds: ["input_layer": gap])[0]
    let expected = try inference(GRU(4, name: "r"), Tensor(steps, [1, 3, 2]))
    for (a, b) in zip(found.doubles(), expected.doubles()) { #expect(abs(a - b) < 1e-6) }
    // A convolution mixes steps, so what follows it has no mask.
    let mixed = try Model(name: "m", input, GRU(4)(Conv1D(2, kernelSize: 1)(Masking()(input))))
    let unmasked = try Model(name: "m", input, GRU(4)(Conv1D(2, kernelSize: 1)(input)))
    let count = mixed.graph.nodes.count - unmasked.graph.nodes.count
    #expect(count <= 5, "only the nodes of Masking: \(count)")
  }

  /// Id 0 fills sequences up: with `maskZero` they end where they end without it.
  @Test func idsThatFillUpAreSkipped() throws {
    func states(_ ids: [Float], maskZero: Bool) throws -> [Double] {
      let input = Input([ids.count])
      let model = try Model(
        name: "m", input, LSTM(3, name: "r")(Embedding(6, 2, maskZero: maskZero, name: "e")(input)))
      let feed = try Tensor(ids, [1, ids.count])
      return try Session(backend: InterpreterBackend(), seed: 4).run(model.graph, feeds: ["input_layer": feed])[0]
        .doubles()
    }
    let short = try states([5, 2, 3], maskZero: false)
    for (a, b) in try zip(states([5, 2, 3, 0, 0], maskZero: true), short) { #expect(abs(a - b) < 1e-6) }
    #expect(try states([5, 2, 3, 0, 0], maskZero: false) != short)
    let image = Input([4, 4])
    #expect(refusal { try Model(image, Embedding(6, 2, maskZero: true)(image)) }.contains("ids of shape (batch, time)"))
  }

  @Test func sequencesOfImages() throws {
    let x = Input([3, 5, 4, 2])
    let model = try Model(x, ConvLSTM2D(6, kernelSize: 3)(x))
    #expect(model.parameterCount == 9 * 2 * 24 + 9 * 6 * 24 + 24)
    #expect(
      model.graph.variables.map(\.declaration.label).sorted() == [
        "conv_lstm2d/bias", "conv_lstm2d/kernel", "conv_lstm2d/recurrent_kernel",
      ])
    // The forget gates' biases begin at 1.
    let bias = try #require(
      Trainer(model.graph, optimizer: SGD(), loss: .meanSquaredError).weights.first { $0.name.hasSuffix("bias") })
    #expect(bias.value.doubles() == (0..<24).map { 6..<12 ~= $0 ? 1 : 0 })
    let dropped = ConvLSTM2D(2, kernelSize: 1, dropout: 0.5, name: "r")
    let images = try counted([1, 2, 3, 3, 2], scale: 0.1)
    #expect(try inference(dropped, images) == inference(ConvLSTM2D(2, kernelSize: 1, name: "r"), images))
    #expect(try training(dropped, images) != inference(dropped, images))
    let image = Input([5, 4, 2])
    #expect(
      refusal { try Model(image, ConvLSTM2D(2, kernelSize: 3)(image)) }.contains(
        "layer 'conv_lstm2d': the input must be (batch, time, height, width, channels)"))
    #expect(
      refusal { try Model(x, ConvLSTM2D(0, kernelSize: 3)(x)) }.contains("the number of filters must be positive"))
    #expect(refusal { try Model(x, ConvLSTM2D(2, kernelSize: [3, 3, 3])(x)) }.contains("the kernel has 3 sizes"))
    #expect(refusal { try Model(x, ConvLSTM2D(2, kernelSize: 3, dropout: -1)(x)) }.contains("the dropout must be"))
    let steps = Input([4, 3])
    let masked = TimeDistributed(Reshape([3, 1]))(Masking()(steps))
    #expect(refusal { try Model(steps, ConvLSTM1D(2, kernelSize: 2)(masked)) }.contains("the input has a mask"))
  }

  @Test func refusals() throws {
    let x = Input([4, 3])
    let state = Input([3])
    #expect(refusal { try Model(x, LSTM(2, dropout: 1)(x)) }.contains("layer 'lstm': the dropout must be at least 0"))
    #expect(
      refusal { try Model(inputs: [x, state], outputs: [LSTM(3)(x, initialState: [state])]) }.contains(
        "layer 'lstm': its initial state must be 2 of f32[batch, 3], not f32[batch, 3]"))
    #expect(
      refusal { try Model(x, Bidirectional(GRU(2), backwardLayer: GRU(2))(x)) }.contains(
        "layer 'bidirectional': its layers must run in opposite directions"))
    #expect(
      refusal { try Model(state, TimeDistributed(Dense(2))(state)) }.contains("the input must be (batch, time, …)"))
    #expect(refusal { try Model(state, Masking()(state)) }.contains("the input must be (batch, time, features)"))
    #expect(
      refusal { try Model(x, TimeDistributed(BatchNormalization())(x)).graph.bound(to: .training) }.contains(
        "is not a variable, so training cannot update it"))
  }
}
