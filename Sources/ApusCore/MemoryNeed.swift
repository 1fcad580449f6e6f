/// How much memory something will take once it runs, and for what: asked for before minutes of work end in a refusal, or
/// in a process that is killed.
package struct MemoryNeed: Sendable {
  package var byteCount = 0
  /// What takes most of it, by the names that a message uses.
  package var parts: [(name: String, byteCount: Int)] = []

  package init() {}

  /// Adds memory that is needed at the same time as the rest.
  package mutating func add(_ more: Int) {
    let (sum, overflows) = byteCount.addingReportingOverflow(more)
    byteCount = overflows ? .max : sum
  }

  /// - Parameter what: the sentence's beginning, as "a run of graph @mlp needs".
  /// - Throws: `ApusError` that names the largest parts and the limit if there is less memory.
  package func check(_ what: String, available: @autoclosure () -> AvailableMemory = .current()) throws {
    // Not worth a question to the system.
    if byteCount < 64 << 20 { return }
    let available = available()
    guard byteCount > available.usableByteCount else { return }
    var seen: Set<String> = []
    let largest = parts.sorted { $0.byteCount > $1.byteCount }.filter { seen.insert($0.name).inserted }.prefix(3)
      .map { "\($0.name) (\(Memory.text(bytes: $0.byteCount)))" }
    throw ApusError.input(
      "\(what) \(Memory.text(bytes: byteCount)), but \(Memory.text(bytes: available.usableByteCount)) are left in the memory \(available.reason)",
      help: "the largest tensors: \(largest.joined(separator: ", "))")
  }
}
