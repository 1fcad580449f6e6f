import Apus
import ApusNative
import TestSupport
import Testing

/// Every operator of the catalog as native code against values that were computed elsewhere.
@Suite struct NativeCatalogTests {
  @Test func everyReferenceCase() throws {
    let backend = NativeBackend(workers: 2, verifies: true)
    var faults: [String: [String]] = [:]
    for reference in try ReferenceCase.loadAll() {
      do {
        faults[reference.op, default: []] += try reference.mismatches(in: backend, slack: 4)
      } catch { faults[reference.op, default: []].append("\(reference): \(error)") }
    }
    for (op, messages) in faults.sorted(by: { $0.key < $1.key }) where !messages.isEmpty {
      Issue.record("\(op): \(messages.count) faults, as \(messages.prefix(2).joined(separator: "; "))")
    }
  }
}
