import ApusCore
import ApusKernels
import Foundation
import Testing

@Suite struct MathsTests {
  /// Every 1009th float, and the edges.
  static let inputs: [Float] = {
    let dense = stride(from: UInt32(0), to: UInt32.max - 1009, by: 1009).map(Float.init(bitPattern:))
    let edges: [Float] = [
      0, -0.0, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, 1,
      -1, 88.72283, 88.72284, -103.97, -103.98, -87.33, .pi / 2, .pi, 0.9, 4, 1.5707964e10, 0x1p28, 0x1p29,
    ]
    return dense + edges.flatMap { [$0, -$0, $0.nextUp, $0.nextDown] }
  }()

  @Test(arguments: UnaryMaths.all) func errorInF32(_ function: UnaryMaths) throws {
    let kernel = try MathsKernel(.f32, vectors: 4) { b, x in function.build(b, x[0]) }
    let outputs = kernel(MathsTests.inputs)
    var worst = WorstError()
    for (x, y) in zip(MathsTests.inputs, outputs) { worst.add(x, y, function.reference(Double(x))) }
    #expect(worst.error <= function.bound, "\(function.name): \(worst)")
    #expect(worst.wrongSigns == 0, "\(function.name): \(worst.wrongSigns) zeros have the wrong sign")
  }
}
