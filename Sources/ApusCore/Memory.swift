import Glibc

/// Memory of tensors and arenas.
package enum Memory {
  /// From so many bytes on, memory asks for large pages: fewer first touches and address translations to wait for.
  private static let hugeLimit = 4 << 20
  private static let hugePage = 2 << 20

  /// Uninitialized memory, aligned to 64 bytes; freed by `deallocate()`.
  package static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    guard byteCount >= hugeLimit else { return .allocate(byteCount: max(byteCount, 1), alignment: 64) }
    let address = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: hugePage)
    // This is advice: if the system ignores it, pages are small.
    _ = madvise(address, byteCount, MADV_HUGEPAGE)
    return address
  }
}
