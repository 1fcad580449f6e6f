import Apus
import Testing

/// Layers in training steps: their gradients, and native code against the interpreter.
@Suite struct LayerTrainingTests {
  /// Down to half the size and up again, in two ways that join the way around.
  private static func images() throws -> Model {
    let input = Input([8, 8, 2])
    let start = SeparableConv2D(4, kernelSize: 3, padding: .same, depthMultiplier: 2)(input)
    var x = LayerNormalization()(MaxPooling2D(poolSize: 3, strides: 2, padding: .explicit([[1, 1], [1, 1]]))(start))
    x = PReLU(sharedAxes: [1, 2])(Conv2D(6, kernelSize: 3, padding: .same, useBias: false)(x))
    x = LeakyReLU()(BatchNormalization()(x))
    let learned = Conv2DTranspose(4, kernelSize: 3, strides: 2, padding: .same, activation: .elu)(x)
    let smooth = UpSampling2D(interpolation: .bilinear)(Conv2D(4, kernelSize: 1)(x))
    x = Concatenate()([
      Maximum()([learned, smooth]), Average()([start, smooth, learned]), Multiply()([start, learned]),
    ])
    x = ReLU(maxValue: 4, negativeSlope: 0.1, threshold: 0.5)(Cropping2D(cropping: 1)(x))
    x = Minimum()([GlobalAveragePooling2D()(x), GlobalMaxPooling2D()(x)])
    return try Model(name: "images", input, Softmax()(Dense(3)(x)))
  }

  private static func volumes() throws -> Model {
    let input = Input([4, 4, 4, 2])
    var x = AveragePooling3D(poolSize: 2)(Conv3D(4, kernelSize: 3, padding: .same, activation: .tanh)(input))
    x = MaxPooling3D(poolSize: 2, strides: 1)(x)
    x = Add()([GlobalAveragePooling3D()(x), GlobalMaxPooling3D()(x)])
    return try Model(name: "volumes", input, Dense(3, activation: .softmax)(x))
  }

  private static func sequences() throws -> Model {
    let input = Input([6, 4])
    let shared = Shared(Conv1D(4, kernelSize: 3, padding: .same, activation: .relu))
    var x = shared(shared(input))
    x = Permute([2, 1])(AveragePooling1D(poolSize: 2, padding: .same)(x))
    x = Subtract()([GlobalAveragePooling1D()(x), GlobalMaxPooling1D()(x)])
    x = Flatten()(RepeatVector(2)(ELU()(x)))
    return try Model(name: "sequences", input, Dense(3, activation: .softmax)(x))
  }

  /// Attention in all its forms over embedded ids.
  private static func ids() throws -> Model {
    let input = Input([5])
    let ids = Rescaling(scale: 0.9, offset: 1)(input)
    let x = TokenAndPositionEmbedding(vocabularySize: 2, sequenceLength: 6, embeddingDim: 4)(ids)
    let heads = MultiHeadAttention(numHeads: 2, keyDim: 3)(x, value: x, useCausalMask: true)
    let key = Add()([PositionEmbedding(5)(x), Embedding(2, 4)(ids)])
    let products = Attention(useScale: true)(x, value: heads, key: key)
    let sums = AdditiveAttention()([x, heads])
    let y = GlobalAveragePooling1D()(Concatenate()([products, sums, heads]))
    return try Model(name: "ids", input, Dense(3, activation: .softmax)(Dense(6, activation: .geluTanh)(y)))
  }

  static let models: [@Sendable () throws -> Model] = [
    images, volumes, sequences, augmentation, recurrence, films, nesting, ids,
  ]

  @Test(arguments: models.indices) func stepsLearnAndAgree(_ index: Int) throws {
    let model = try Self.models[index]()
    let shape = model.summaryTable.rows[0].outputShapes[0].compactMap(\.self)
    let count: Int = 6 * shape.reduce(1, *)
    let values: [Float] = (0..<count).map { position in
      let noise: Int = (position * 73 + position / 7) % 41
      return Float(noise) / 20 - 1
    }
    let samples = try Tensor(values, [6] + shape)
    let labels = Tensor([0, 1, 2, 2, 1, 0] as [UInt8])
    func losses(_ backend: any Backend) throws -> [Double] {
      // A model that is compiled again keeps its weights.
      let trainer = try Self.models[index]().compile(
        optimizer: .adam(learningRate: 0.02), loss: .sparseCategoricalCrossEntropy, backend: backend, seed: 3)
      return try (0..<12).map { _ in try #require(trainer.trainOnBatch(samples, labels)["loss"]) }
    }
    let expected = try losses(InterpreterBackend())
    #expect(expected[11] < 0.9 * expected[0], "\(model.name): \(expected)")
    guard NativeBackend.isAvailable else { return }
    for (loss, other) in zip(try losses(NativeBackend()), expected) {
      #expect(abs(loss - other) < 1e-4 * max(1, other), "\(model.name): \(loss) and \(other)")
    }
  }

  /// Ids that occur again and again add to one row of the embedding's gradient, in one order.
  @Test(.enabled(if: NativeBackend.isAvailable)) func bitsOfEmbeddingsDoNotDependOnTheWorkers() throws {
    func model() throws -> Model {
      let input = Input([16], dtype: .i32)
      let x = TokenAndPositionEmbedding(vocabularySize: 40, sequenceLength: 16, embeddingDim: 72)(input)
      let attended = MultiHeadAttention(numHeads: 2, keyDim: 20)(x, value: x, useCausalMask: true)
      return try Model(input, Dense(40, activation: .softmax)(LayerNormalization()(Add()([x, attended]))))
    }
    let ids = try Tensor((0..<512).map { i -> Int32 in Int32(i * i % 37) }, [32, 16])
    let labels = try Tensor((0..<512).map { i -> UInt8 in UInt8(i * 7 % 40) }, [32, 16])
    let states = try (1...3).map { workers in
      let trainer = try model().compile(
        optimizer: .adam(), loss: .sparseCategoricalCrossEntropy, backend: NativeBackend(workers: workers), seed: 2)
      for _ in 0..<3 { _ = try trainer.trainOnBatch(ids, labels) }
      return trainer.state
    }
    #expect(states[0] == states[1] && states[0] == states[2])
  }
}
