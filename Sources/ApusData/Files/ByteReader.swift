import ApusCore

/// A cursor over a file's bytes: every read is checked against what is there.
struct ByteReader {
  let bytes: [UInt8]
  let path: String
  private(set) var offset: Int
  /// One past the last byte that may be read.
  let end: Int

  init(_ bytes: [UInt8], path: String) { self.init(bytes, 0..<bytes.count, path: path) }

  /// - Precondition: `range` is within `bytes`.
  init(_ bytes: [UInt8], _ range: Range<Int>, path: String) {
    self.bytes = bytes
    self.path = path
    offset = range.lowerBound
    end = range.upperBound
  }

  var remaining: Int { end - offset }

  /// Moves past `count` bytes and returns their position.
  /// - Parameter what: names the bytes in the error: "the header".
  mutating func take(_ count: Int, _ what: String) throws -> Range<Int> {
    guard count >= 0, count <= remaining else {
      throw ApusError.file(
        path, "ends inside \(what): \(count) bytes are needed at offset \(offset), \(remaining) are there")
    }
    defer { offset += count }
    return offset..<offset + count
  }

  /// Moves to `position`.
  mutating func seek(_ position: Int, _ what: String) throws {
    guard position >= 0, position <= end else {
      throw ApusError.file(path, "\(what) is said to lie at offset \(position), but the file has \(end) bytes")
    }
    offset = position
  }

  /// An integer whose least significant byte comes first.
  mutating func littleEndian<I: FixedWidthInteger>(_ type: I.Type, _ what: String) throws -> I {
    I(littleEndian: try load(what))
  }

  /// An integer whose most significant byte comes first.
  mutating func bigEndian<I: FixedWidthInteger>(_ type: I.Type, _ what: String) throws -> I {
    I(bigEndian: try load(what))
  }

  private mutating func load<I: FixedWidthInteger>(_ what: String) throws -> I {
    let range = try take(MemoryLayout<I>.size, what)
    return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: range.lowerBound, as: I.self) }
  }
}

extension Array where Element == UInt8 {
  /// Appends the bytes of an integer, in memory order: pass `value.littleEndian` or `value.bigEndian`.
  mutating func append(bytesOf value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value) { append(contentsOf: $0) }
  }
}
