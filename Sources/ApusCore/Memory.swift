import Glibc

/// Memory of tensors and arenas.
package enum Memory {
  /// From so many bytes on, memory asks for large pages: fewer first touches and address translations to wait for.
  private static let hugeLimit = 4 << 20
  private static let hugePage = 2 << 20

  /// Where buffers begin: a cache line, and the widest vector, of all processors that Apus makes code for. Part of the
  /// interface of compiled objects, so it does not depend on the processor.
  package static let alignment = 64

  /// Uninitialized memory, aligned to `alignment`; freed by `deallocate()`.
  package static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    guard byteCount >= hugeLimit else { return .allocate(byteCount: max(byteCount, 1), alignment: alignment) }
    let address = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: hugePage)
    // This is advice: if the system ignores it, pages are small.
    _ = madvise(address, byteCount, MADV_HUGEPAGE)
    return address
  }
}
