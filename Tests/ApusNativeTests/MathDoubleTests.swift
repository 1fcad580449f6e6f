import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning
import Foundation
import Testing

/// f64 against numbers from Resources/make_math_f64.py.
@Suite struct MathDoubleTests {
  private struct Case {
    var operands: [Double]
    var nearest: Double
    /// What the exact result has beyond the nearest double, in units of its last place.
    var rest: Double
  }

  private static let cases: [String: [Case]] = {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Resources/math_f64.txt")
    guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [:] }
    var cases: [String: [Case]] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      let numbers = words.dropFirst().dropLast().compactMap { UInt64($0, radix: 16).map(Double.init(bitPattern:)) }
      guard let name = words.first, let rest = words.last.flatMap({ Double($0) }), let nearest = numbers.last else {
        continue
      }
      cases[String(name), default: []].append(
        Case(operands: numbers.dropLast(), nearest: nearest, rest: rest / 1000))
    }
    return cases
  }()

  /// What is promised for f64, and not for f32 alone.
  static let bounds = [
    "exp": 1.5, "expm1": 2, "log": 1, "log1p": 2, "sin": 1, "cos": 1, "tan": 2, "tanh": 2, "sigmoid": 2.5, "erf": 2,
    "rsqrt": 2, "power": 2,
  ]

  private func check(_ name: String, _ outputs: [Double]) throws {
    let cases = try #require(MathDoubleTests.cases[name])
    let bound = try #require(MathDoubleTests.bounds[name])
    #expect(cases.count >= 500 && outputs.count == cases.count)
    var worst = (error: 0.0, operands: [Double]())
    for (c, y) in zip(cases, outputs) {
      let e = error(y, c.nearest, c.nearest.isFinite ? c.rest * c.nearest.ulp : 0)
      if e > worst.error { worst = (e, c.operands) }
      if c.nearest == 0 { #expect(y.sign == c.nearest.sign, "\(name) of \(c.operands) has the wrong sign") }
    }
    if ProcessInfo.processInfo.environment["APUS_EXHAUSTIVE"] != nil {
      print("| \(name) | \(String(format: "%.3f", worst.error)) | f64, at \(worst.operands) |")
    }
    #expect(worst.error <= bound, "\(name): \(worst.error) ULP at \(worst.operands)")
  }

  @Test(arguments: UnaryMath.all.filter { bounds[$0.name] != nil }) func errorInF64(_ function: UnaryMath) throws {
    let kernel = try MathKernel(.f64, vectors: 2) { b, x in function.build(b, x[0]) }
    let cases = try #require(MathDoubleTests.cases[function.name])
    try check(function.name, kernel(cases.map { $0.operands[0] }))
  }

  @Test func errorOfPowersInF64() throws {
    let kernel = try MathKernel(.f64, vectors: 2, operands: 2) { b, x in b.power(x[0], x[1]) }
    let cases = try #require(MathDoubleTests.cases["power"])
    try check("power", kernel(cases.map { $0.operands[0] }, cases.map { $0.operands[1] }))
  }
}
