import ApusCore

extension Tensor {
  /// The given rows, slices along axis 0, as one tensor: `[rows.count] + dimensions[1...]`. Rows may repeat.
  /// - Throws: `ApusError` for a scalar, or for a row that is not there.
  public func gather(rows: some Collection<Int>) throws -> Tensor {
    let available = try rowCount()
    let size = available == 0 ? 0 : byteCount / available
    var result = try Tensor(uninitialized: dtype, [rows.count] + dimensions.dropFirst())
    try withUnsafeBytes { source in
      try result.withUnsafeMutableBytes { target in
        var offset = 0
        for row in rows {
          guard row >= 0, row < available else { throw noRow(row, available) }
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
  /// - Throws: `ApusError` for a scalar, or if the range reaches beyond the rows.
  public func gather(rows: Range<Int>) throws -> Tensor { try self[rows] }
}
