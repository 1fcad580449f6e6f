import Apus
import ApusNative
import TestSupport
import Testing

/// Native convolutions and transposed ones against PyTorch. Thirty configurations are the outputs of one graph, so that
/// LLVM is called ten times and not three hundred.
@Suite struct NativeConvolutionTorchTests {
  @Test func agreesWithPyTorch() throws {
    let backend = NativeBackend(workers: 2)
    let cases = try ConvolutionCase.loadAll()
    for start in stride(from: 0, to: cases.count, by: 30) {
      let faults = try ConvolutionCase.mismatches(cases[start..<min(start + 30, cases.count)], in: backend)
      #expect(faults.isEmpty, "\(faults.count) faults, as \(faults.prefix(3).joined(separator: "; "))")
    }
  }
}
