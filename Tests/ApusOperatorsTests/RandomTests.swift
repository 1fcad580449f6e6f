import Apus
import ApusOperators
import Foundation
import TestSupport
import Testing

@Suite struct RandomTests {
  /// Against Philox written again in another language.
  @Test(arguments: try ReferenceCase.load("random.jsonl"))
  func agreesWithReference(_ reference: ReferenceCase) throws {
    #expect(try reference.mismatches() == [])
  }

  /// Draws one tensor in the interpreter.
  private func draw(counter: Int64, _ build: (GraphBuilder, Value) throws -> Value) throws -> Tensor {
    let builder = GraphBuilder()
    let value = try build(builder, builder.parameter("counter", .i64, []))
    return try Interpreter(builder.build([value])).run([Tensor(scalar: counter)], variables: []).outputs[0]
  }

  /// Element i depends on seed, counter and i only: not on the shape around it, and not on what was drawn before.
  @Test(arguments: [DType.f32, .f64])
  func drawsArePositional(_ dtype: DType) throws {
    for count in [0, 1, 2, 3, 5, 1001] {
      let uniform = try draw(counter: 7) { try $0.randomUniform($1, dtype, [.number(count)], seed: 3) }
      let longer = try draw(counter: 7) { try $0.randomUniform($1, dtype, [2, 600], seed: 3) }
      #expect(uniform.doubles() == Array(longer.doubles().prefix(count)))
      let normal = try draw(counter: 7) { try $0.randomNormal($1, dtype, [.number(count)], seed: 3) }
      let longerNormal = try draw(counter: 7) { try $0.randomNormal($1, dtype, [2, 600], seed: 3) }
      #expect(normal.doubles() == Array(longerNormal.doubles().prefix(count)))
    }
  }

  /// The documented formulas, word by word and in reverse order.
  @Test func formulas() throws {
    let philox = Philox(seed: 11)
    let stream = UInt64(bitPattern: -2)
    let single = try draw(counter: -2) { try $0.randomUniform($1, .f32, [3, 5], seed: 11, low: -2, high: 3) }
    let double = try draw(counter: -2) { try $0.randomUniform($1, .f64, [3, 5], seed: 11) }
    let normal = try draw(counter: -2) { try $0.randomNormal($1, .f64, [3, 5], seed: 11, mean: 1, deviation: 2) }
    for i in (0..<15).reversed() {
      #expect(single.elements(as: Float.self)[i] == Float(philox.uniform(i, stream: stream)) * 5 - 2)
      let low = UInt64(philox.word(2 * i, stream: stream))
      let high = UInt64(philox.word(2 * i + 1, stream: stream))
      #expect(double.elements(as: Double.self)[i] == Double((high << 32 | low) >> 11) * 0x1p-53)
      // Box and Muller by the C library: the same but for the last bits.
      let u = (Double(low) + 1) * 0x1p-32
      let z = (-2 * log(u)).squareRoot() * cos(2 * .pi * Double(high) * 0x1p-32)
      #expect(abs(normal.elements(as: Double.self)[i] - (1 + 2 * z)) < 1e-14)
    }
  }

  /// The spelt-out logarithm and cosine against the C library's, at the ends and in every eighth of a turn.
  @Test func standardNormal() {
    let firsts: [UInt32] = [0, 1, 2, 1 << 16, 0x7fff_ffff, 0x8000_0000, 0xb504_f333, 0xb504_f334, .max - 1, .max]
    let seconds = (0..<64).flatMap { i in [0, 1, UInt32.max].map { UInt32(i) << 26 &+ $0 } }
    for first in firsts {
      let radius = (-2 * log((Double(first) + 1) * 0x1p-32)).squareRoot()
      for second in seconds {
        let expected = radius * cos(2 * .pi * (Double(second) * 0x1p-32))
        #expect(abs(StandardNormal.draw(first, second) - expected) <= 2e-15 * max(radius, 1), "\(first) \(second)")
      }
    }
    #expect(StandardNormal.draw(0, 0) < 6.67)
  }

  @Test(arguments: [DType.f32, .f64])
  func distributions(_ dtype: DType) throws {
    let n = 200_000
    let shape: Shape = [.number(n)]
    let uniform = try draw(counter: 0) { try $0.randomUniform($1, dtype, shape, seed: 5, low: 2, high: 6) }.doubles()
    #expect(uniform.allSatisfy { $0 >= 2 && $0 < 6 })
    expectMoments(uniform, mean: 4, variance: 16.0 / 12, kurtosis: 1.8)
    let normal = try draw(counter: 0) { try $0.randomNormal($1, dtype, shape, seed: 5, mean: -1, deviation: 3) }
      .doubles()
    expectMoments(normal, mean: -1, variance: 9, kurtosis: 3)
    // The tails: 4.55 % beyond two deviations, 0.27 % beyond three.
    for (limit, share) in [(2.0, 0.0455003), (3.0, 0.0026998)] {
      let count = Double(normal.count { abs($0 + 1) > 3 * limit })
      #expect(abs(count - Double(n) * share) < 5 * (Double(n) * share * (1 - share)).squareRoot())
    }
  }

  /// Mean and variance within five standard errors.
  private func expectMoments(_ numbers: [Double], mean: Double, variance: Double, kurtosis: Double) {
    let n = Double(numbers.count)
    let m = numbers.reduce(0, +) / n
    let v = numbers.reduce(0) { $0 + ($1 - m) * ($1 - m) } / n
    #expect(abs(m - mean) < 5 * (variance / n).squareRoot())
    #expect(abs(v - variance) < 5 * variance * ((kurtosis - 1) / n).squareRoot())
  }

  @Test func seedsAndCountersAreIndependent() throws {
    func numbers(_ counter: Int64, _ seed: UInt64) throws -> [Double] {
      try draw(counter: counter) { try $0.randomNormal($1, .f64, [20_000], seed: seed) }.doubles()
    }
    let (a, b, c) = (try numbers(0, 1), try numbers(1, 1), try numbers(0, 2))
    #expect(try numbers(0, 1) == a)
    for other in [b, c] {
      // The correlation of independent normals has standard deviation 1 / √n.
      var sum = 0.0
      for (x, y) in zip(a, other) { sum += x * y }
      #expect(abs(sum) < 5 * 20_000.0.squareRoot())
    }
  }

  /// Rounding must not reach the open end.
  @Test func uniformStaysBelowHigh() throws {
    let numbers = try draw(counter: 0) {
      try $0.randomUniform($1, .f32, [100_000], seed: 1, low: 1, high: 1.0000002)
    }
    let high = Float(1.0000002)
    #expect(numbers.elements(as: Float.self).allSatisfy { $0 >= 1 && $0 < high })
  }

  @Test func theShapeMayHoldSymbols() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, ["batch", 3])
    let noise = try builder.randomNormal(builder.constant(Tensor(scalar: Int64(1))), .f32, x.shape, seed: 1)
    let graph = try builder.build([x + noise]).specialized(["batch": 2])
    #expect(graph.outputTypes == [TensorType(.f32, [2, 3])])
  }

  @Test func refusals() throws {
    let builder = GraphBuilder()
    let counter = try builder.parameter("c", .i64, [])
    let counters = try builder.parameter("d", .i64, [2])
    expectError("the counter must be a scalar") { try builder.randomUniform(counters, .f32, [2], seed: 0) }
    expectError("random numbers are f32 or f64, not i32") { try builder.randomUniform(counter, .i32, [2], seed: 0) }
    #expect(throws: Never.self) { try builder.randomNormal(counter, .f32, [2], seed: .max) }
    expectError("low must be below high") { try builder.randomUniform(counter, .f32, [2], seed: 0, low: 1, high: 1) }
    expectError("low must be below high") {
      try builder.randomUniform(counter, .f32, [2], seed: 0, low: 1, high: 1 + 1e-12)
    }
    expectError("low must be below high") { try builder.randomUniform(counter, .f32, [2], seed: 0, low: .nan) }
    expectError("deviation not negative") { try builder.randomNormal(counter, .f32, [2], seed: 0, deviation: -1) }
    expectError("larger than any memory") {
      try builder.randomNormal(counter, .f32, [2_000_000_000, 2_000_000_000], seed: 0)
    }
  }
}
