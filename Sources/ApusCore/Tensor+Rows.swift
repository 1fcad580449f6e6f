/// Rows: what is at one place, or in a range, of the first axis.
extension Tensor {
  /// One row, without the first axis: `images[0]`. Negative numbers count from the end: `images[-1]` is the last.
  /// - Throws: `ApusError` if the row does not exist.
  public subscript(_ row: Int) -> Tensor {
    get throws {
      let count = try rowCount()
      let index = row < 0 ? row + count : row
      guard index >= 0, index < count else { throw noRow(row, count) }
      return try self[index..<index + 1].reshaped(Array(dimensions.dropFirst()))
    }
  }

  /// Consecutive rows: `images[0..<100]`, `images[..<100]`, `images[100...]`.
  /// - Throws: `ApusError` if one of them is not there.
  public subscript(_ rows: some RangeExpression<Int>) -> Tensor {
    get throws {
      let count = try rowCount()
      // Relative to all integers: a range that leaves the rows must not trap.
      let range = rows.relative(to: Int.min..<Int.max)
      let first = range.lowerBound == .min ? 0 : range.lowerBound
      let end = range.upperBound == .max ? count : range.upperBound
      guard first >= 0, end <= count, first <= end else {
        throw noRow(first < 0 || first > count ? first : end - 1, count)
      }
      let size = count == 0 ? 0 : byteCount / count
      var result = try Tensor(uninitialized: dtype, [end - first] + dimensions.dropFirst())
      withUnsafeBytes { source in
        result.withUnsafeMutableBytes {
          $0.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: source[first * size..<end * size]))
        }
      }
      return result
    }
  }

  /// The rows of all parts, one part after the other.
  /// - Throws: `ApusError` if there are no parts, or they differ in element type or in the shape of a row.
  package static func joiningRows(_ parts: [Tensor]) throws -> Tensor {
    guard let first = parts.first else { throw ApusError.input("there are no rows to join") }
    let count = try parts.reduce(0) { try $0 + $1.rowCount() }
    for part in parts
    where part.dtype != first.dtype || part.dimensions.dropFirst() != first.dimensions.dropFirst() {
      throw ApusError.input("the rows of a \(first.type) and a \(part.type) cannot be joined")
    }
    var result = try Tensor(uninitialized: first.dtype, [count] + first.dimensions.dropFirst())
    result.withUnsafeMutableBytes { target in
      var offset = 0
      for part in parts {
        part.withUnsafeBytes { target[offset..<offset + $0.count].copyBytes(from: $0) }
        offset += part.byteCount
      }
    }
    return result
  }

  package func rowCount() throws -> Int {
    guard let count = dimensions.first else { throw ApusError.input("a scalar has no rows") }
    return count
  }

  package func noRow(_ row: Int, _ count: Int) -> ApusError {
    .input("there is no row \(row) in \(type)", help: count == 0 ? "it is empty" : "its rows are 0 to \(count - 1)")
  }
}
