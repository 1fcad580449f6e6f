import Apus
import ApusGraph
import Foundation
import TestSupport
import Testing

/// First values of variables: Keras's formulas, bits that depend on nothing but name, type and seed.
@Suite struct InitializationTests {
  struct Reference: Decodable {
    let name: String
    let seed: UInt64
    let shape: [Int]
    let initializer: String
    let first: [Double]
  }

  private func values(
    _ initializer: Initializer, _ shape: [Int], name: String = "w", seed: UInt64 = 0, dtype: DType = .f64
  ) throws -> [Double] {
    try Variable(name, TensorType(dtype, Shape(shape)), initializer).initialValue(seed: seed).doubles()
  }

  @Test func agreesWithPython() throws {
    let references: [Reference] = try resource("initial_values.json")
    #expect(references.count == 6)
    for r in references {
      let initializer = try #require(Initializer(attributeValue: .name(r.initializer)))
      let actual = try values(initializer, r.shape, name: r.name, seed: r.seed)
      #expect(actual.count == r.shape.reduce(1, *))
      for (x, y) in zip(actual, r.first) { #expect(abs(x - y) <= 1e-15, "\(r.initializer): \(x), not \(y)") }
    }
  }

  /// Large variables are drawn in parts, by all processors: the same numbers as one after the other. Parts begin at
  /// multiples of 65,536; elements of a uniform distribution come in twos.
  @Test(arguments: [1, 2, 65_535, 65_536, 65_537, 65_538, 131_072, 196_613])
  func partsAgree(_ count: Int) throws {
    let stream = StableHash.fnv1a("w")
    var generator = PhiloxGenerator(seed: 7, stream: stream)
    func unit() -> Double { Double(generator.next() >> 11) / 0x1p53 }
    let uniform = (0..<count).map { _ in -1 + 3 * unit() }
    func check(_ initializer: Initializer, _ dtype: DType, _ expected: [Double]) throws {
      let found = try values(initializer, [count], seed: 7, dtype: dtype)
      #expect(found.count == count)
      // Of arrays that differ, the comparison of all would take hours to explain.
      let first = zip(found, expected).enumerated().first { $1.0 != $1.1 }?.offset
      #expect(first == nil, "\(initializer), \(dtype)")
    }
    try check(.uniform(low: -1, high: 2), .f64, uniform)
    try check(.uniform(low: -1, high: 2), .f32, uniform.map { Double(Float($0)) })

    generator = PhiloxGenerator(seed: 7, stream: stream)
    let normal = (0..<count).map { _ -> Double in
      let radius = (-2 * log(1 - unit())).squareRoot()
      return 3 + 2 * (radius * cos(2 * .pi * unit()))
    }
    try check(.normal(mean: 3, deviation: 2), .f64, normal)
  }

  /// Keras's order of an LSTM's gates: input, forget, cell, output.
  @Test func theForgetGateBeginsOpen() throws {
    #expect(try values(.forgetGateOnes, [8]) == [0, 0, 1, 1, 0, 0, 0, 0])
  }

  private func moments(_ x: [Double]) -> (mean: Double, variance: Double) {
    let mean = x.reduce(0, +) / Double(x.count)
    return (mean, x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count))
  }

  @Test func variances() throws {
    // Variance scale / fan for each, whatever the distribution; 1% of it at 20,000 draws is above three deviations.
    let shape = [100, 200]
    let expected: [(Initializer, Double)] = [
      (.glorotUniform, 1 / 150.0), (.glorotNormal, 1 / 150.0), (.heUniform, 2 / 100.0), (.heNormal, 2 / 100.0),
      (.lecunUniform, 1 / 100.0), (.lecunNormal, 1 / 100.0), (.normal(mean: 3, deviation: 2), 4),
      (.uniform(low: -1, high: 2), 9 / 12.0),
    ]
    for (initializer, variance) in expected {
      let (mean, found) = moments(try values(initializer, shape))
      #expect(abs(found / variance - 1) < 0.04, "\(initializer): \(found), not \(variance)")
      let center: Double =
        switch initializer {
        case .normal(let mean, _): mean
        case .uniform(let low, let high): (low + high) / 2
        default: 0
        }
      let limit = 4 * (variance / 20_000).squareRoot()
      #expect(abs(mean - center) < limit, "\(initializer): \(mean)")
    }
  }

  @Test func truncation() throws {
    let x = try values(.truncatedNormal(mean: 1, deviation: 0.5), [10_000])
    #expect(x.allSatisfy { abs($0 - 1) <= 1 })
    #expect(x.contains { abs($0 - 1) > 0.95 })
    // The deviation of a standard normal cut at ±2.
    #expect(abs(moments(x).variance.squareRoot() / 0.5 - 0.8796) < 0.02)
  }

  @Test(arguments: [[7, 7], [9, 4], [4, 9], [3, 2, 5]]) func orthogonal(_ shape: [Int]) throws {
    let gain = 1.5
    let x = try values(.orthogonal(gain: gain), shape)
    let columns = shape[shape.count - 1]
    let rows = x.count / columns
    func matrix(_ i: Int, _ j: Int) -> Double { rows >= columns ? x[j * columns + i] : x[i * columns + j] }
    // Columns of a tall matrix, rows of a wide one.
    for i in 0..<min(rows, columns) {
      for k in 0..<min(rows, columns) {
        let dot = (0..<max(rows, columns)).reduce(0.0) { $0 + matrix(i, $1) * matrix(k, $1) }
        let expected = i == k ? gain * gain : 0
        #expect(abs(dot - expected) < 1e-12, "\(shape): \(i) · \(k) = \(dot)")
      }
    }
  }

  @Test func exactOnes() throws {
    #expect(try values(.identity(gain: 2), [2, 3]) == [2, 0, 0, 0, 2, 0])
    #expect(try values(.constant(0.5), [3]) == [0.5, 0.5, 0.5])
    #expect(try values(.ones, [2], dtype: .i32) == [1, 1])
    #expect(try values(.glorotUniform, [0, 4]) == [])
  }

  @Test func dependOnNameAndSeedOnly() throws {
    let first = try values(.glorotUniform, [4, 4])
    #expect(try values(.glorotUniform, [4, 4]) == first)
    #expect(try values(.glorotUniform, [4, 4], name: "v") != first)
    #expect(try values(.glorotUniform, [4, 4], seed: 1) != first)
    var own = Variable("w", TensorType(.f64, [4, 4]), .glorotUniform)
    own.seed = 0
    #expect(try own.initialValue(seed: 99).doubles() == first)

    /// Values of `w` beside other variables, in another order.
    func inSession(_ names: [String]) throws -> Tensor? {
      let builder = GraphBuilder()
      let sum = try names.map { try builder.variable($0, .f32, [4, 4]) }.reduce(builder.constant(0)) { try $0 + $1 }
      let session = Session(seed: 5)
      _ = try session.load(builder.build([sum]))
      return session.value(of: "w")
    }
    #expect(try inSession(["w"]) != nil)
    #expect(try inSession(["a", "w", "z"]) == inSession(["w"]))
    #expect(try inSession(["z", "w", "a"]) == inSession(["w"]))
  }

  @Test func errorsNameTheVariable() {
    expectError("variable 'w': the initializer orthogonal") { try values(.orthogonal(gain: 1), [4]) }
    expectError("variable 'w': the initializer identity") { try values(.identity(gain: 1), [2, 2, 2]) }
    expectError("variable 'w' of type i32 cannot be initialized") { try values(.heNormal, [2, 2], dtype: .i32) }
    expectError("variable 'w' has the symbolic shape [batch]") {
      try Variable("w", TensorType(.f32, ["batch"]), .zeros).initialValue(seed: 0)
    }
  }
}
