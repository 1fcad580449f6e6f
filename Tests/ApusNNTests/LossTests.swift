import Apus
import ApusGraph
import TestSupport
import Testing

/// Losses against Keras's own values, and at the ends of their domains.
@Suite struct LossTests {
  struct Reference: Decodable {
    let loss: String
    let target: [Double]
    let targetShape: [Int]
    let prediction: [Double]
    let shape: [Int]
    let value: Double
    let gradient: [Double]

    private enum CodingKeys: String, CodingKey {
      case loss, target, prediction, shape, value, gradient
      case targetShape = "target_shape"
    }
  }

  /// What one step of gradient descent at rate 1 on the predictions themselves computes: the loss, and its derivatives.
  private static func run(
    _ loss: Loss, target: [Double], _ targetShape: [Int], prediction: [Double], _ shape: [Int], _ dtype: DType = .f64,
    backend: (any Backend)? = nil
  ) throws -> (value: Double, gradient: [Double]) {
    let builder = GraphBuilder("predictions")
    let x = try builder.variable("x", dtype, Shape(shape), .zeros)
    let labels: Value
    let feed: Tensor
    if loss.takesClassNumbers {
      labels = try builder.parameter("target", .i64, Shape(targetShape))
      feed = try Tensor(target.map { Int64($0) }, targetShape)
    } else {
      labels = try builder.parameter("target", dtype, Shape(targetShape))
      feed = dtype == .f64 ? try Tensor(target, targetShape) : try Tensor(target.map { Float($0) }, targetShape)
    }
    let value = try loss.mean(labels, x)
    let gradient = try gradients(of: value, withRespectTo: [x])[0]
    let session = Session(backend: backend)
    let program = try session.load(builder.build([value, gradient]))
    try session.setValue(
      dtype == .f64 ? Tensor(prediction, shape) : Tensor(prediction.map { Float($0) }, shape), of: "x")
    let results = try program.run([feed])
    return (results[0].doubles()[0], results[1].doubles())
  }

  @Test func agreeWithKeras() throws {
    let references: [Reference] = try resource("losses.json")
    #expect(references.count == 37)
    // Every loss is compared, but for the one that `RegistryTests` adds.
    let compared = try Set(references.map { try Loss.named($0.loss).name })
    let missing = LossRegistry.records.map(\.name).filter { !compared.contains($0) && $0 != "scaled_error" }
    #expect(missing == [])
    for test in references {
      let loss = try Loss.named(test.loss)
      let found = try Self.run(
        loss, target: test.target, test.targetShape, prediction: test.prediction, test.shape)
      #expect(abs(found.value - test.value) <= 1e-10 * max(1, abs(test.value)), "\(test.loss): \(found.value)")
      let scale = max(1e-3, test.gradient.map(abs).max() ?? 0)
      for (x, y) in zip(found.gradient, test.gradient) {
        #expect(abs(x - y) <= 1e-6 * scale, "\(test.loss): \(x), not \(y)")
      }
    }
  }

  /// Probabilities of 0 and 1, scores and errors as large as they come: numbers stay finite, derivatives too.
  @Test(arguments: LossRegistry.records.map(\.name)) func extremesAreFinite(_ name: String) throws {
    let loss = try Loss.named(name)
    let takesProbabilities: Set = [
      "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy",
      "sparse_categorical_crossentropy", "categorical_generalized_cross_entropy", "kl_divergence", "dice", "tversky",
      "margin", "poisson", "mean_squared_logarithmic_error",
    ]
    let rows: [[Double]] =
      takesProbabilities.contains(name) ? [[0, 1, 0], [1, 0, 0]] : [[0, 0, 0], [1e4, -1e4, 0]]
    let prediction = rows.flatMap(\.self)
    for dtype in [DType.f32, .f64] {
      if name == "ctc" {
        let steps = prediction + prediction
        let found = try Self.run(
          loss, target: [1, 2], [1, 2], prediction: steps, [1, 4, 3], dtype, backend: InterpreterBackend())
        #expect(found.value.isFinite && found.gradient.allSatisfy(\.isFinite), "\(name): \(found)")
        continue
      }
      for target in [[0.0, 1, 0, 0, 1, 0], [1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0]] {
        let labels = loss.takesClassNumbers ? [target[0], target[3]] : target
        let shape = loss.takesClassNumbers ? [2] : [2, 3]
        let found = try Self.run(loss, target: labels, shape, prediction: prediction, [2, 3], dtype)
        #expect(found.value.isFinite && found.gradient.allSatisfy(\.isFinite), "\(name), \(target): \(found)")
      }
    }
  }

  @Test(arguments: [
    "binary_crossentropy(from_logits=true)", "binary_focal_crossentropy(from_logits=true)",
    "binary_focal_crossentropy(gamma=0, from_logits=true)", "binary_focal_crossentropy(gamma=0.5)",
    "categorical_crossentropy(from_logits=true)", "categorical_focal_crossentropy(from_logits=true)",
    "categorical_focal_crossentropy(gamma=0)", "sparse_categorical_crossentropy(from_logits=true)",
    "sparse_categorical_crossentropy(from_logits=true, ignore_class=1)",
  ]) func largeScoresAreFinite(_ text: String) throws {
    let loss = try Loss.named(text)
    let prediction = text.contains("logits") ? [1e30, -1e30, 0, -88, 88, 1e4] : [0.0, 1, 0, 1, 0, 0]
    let target: [Double] = loss.takesClassNumbers ? [0, 1] : [0, 1, 0, 1, 0, 0]
    let found = try Self.run(
      loss, target: target, loss.takesClassNumbers ? [2] : [2, 3], prediction: prediction, [2, 3], .f32)
    #expect(found.value.isFinite && found.gradient.allSatisfy(\.isFinite), "\(found)")
  }

  /// The divisor stays the number of samples: [3, 1, 1] gives more than the weighted mean.
  @Test func weightsMultiplySamples() throws {
    let builder = GraphBuilder("weighted")
    let x = try builder.constant(Tensor([0.7, 0.3, 0.4, 0.6, 0.2, 0.8], [3, 2]))
    let labels = try builder.constant(Tensor([Int64(1), 1, 0], [3]))
    let weights = try builder.constant(Tensor([3.0, 1, 1], [3]))
    let loss = Loss.sparseCategoricalCrossEntropy
    let graph = try builder.build([loss.mean(labels, x, weights: weights), loss.samples(labels, x)])
    let results = try Session(backend: InterpreterBackend()).run(graph)
    let samples = results[1].doubles()
    #expect(abs(results[0].doubles()[0] - (3 * samples[0] + samples[1] + samples[2]) / 3) < 1e-12)
    #expect(abs(samples[0] - 1.203_972_804_325_936) < 1e-12)
  }

  /// Samples of the class that is left out change nothing, and their number is not part of the divisor.
  @Test func ignoredClassesTrain() throws {
    let data = try SyntheticImages(count: 12)
    let labels = data.labels.elements(as: UInt8.self)
    let holes = try Tensor(labels.enumerated().map { $0.offset % 3 == 0 ? UInt8(255) : $0.element }, [12])
    let trainer = try smallModel().compile(
      optimizer: .sgd(learningRate: 0.1), loss: .sparseCategoricalCrossEntropy(ignoreClass: 255))
    let few = (0..<12).filter { $0 % 3 != 0 }
    let loss = try trainer.trainOnBatch(data.images, holes)["loss"] ?? .nan
    let plain = try smallModel().compile(
      optimizer: .sgd(learningRate: 0.1), loss: .sparseCategoricalCrossEntropy)
    let expected = try plain.trainOnBatch(data.images.gather(rows: few), data.labels.gather(rows: few))["loss"] ?? .nan
    #expect(abs(loss - expected) < 1e-6)
    #expect(
      refusal { try trainer.trainOnBatch(data.images, Tensor([UInt8](repeating: 254, count: 12), [12])) }
        .contains("has the label 254"))
    #expect(refusal { try plain.trainOnBatch(data.images, holes) }.contains("has the label 255"))
  }
}
