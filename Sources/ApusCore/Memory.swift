import Glibc
import Synchronization

/// Memory of tensors and arenas.
package enum Memory {
  /// From so many bytes on, memory asks for large pages: fewer first touches and address translations to wait for.
  private static let hugeLimit = 4 << 20
  private static let hugePage = 2 << 20

  /// Where buffers begin: a cache line, and the widest vector, of all processors that Apus makes code for. Part of the
  /// interface of compiled objects, so it does not depend on the processor.
  package static let alignment = 64

  /// Uninitialized memory, aligned to `alignment`; freed by `Memory.free`.
  /// - Throws: `ApusError` if this process cannot have so much.
  package static func allocate(_ byteCount: Int) throws -> UnsafeMutableRawPointer {
    if byteCount >= countedBytes { try checkCounted(byteCount) }
    guard let address = allocateUnchecked(byteCount) else { throw shortage(byteCount, AvailableMemory.current()) }
    return address
  }

  /// As `allocate`, where no error can be thrown: copies of tensors that are written to. Ends the process if there is no
  /// such memory.
  package static func allocateOrStop(_ byteCount: Int) -> UnsafeMutableRawPointer {
    guard let address = allocateUnchecked(byteCount) else {
      fatalError("there is no memory for \(byteCount) bytes")
    }
    return address
  }

  private static func allocateUnchecked(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    var address: UnsafeMutableRawPointer?
    let isHuge = byteCount >= hugeLimit
    guard posix_memalign(&address, isHuge ? hugePage : alignment, max(byteCount, 1)) == 0 else { return nil }
    // This is advice: if the system ignores it, pages are small.
    if isHuge { _ = madvise(address, byteCount, MADV_HUGEPAGE) }
    return address
  }

  package static func free(_ address: UnsafeMutableRawPointer) { Glibc.free(address) }

  // MARK: Limits

  /// Smaller requests are not counted: they are many, and all of them together are seldom much.
  private static let countedBytes = 1 << 20
  /// After so many bytes the system is asked again, which takes as long as the first touch of a hundred pages.
  private static let bytesBetweenChecks = 64 << 20
  private static let uncheckedBytes = Atomic<Int>(0)

  private static func checkCounted(_ byteCount: Int) throws {
    // What others ask for meanwhile is not lost by much: each of them adds to what the next check subtracts.
    if byteCount < bytesBetweenChecks {
      let sum = uncheckedBytes.wrappingAdd(byteCount, ordering: .relaxed).newValue
      if sum < bytesBetweenChecks { return }
    }
    uncheckedBytes.store(0, ordering: .relaxed)
    try check(byteCount)
  }

  /// - Parameter available: what this process can have. Asked only for what is worth the question.
  /// - Throws: `ApusError` if it cannot have so much.
  package static func check(_ byteCount: Int, available: @autoclosure () -> AvailableMemory = .current()) throws {
    if byteCount < countedBytes { return }
    let available = available()
    guard byteCount <= available.usableByteCount else { throw shortage(byteCount, available) }
  }

  private static func shortage(_ byteCount: Int, _ available: AvailableMemory) -> ApusError {
    .input(
      "there is no memory for \(text(bytes: byteCount)): \(text(bytes: available.usableByteCount)) are left in the memory \(available.reason)"
    )
  }

  /// As `1.5 GB`, in powers of 1000.
  package static func text(bytes: Int) -> String {
    var (value, unit) = (Double(bytes), 0)
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"]
    while value >= 999.5, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
    if unit == 0 { return "\(bytes) bytes" }
    let tenths = Int((value * 10).rounded())
    return tenths >= 100 || tenths % 10 == 0
      ? "\((tenths + 5) / 10) \(units[unit])" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
  }
}
