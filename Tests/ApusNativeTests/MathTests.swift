import ApusCore
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Foundation
import Testing

@Suite struct MathTests {
  /// Every 1009th float, and the edges.
  static let inputs: [Float] = {
    let dense = stride(from: UInt32(0), to: UInt32.max - 1009, by: 1009).map(Float.init(bitPattern:))
    let edges: [Float] = [
      0, -0.0, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, 1,
      -1, 88.72283, 88.72284, -103.97, -103.98, -87.33, .pi / 2, .pi, 0.9, 4, 1.5707964e10, 0x1p28, 0x1p29,
    ]
    return dense + edges.flatMap { [$0, -$0, $0.nextUp, $0.nextDown] }
  }()

  @Test(arguments: UnaryMath.all) func errorInF32(_ function: UnaryMath) throws {
    let kernel = try MathKernel(.f32, vectors: 4) { b, x in function.build(b, x[0]) }
    let outputs = kernel(MathTests.inputs)
    var worst = WorstError()
    for (x, y) in zip(MathTests.inputs, outputs) { worst.add(x, y, function.reference(Double(x))) }
    #expect(worst.error <= function.bound, "\(function.name): \(worst)")
    #expect(worst.wrongSigns == 0, "\(function.name): \(worst.wrongSigns) zeros have the wrong sign")
  }

  /// The same promises where there is no instruction for 2ⁿ x and for estimates of roots, and where a lane is alone.
  @Test(.enabled(if: NativeTarget.host.triple.hasPrefix("x86_64")), arguments: UnaryMath.all)
  func errorWithoutAVX512(_ function: UnaryMath) throws {
    let target = try NativeTarget.named("x86-64-v3")
    let inputs = stride(from: 0, to: MathTests.inputs.count, by: 13).map { MathTests.inputs[$0] }
    for lanes in [8, 1] {
      let kernel = try MathKernel(.f32, lanes: lanes, target: target) { b, x in function.build(b, x[0]) }
      let outputs = kernel(inputs)
      var worst = WorstError()
      for (x, y) in zip(inputs, outputs) { worst.add(x, y, function.reference(Double(x))) }
      #expect(worst.error <= function.bound, "\(function.name) in \(lanes) lanes: \(worst)")
    }
  }

  /// Powers of f32 against the C library's of doubles, over exponents that use the whole range of results.
  @Test func errorOfPowersInF32() throws {
    let kernel = try MathKernel(.f32, operands: 2) { b, x in b.power(x[0], x[1]) }
    let bases = stride(from: UInt32(1), to: 0x7f80_0000, by: 40_009).map(Float.init(bitPattern:))
    // Results from 2⁻¹⁵² to 2¹³⁰.
    let exponents = bases.enumerated().map { i, x -> Float in
      let logarithm: Double = x == 1 ? 1 : Foundation.log2(Double(x))
      return Float((Double(i * 7919 % 28_200) / 100 - 152) / logarithm)
    }
    var worst = WorstError()
    for (i, y) in kernel(bases, exponents).enumerated() {
      worst.add(bases[i], y, Foundation.pow(Double(bases[i]), Double(exponents[i])))
    }
    #expect(bases.count > 50_000)
    #expect(worst.error <= 1, "power: \(worst)")
  }
}
