import Apus
import ApusNative
import TestSupport
import Testing

/// The derivatives of DerivativeTests as native code.
@Suite struct NativeDerivativeTests {
  @Test(arguments: try DerivativeCase.loadAll().keys.sorted())
  func derivativesAreTheirLimits(_ op: String) throws {
    let cases = try DerivativeCase.loadAll()[op] ?? []
    let backend = NativeBackend(workers: 1, verifies: true)
    for level in [OptimizationLevel.none, .basic, .standard, .aggressive] {
      let faults = try DerivativeCase.mismatches(cases, backend, level)
      #expect(faults.isEmpty, "\(level.name), \(faults.count) faults: \(faults.prefix(6).joined(separator: "; "))")
    }
  }
}
