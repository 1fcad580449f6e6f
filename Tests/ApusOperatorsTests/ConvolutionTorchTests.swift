import Apus
import TestSupport
import Testing

/// Convolutions and transposed ones against PyTorch: results and both gradients, exact.
@Suite struct ConvolutionTorchTests {
  @Test func thereAreCasesOfEachKind() throws {
    let cases = try ConvolutionCase.loadAll()
    #expect(cases.count == 300)
    func count(_ holds: (ConvolutionCase) -> Bool) -> Int { cases.count(where: holds) }
    for rank in 3...5 {
      for dtype in ["f32", "f64"] {
        #expect(count { $0.x.count == rank && $0.dtype == dtype && $0.shape == nil } >= 10, "\(rank) \(dtype)")
      }
      #expect(count { $0.x.count == rank && $0.shape != nil } >= 10, "transposed \(rank)")
      #expect(count { $0.x.count == rank && $0.strides != nil } >= 20, "strided \(rank)")
      #expect(count { $0.x.count == rank && $0.dilation != nil } >= 15, "dilated \(rank)")
      #expect(count { $0.x.count == rank && $0.groups != nil } >= 15, "grouped \(rank)")
      #expect(count { $0.x.count == rank && $0.groups != nil && $0.w[rank - 2] == 1 } >= 5, "depthwise \(rank)")
    }
  }

  @Test func agreesWithPyTorch() throws {
    let faults = try ConvolutionCase.mismatches(ConvolutionCase.loadAll()[...], in: InterpreterBackend())
    #expect(faults.isEmpty, "\(faults.count) faults, as \(faults.prefix(3).joined(separator: "; "))")
  }
}
