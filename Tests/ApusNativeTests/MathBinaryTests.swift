import ApusCore
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Foundation
import Testing

@Suite struct MathBinaryTests {
  /// Numbers with what is special, for all pairs.
  private static let edges: [Double] = [
    0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 1.5, -1.5, .infinity, -.infinity, .nan, 1e-45, -1e-45, 1e38, -1e38, 1e10,
    -1e10, 16_777_215, -16_777_215, 16_777_216, 7.25, 1e-30,
  ]

  private static func pairs<T: BinaryFloatingPoint>(_ type: T.Type, _ more: [T]) -> (a: [T], b: [T]) {
    let numbers = edges.map { T($0) } + more
    return (numbers.flatMap { a in numbers.map { _ in a } }, numbers.flatMap { _ in numbers })
  }

  private static func isSame<T: BinaryFloatingPoint>(_ a: T, _ b: T) -> Bool {
    a.isNaN ? b.isNaN : a == b && a.sign == b.sign
  }

  private func compare<T: BinaryFloatingPoint>(
    _ dtype: DType, _ more: [T], _ name: String, _ build: (KernelBuilder, Register, Register) -> Register,
    _ reference: (T, T) -> T, within bound: Double = 0
  ) throws {
    let (a, b) = MathBinaryTests.pairs(T.self, more)
    for lanes in [nil, 1] {
      let kernel = try MathKernel(dtype, lanes: lanes, operands: 2) { b, x in build(b, x[0], x[1]) }
      let outputs = kernel(a, b)
      for (i, y) in outputs.enumerated() {
        let expected = reference(a[i], b[i])
        let isNear =
          bound > 0 && y.isFinite && expected.isFinite && abs(Double(y - expected)) <= bound * Double(expected.ulp)
        #expect(isNear || MathBinaryTests.isSame(expected, y), "\(name)(\(a[i]), \(b[i])) = \(y), not \(expected)")
      }
    }
  }

  private static func random<T: BinaryFloatingPoint>(_ count: Int, _ make: (UInt64) -> T) -> [T] {
    var state: UInt64 = 88
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return make(state)
    }
  }

  private static let floats = random(60) { Float(bitPattern: UInt32($0 >> 32)) }
  private static let doubles = random(60) { Double(bitPattern: $0 ^ ($0 >> 29)) }

  @Test func maximumAndMinimum() throws {
    try compare(.f32, MathBinaryTests.floats, "max", { $0.maximum($1, $2) }, { $0 > $1 || $0.isNaN ? $0 : $1 })
    try compare(.f32, MathBinaryTests.floats, "min", { $0.minimum($1, $2) }, { $0 < $1 || $0.isNaN ? $0 : $1 })
    try compare(.f64, MathBinaryTests.doubles, "max", { $0.maximum($1, $2) }, { $0 > $1 || $0.isNaN ? $0 : $1 })
  }

  /// The shorter way that a constant allows.
  @Test func maximumWithAConstant() throws {
    for limit in [0, -0.0, 1.5, .infinity] {
      try compare(
        .f32, [], "max", { b, x, _ in b.maximum(x, b.constant(limit, b.type(of: x))) },
        { (x: Float, _) in
          x > Float(limit) || x.isNaN ? x : Float(limit)
        })
      try compare(
        .f64, [], "min", { b, x, _ in b.minimum(x, b.constant(limit, b.type(of: x))) },
        { (x: Double, _) in
          x < limit || x.isNaN ? x : limit
        })
    }
  }

  @Test func remainders() throws {
    try compare(
      .f32, MathBinaryTests.floats, "fmod", { $0.remainder($1, $2) },
      { (a: Float, b) in
        a.truncatingRemainder(dividingBy: b)
      })
    try compare(
      .f64, MathBinaryTests.doubles, "fmod", { $0.remainder($1, $2) },
      { (a: Double, b) in
        a.truncatingRemainder(dividingBy: b)
      })
  }

  @Test func powersAtEdges() throws {
    let small = MathBinaryTests.random(60) { Float($0 >> 40) * 0x1p-22 - 1 }
    try compare(
      .f32, MathBinaryTests.floats + small, "pow", { $0.power($1, $2) }, { (a: Float, b) in powf(a, b) }, within: 2)
    try compare(
      .f64, MathBinaryTests.doubles + small.map(Double.init), "pow", { $0.power($1, $2) },
      { (a: Double, b) in pow(a, b) },
      within: 2)
  }

  @Test func signs() throws {
    try compare(
      .f32, MathBinaryTests.floats, "sign", { b, x, _ in b.sign(x) },
      { (x: Float, _) in
        x > 0 ? 1 : x < 0 ? -1 : x
      })
    try compare(.f64, [], "round", { b, x, _ in b.round(x) }, { (x: Double, _) in x.rounded(.toNearestOrEven) })
    try compare(.f32, [], "abs", { b, x, _ in b.abs(x) }, { (x: Float, _) in x.magnitude })
    try compare(.f32, [], "floor", { b, x, _ in b.floor(x) }, { (x: Float, _) in x.rounded(.down) })
    try compare(.f32, [], "ceil", { b, x, _ in b.ceil(x) }, { (x: Float, _) in x.rounded(.up) })
  }

  private func integers<T: FixedWidthInteger>(_ dtype: DType, _ numbers: [T]) throws {
    let a = numbers.flatMap { x in numbers.map { _ in x } }
    let b = numbers.flatMap { _ in numbers }
    let quotients = try integerKernel(dtype, a, b) { $0.integerDivide($1, $2, isSigned: T.isSigned) }
    let remainders = try integerKernel(dtype, a, b) { $0.integerRemainder($1, $2, isSigned: T.isSigned) }
    for i in a.indices {
      let isZero = b[i] == 0
      let quotient = isZero ? 0 : a[i].dividedReportingOverflow(by: b[i]).partialValue
      let remainder = isZero ? 0 : a[i].remainderReportingOverflow(dividingBy: b[i]).partialValue
      #expect(quotients[i] == quotient, "\(a[i]) / \(b[i])")
      #expect(remainders[i] == remainder, "\(a[i]) % \(b[i])")
    }
  }

  private func integerKernel<T: FixedWidthInteger>(
    _ dtype: DType, _ a: [T], _ b: [T], _ build: (KernelBuilder, Register, Register) -> Register
  ) throws -> [T] {
    let kernel = try MathKernel(dtype, operands: 2) { b, x in build(b, x[0], x[1]) }
    let padded = (a.count + kernel.block - 1) / kernel.block * kernel.block
    var output = [T](repeating: 0, count: padded)
    let padding = [T](repeating: 0, count: padded - a.count)
    kernel.run([a + padding, b + padding], into: &output)
    return Array(output[..<a.count])
  }

  @Test func integerDivision() throws {
    try integers(.i8, [Int8](Int8.min...Int8.max))
    try integers(.u8, [UInt8](UInt8.min...UInt8.max))
    let wide: [Int] = [0, 1, -1, 2, -2, 3, 7, -7, 10, 1000, -1001, 65_537]
    let ends32: [Int32] = [.max, .min, .max - 1, .min + 1]
    try integers(.i32, wide.map { Int32($0) } + ends32)
    let ends64: [Int64] = [.max, .min, .max - 1, .min + 1, 9_007_199_254_740_993, 1_099_511_627_776]
    try integers(.i64, wide.map { Int64($0) } + ends64)
  }
}
