import Apus
import TestSupport
import Testing

/// Capsules: Sabour, Frosst and Hinton 2017. Values against the formulas written down here, gradients against
/// differences, and a small model that learns.
@Suite struct CapsuleTests {
  /// Equation 1.
  private func squash(_ s: [Double]) -> [Double] {
    let square = s.reduce(0) { $0 + $1 * $1 }
    return s.map { square == 0 ? 0 : square / (1 + square) * $0 / square.squareRoot() }
  }

  @Test func squashShortens() throws {
    let vectors: [[Double]] = [[3, 4], [0, 0], [0.01, -0.02], [-100, 5]]
    let x = try Tensor(vectors.flatMap(\.self), [1, 4, 2])
    let y = try output(of: Lambda { try $0.squashed() }, x).doubles()
    for (i, expected) in vectors.flatMap(squash).enumerated() { #expect(abs(y[i] - expected) < 1e-9) }
    let others = try Tensor([3.0, 4, 0.5, -0.2, -10, 5], [3, 2])
    try expectGradients([others], orders: 1...1) { try $1[0].squashed() }
  }

  /// Procedure 1, capsule by capsule.
  private func routed(
    _ x: [[Double]], _ kernel: (Int, Int, Int) -> Double, _ count: Int, _ dimension: Int, _ routings: Int
  )
    -> [[Double]]
  {
    let predictions = x.enumerated().map { i, vector in
      (0..<count).map { j in
        (0..<dimension).map { d in vector.indices.reduce(0) { $0 + vector[$1] * kernel(i, $1, j * dimension + d) } }
      }
    }
    var logits = x.map { _ in [Double](repeating: 0, count: count) }
    var v: [[Double]] = []
    for _ in 0..<routings {
      v = (0..<count).map { j in
        var sum = [Double](repeating: 0, count: dimension)
        for i in x.indices {
          let weights = logits[i].map { exponential($0) }
          for d in 0..<dimension { sum[d] += weights[j] / weights.reduce(0, +) * predictions[i][j][d] }
        }
        return squash(sum)
      }
      for i in x.indices {
        for j in 0..<count { for d in 0..<dimension { logits[i][j] += predictions[i][j][d] * v[j][d] } }
      }
    }
    return v
  }

  /// eˣ as its series, which is exact enough for the arguments here.
  private func exponential(_ x: Double) -> Double {
    var (term, sum) = (1.0, 1.0)
    for n in 1...40 {
      term *= x / Double(n)
      sum += term
    }
    return sum
  }

  @Test(arguments: 1...4) func routingByAgreement(_ routings: Int) throws {
    let (inputs, size, count, dimension) = (5, 3, 2, 4)
    let x = try LayerReference.numbers([2, inputs, size], salt: 1)
    let kernel = try LayerReference.numbers([inputs, size, count * dimension], salt: 10)
    let y = try output(
      of: Capsules(count, dimension: dimension, routings: routings), x, variables: ["kernel": kernel])
    #expect(y.dimensions == [2, count, dimension])
    let (values, weights) = (x.doubles(), kernel.doubles())
    for sample in 0..<2 {
      let vectors = (0..<inputs).map { i in
        let start = (sample * inputs + i) * size
        return Array(values[start..<start + size])
      }
      let expected = routed(
        vectors, { i, k, column in weights[(i * size + k) * count * dimension + column] }, count, dimension, routings)
      for (position, value) in expected.flatMap(\.self).enumerated() {
        #expect(abs(y.doubles()[sample * count * dimension + position] - value) < 1e-9)
      }
    }
  }

  @Test func gradientsOfRouting() throws {
    let x = try LayerReference.numbers([2, 3, 2], salt: 4)
    let kernel = try LayerReference.numbers([3, 2, 4], salt: 6)
    let input = Input([3, 2], dtype: .f64)
    let model = try Model(input, CapsuleLength()(Capsules(2, dimension: 2)(input)))
    let graph = try model.graph.specialized(["batch": 2])
    func loss(_ x: Tensor, _ kernel: Tensor) throws -> Double {
      try Interpreter(graph).run([x], variables: [kernel]).outputs[0].doubles().enumerated()
        .reduce(0) { $0 + $1.element * Double($1.offset + 1) }
    }
    let builder = GraphBuilder(extending: graph)
    let y = builder.value(graph.outputs[0])
    let weights = try builder.constant(Tensor([1.0, 2, 3, 4], [2, 2]))
    let sources = [builder.value(graph.parameters[0]), builder.value(graph.variables[0].id)]
    let found = try Interpreter(
      builder.build(gradients(of: (y * weights).sum(), withRespectTo: sources))
    ).run([x], variables: [kernel]).outputs
    for (source, gradient) in zip([x, kernel], found) {
      for position in source.doubles().indices {
        func moved(_ h: Double) throws -> Double {
          var values = source.doubles()
          values[position] += h
          let changed = try Tensor(values, source.dimensions)
          return source == x ? try loss(changed, kernel) : try loss(x, changed)
        }
        let difference = try (moved(1e-5) - moved(-1e-5)) / 2e-5
        #expect(abs(gradient.doubles()[position] - difference) < 1e-7)
      }
    }
  }

  /// Bright rows in images of 8 × 8: primary capsules, capsules of classes, and the margin loss of the paper.
  @Test func aSmallModelLearns() throws {
    func model() throws -> Sequential {
      try Sequential(name: "capsules", input: [8, 8, 1]) {
        Conv2D(8, kernelSize: 3, activation: .relu)
        PrimaryCapsules(4, dimension: 4, kernelSize: 3, strides: 2)
        Capsules(2, dimension: 4)
        CapsuleLength()
      }
    }
    let pixels: [Float] = (0..<8 * 64).map { position in
      let (sample, row) = (position / 64, position % 64 / 8)
      return (sample.isMultiple(of: 2) ? row < 3 : row > 4) ? 1 : Float(position * 37 % 11) / 40
    }
    let x = try Tensor(pixels, [8, 8, 8, 1])
    let targets = try Tensor((0..<8).flatMap { $0.isMultiple(of: 2) ? [1, 0] : [0, 1] as [Float] }, [8, 2])
    func losses(_ backend: any Backend) throws -> [Double] {
      let trainer = try model().compile(
        optimizer: .adam(learningRate: 0.01), loss: .margin(), backend: backend, seed: 2)
      return try (0..<15).map { _ in try #require(trainer.trainOnBatch(x, targets)["loss"]) }
    }
    let expected = try losses(InterpreterBackend())
    #expect(expected[14] < 0.5 * expected[0], "\(expected)")
    guard NativeBackend.isAvailable else { return }
    for (loss, other) in zip(try losses(NativeBackend()), expected) { #expect(abs(loss - other) < 1e-4) }
  }

  @Test func refusals() throws {
    #expect(
      refusal { try output(of: Capsules(2), counted([1, 4])) }.contains(
        "layer 'capsules': the input must be (batch, capsules, size), not f32[batch, 4]"))
    #expect(
      refusal { try output(of: Capsules(2, routings: 0), counted([1, 4, 2])) }.contains(
        "the number of routings must be positive, not 0"))
    #expect(
      refusal { try output(of: PrimaryCapsules(0), counted([1, 4, 4, 1])) }.contains(
        "the number of capsules must be positive, not 0"))
  }
}
