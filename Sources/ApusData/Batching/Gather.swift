import ApusCore

extension Tensor {
  /// The given rows, slices along axis 0, as one tensor: `[rows.count] + dimensions[1...]`. Rows may repeat.
  /// - Throws: `ApusError` for a scalar, or for a row that is not there.
  public func gather(rows: some Collection<Int>) throws -> Tensor {
    let (available, size) = try rowLayout()
    var result = try Tensor(uninitialized: dtype, [rows.count] + dimensions.dropFirst())
    try withUnsafeBytes { source in
      try result.withUnsafeMutableBytes { target in
        var offset = 0
        for row in rows {
          guard row >= 0, row < available else { throw missing(row, available) }
          if size > 0 {
            (target.baseAddress! + offset).copyMemory(from: source.baseAddress! + row * size, byteCount: size)
          }
          offset += size
        }
      }
    }
    return result
  }

  /// The consecutive rows in `rows`, copied at once.
  /// - Throws: `ApusError` for a scalar, or where the range reaches beyond the rows.
  public func gather(rows: Range<Int>) throws -> Tensor {
    let (available, size) = try rowLayout()
    guard rows.lowerBound >= 0 else { throw missing(rows.lowerBound, available) }
    guard rows.upperBound <= available else { throw missing(rows.upperBound - 1, available) }
    var result = try Tensor(uninitialized: dtype, [rows.count] + dimensions.dropFirst())
    withUnsafeBytes { source in
      result.withUnsafeMutableBytes { target in
        target.copyMemory(
          from: UnsafeRawBufferPointer(rebasing: source[rows.lowerBound * size..<rows.upperBound * size]))
      }
    }
    return result
  }

  /// How many rows there are, and the bytes of one.
  private func rowLayout() throws -> (count: Int, byteCount: Int) {
    guard let count = dimensions.first else { throw ApusError.input("a scalar has no rows") }
    return (count, count == 0 ? 0 : byteCount / count)
  }

  private func missing(_ row: Int, _ available: Int) -> ApusError {
    .input("there is no row \(row) in \(type)", help: "its rows are 0 to \(available - 1)")
  }
}
