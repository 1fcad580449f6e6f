import Apus
import ApusGraph
import TestSupport
import Testing

/// Losses, metrics and steps of models with regularizers, constraints and masks against Keras's own.
/// `regularized_models.py` builds the same models.
@Suite struct RegularizedModelTests {
  struct Reference: Decodable {
    let name: String
    let x, y: [Double]
    let xShape, yShape: [Int]
    let sampleWeights: [Double]?
    let start, after: [String: [Double]]
    let evaluated, trained: [String: Double]

    enum CodingKeys: String, CodingKey {
      case name, x, y, start, after, evaluated, trained
      case xShape = "x_shape"
      case yShape = "y_shape"
      case sampleWeights = "sample_weights"
    }
  }

  static let references: [Reference] = (try? resource("regularized_models.json")) ?? []

  @Test func everyReferenceHasAModel() {
    #expect(Self.references.count == 13)
  }

  @Test(arguments: references.map(\.name)) func trainsAsKerasDoes(_ name: String) throws {
    let reference = try #require(Self.references.first { $0.name == name })
    let dtype: DType = name.contains("ids") ? .i32 : .f64
    let input = Input(Array(reference.xShape.dropFirst()), dtype: dtype)
    let model = try Model(input, Self.output(input, String(name.prefix { $0 != "," })))
    let trainer = try model.compile(
      optimizer: .sgd(learningRate: 0.1), loss: .meanSquaredError,
      metrics: [.meanAbsoluteError, .meanSquaredError, .named("cosine_similarity"), .meanSquaredError.weighted])
    // What is saved and read again has the same regularizers and masks.
    #expect(try Graph.parse(model.graph.description).first == model.graph)

    for (label, values) in reference.start {
      let type = try #require(trainer.session.value(of: label), "\(label) is no variable of \(name)")
      try trainer.session.setValue(Self.tensor(values, type.dimensions, type.dtype), of: label)
    }
    let x = try Self.tensor(reference.x, reference.xShape, dtype)
    let y = try Tensor(reference.y, reference.yShape)
    let weights = try reference.sampleWeights.map {
      try Tensor($0, name.hasPrefix("mask") ? Array(reference.yShape.prefix(2)) : [5])
    }
    expect(try trainer.evaluate(x, y, batchSize: 3, sampleWeights: weights), reference.evaluated, "\(name), evaluated")
    let trained = try trainer.trainOnBatch(x, y, sampleWeights: weights)
    // Keras's metrics of a training step forget the mask on the backend that made the file.
    let isMasked = name.hasPrefix("mask")
    expect(trained, reference.trained.filter { !isMasked || $0.key == "loss" }, "\(name), trained")
    for (label, values) in reference.after {
      let found = try #require(trainer.session.value(of: label)).doubles()
      let worst = zip(found, values).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? .nan
      #expect(found.count == values.count && worst < 1e-6, "\(name): \(label) is off by \(worst)")
    }
  }

  private static func tensor(_ values: [Double], _ shape: [Int], _ dtype: DType) throws -> Tensor {
    switch dtype {
    case .f32: try Tensor(values.map(Float.init), shape)
    case .i32: try Tensor(values.map(Int32.init), shape)
    default: try Tensor(values, shape)
    }
  }

  private func expect(_ found: [String: Double], _ expected: [String: Double], _ what: String) {
    for (log, value) in expected {
      #expect(
        abs((found[log] ?? .nan) - value) < 1e-6 * max(1, abs(value)),
        "\(what): \(log) is \(found[log] ?? .nan), not \(value)")
    }
  }

  // MARK: Models

  private static func output(_ x: SymbolicTensor, _ name: String) throws -> SymbolicTensor {
    switch name {
    case "dense": return pair(dense(3, "a")(x))
    case "frozen":
      return Dense(2, kernelRegularizer: .l2(), name: "b")(dense(3, "a").frozen()(x))
    case "convolutions": return convolutions(x)
    case "recurrent":
      let y = GRU(2, returnSequences: true, name: "b").regularized()(
        LSTM(
          2, returnSequences: true, kernelRegularizer: .l2(0.1), recurrentRegularizer: .l1(0.02),
          biasRegularizer: .l1(0.3), activityRegularizer: .l1l2(0.05, 0.02), kernelConstraint: .maxNorm(0.8),
          recurrentConstraint: .unitNorm(axis: 1), biasConstraint: .nonNegative, name: "a")(x))
      var last = SimpleRNN(2, name: "c").regularized()
      last.options.activityRegularizer = nil
      return last(y)
    case "bidirectional":
      return Bidirectional(LSTM(2, returnSequences: true).regularized(), mergeMode: .sum, name: "a")(x)
    case "normalization":
      let y = GroupNormalization(
        groups: 2, betaRegularizer: .l1(0.1), gammaRegularizer: .l2(0.2), betaConstraint: .nonNegative,
        gammaConstraint: .maxNorm(1.2), name: "b")(
          LayerNormalization(
            betaRegularizer: .l1(0.1), gammaRegularizer: .l2(0.2), betaConstraint: .nonNegative,
            gammaConstraint: .maxNorm(1.2), name: "a")(x))
      return PReLU(
        alphaInitializer: .ones, alphaRegularizer: .l2(0.3), alphaConstraint: .nonNegative, name: "d")(
          BatchNormalization(
            betaRegularizer: .l1(0.1), gammaRegularizer: .l2(0.2), betaConstraint: .nonNegative,
            gammaConstraint: .maxNorm(1.2), name: "c")(y))
    case "attention":
      return MultiHeadAttention(
        numHeads: 2, keyDim: 3, kernelRegularizer: .l2(0.1), biasRegularizer: .l1(0.2), activityRegularizer: .l2(0.3),
        kernelConstraint: .unitNorm(axis: 0), biasConstraint: .nonNegative, name: "a")(x, value: x)
    case "steps":
      var inner = dense(2, nil)
      inner.activityRegularizer = nil
      return ActivityRegularization(l1: 0.1, l2: 0.2, name: "b")(TimeDistributed(inner, name: "a")(x))
    case "ids":
      let y = Embedding(
        5, 3, embeddingsRegularizer: .l2(0.1), embeddingsConstraint: .unitNorm(axis: 1), name: "a")(x)
      return Dense(1, name: "b")(Flatten()(y))
    case "mask of ids":
      let y = LSTM(3, returnSequences: true, name: "b")(Embedding(5, 3, maskZero: true, name: "a")(x))
      return Dense(2, name: "c")(y)
    default:
      let y = GRU(2, returnSequences: true, name: "b")(Masking(name: "a")(x))
      return Dense(2, activityRegularizer: .l2(0.1), name: "c")(y)
    }
  }

  private static func dense(_ units: Int, _ name: String?) -> Dense {
    Dense(
      units, kernelRegularizer: .l2(0.1), biasRegularizer: .l1(0.3), activityRegularizer: .l1l2(0.05, 0.02),
      kernelConstraint: .maxNorm(0.8), biasConstraint: .nonNegative, name: name)
  }

  private static func pair(_ x: SymbolicTensor) -> SymbolicTensor {
    Dense(2, kernelRegularizer: .orthogonal(0.3), kernelConstraint: .minMaxNorm(0.5, 0.9, rate: 0.75), name: "b")(x)
  }

  private static func convolutions(_ x: SymbolicTensor) -> SymbolicTensor {
    var y = Conv2D(
      2, kernelSize: 3, kernelRegularizer: .l2(0.1), biasRegularizer: .l1(0.3),
      activityRegularizer: .l1l2(0.05, 0.02), kernelConstraint: .maxNorm(0.8), biasConstraint: .nonNegative,
      name: "a")(x)
    y = Conv2DTranspose(
      2, kernelSize: 2, kernelRegularizer: .l2(0.1), biasRegularizer: .l1(0.3),
      activityRegularizer: .l1l2(0.05, 0.02), kernelConstraint: .maxNorm(0.8), biasConstraint: .nonNegative,
      name: "b")(y)
    y = DepthwiseConv2D(
      kernelSize: 2, depthMultiplier: 2, depthwiseRegularizer: .l2(0.1), biasRegularizer: .l1(0.3),
      activityRegularizer: .l1l2(0.05, 0.02), depthwiseConstraint: .maxNorm(0.8), biasConstraint: .nonNegative,
      name: "c")(y)
    return SeparableConv2D(
      2, kernelSize: 2, depthwiseRegularizer: .l2(0.1), pointwiseRegularizer: .l1(0.04), biasRegularizer: .l1(0.3),
      activityRegularizer: .l1l2(0.05, 0.02), depthwiseConstraint: .maxNorm(0.8), pointwiseConstraint: .nonNegative,
      biasConstraint: .nonNegative, name: "d")(y)
  }
}

extension RecurrentLayer {
  /// With what `recurrent()` of the script gives.
  fileprivate func regularized() -> Self {
    var layer = self
    (layer.options.kernelRegularizer, layer.options.recurrentRegularizer) = (.l2(0.1), .l1(0.02))
    (layer.options.biasRegularizer, layer.options.activityRegularizer) = (.l1(0.3), .l1l2(0.05, 0.02))
    (layer.options.kernelConstraint, layer.options.recurrentConstraint) = (.maxNorm(0.8), .unitNorm(axis: 1))
    layer.options.biasConstraint = .nonNegative
    return layer
  }
}
