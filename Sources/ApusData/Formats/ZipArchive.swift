import ApusCore

/// A zip archive in memory: the container of NPZ files. Entries are stored or deflated; zip64 is read.
///
/// Format: PKWARE, APPNOTE.TXT, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 to 4.3.16 (its end).
package struct ZipArchive {
  /// One file in the archive.
  package struct Entry {
    package var name: String
    fileprivate var method: UInt16
    fileprivate var checksum: UInt32
    fileprivate var compressedSize: Int
    fileprivate var size: Int
    fileprivate var offset: Int
  }

  /// In the order of the archive's directory.
  package let entries: [Entry]
  private let bytes: [UInt8]
  private let path: String

  /// Reads the directory of the archive at `path`.
  package init(contentsOf path: String) throws {
    self.path = path
    bytes = try BinaryFile.read(path)
    entries = try ZipArchive.directory(bytes, path)
  }

  /// The unpacked bytes of an entry, checked against its CRC-32.
  package func contents(of entry: Entry) throws -> [UInt8] {
    let place = "\(path), entry '\(entry.name)'"
    var reader = ByteReader(bytes, path: place)
    try reader.seek(entry.offset, "the local header")
    guard try reader.littleEndian(UInt32.self, "the local header") == 0x0403_4B50 else {
      throw ApusError.file(place, "no local header lies where the directory says")
    }
    // Sizes are taken from the directory: a writer that streams leaves them out of the local header.
    _ = try reader.take(22, "the local header")
    let nameLength = Int(try reader.littleEndian(UInt16.self, "the local header"))
    let extraLength = Int(try reader.littleEndian(UInt16.self, "the local header"))
    _ = try reader.take(nameLength + extraLength, "the local header's name and extra fields")
    let data = try reader.take(entry.compressedSize, "the entry's data")

    let contents: [UInt8]
    switch entry.method {
    case 0:
      guard entry.size == data.count else {
        throw ApusError.file(place, "is stored, yet its sizes differ: \(data.count) and \(entry.size)")
      }
      contents = Array(bytes[data])
    case 8: contents = try Inflater.unpack(.raw, bytes, data, byteCount: entry.size, path: place)
    default: throw ApusError.file(place, "is packed by method \(entry.method); stored (0) and deflated (8) are known")
    }
    guard contents.withUnsafeBytes({ Deflater.checksum($0) }) == entry.checksum else {
      throw ApusError.file(place, "its bytes do not match its checksum: the file is damaged")
    }
    return contents
  }

  private static func directory(_ bytes: [UInt8], _ path: String) throws -> [Entry] {
    let (start, length, count) = try directoryPlace(bytes, path)
    guard start >= 0, length >= 0, start <= bytes.count, length <= bytes.count - start else {
      throw ApusError.file(path, "its zip directory is said to lie outside of the file")
    }
    // An entry takes at least 46 bytes: no memory on the word of the count alone.
    guard count <= length / 46 else {
      throw ApusError.file(path, "its zip directory of \(length) bytes cannot hold the \(count) entries it promises")
    }
    var reader = ByteReader(bytes, start..<start + length, path: path)
    var entries: [Entry] = []
    for _ in 0..<count { entries.append(try entry(&reader, path)) }
    guard entries.reduce(0, { $0.addingReportingOverflow($1.compressedSize).partialValue }) <= bytes.count else {
      throw ApusError.file(path, "its zip entries overlap")
    }
    return entries
  }

  /// The record at the end of the file that says where the directory is.
  private static func directoryPlace(_ bytes: [UInt8], _ path: String) throws -> (start: Int, length: Int, count: Int) {
    let signature: [UInt8] = [0x50, 0x4B, 0x05, 0x06]
    // The record has 22 bytes and a comment of at most 65,535.
    var at = bytes.count - 22
    while at >= max(0, bytes.count - 22 - 65_535) {
      if bytes[at..<at + 4].elementsEqual(signature),
        Int(bytes[at + 20]) | Int(bytes[at + 21]) << 8 == bytes.count - at - 22
      {
        break
      }
      at -= 1
    }
    guard at >= max(0, bytes.count - 22 - 65_535) else {
      throw ApusError.file(path, "is not a zip archive, or its end is cut off: no directory is found")
    }
    var reader = ByteReader(bytes, path: path)
    try reader.seek(at + 10, "the end of the zip directory")
    let count = try reader.littleEndian(UInt16.self, "the end of the zip directory")
    let length = try reader.littleEndian(UInt32.self, "the end of the zip directory")
    let start = try reader.littleEndian(UInt32.self, "the end of the zip directory")
    guard count == .max || length == .max || start == .max, at >= 20 else {
      return (Int(start), Int(length), Int(count))
    }

    try reader.seek(at - 20, "the zip64 locator")
    guard try reader.littleEndian(UInt32.self, "the zip64 locator") == 0x0706_4B50 else {
      return (Int(start), Int(length), Int(count))
    }
    _ = try reader.take(4, "the zip64 locator")
    try reader.seek(size(try reader.littleEndian(UInt64.self, "the zip64 locator")), "the zip64 record")
    guard try reader.littleEndian(UInt32.self, "the zip64 record") == 0x0606_4B50 else {
      throw ApusError.file(path, "its zip64 locator points to no zip64 record")
    }
    _ = try reader.take(28, "the zip64 record")
    let counts = try (0..<3).map { _ in size(try reader.littleEndian(UInt64.self, "the zip64 record")) }
    return (counts[2], counts[1], counts[0])
  }

  private static func entry(_ reader: inout ByteReader, _ path: String) throws -> Entry {
    let what = "an entry of the zip directory"
    guard try reader.littleEndian(UInt32.self, what) == 0x0201_4B50 else {
      throw ApusError.file(path, "its zip directory is damaged at offset \(reader.offset - 4)")
    }
    _ = try reader.take(4, what)
    let flags = try reader.littleEndian(UInt16.self, what)
    let method = try reader.littleEndian(UInt16.self, what)
    _ = try reader.take(4, what)
    let checksum = try reader.littleEndian(UInt32.self, what)
    var compressedSize = Int(try reader.littleEndian(UInt32.self, what))
    var fullSize = Int(try reader.littleEndian(UInt32.self, what))
    let nameLength = Int(try reader.littleEndian(UInt16.self, what))
    let extraLength = Int(try reader.littleEndian(UInt16.self, what))
    let commentLength = Int(try reader.littleEndian(UInt16.self, what))
    _ = try reader.take(8, what)
    var offset = Int(try reader.littleEndian(UInt32.self, what))
    let name = String(decoding: reader.bytes[try reader.take(nameLength, what)], as: UTF8.self)
    var extra = ByteReader(reader.bytes, try reader.take(extraLength, what), path: path)
    _ = try reader.take(commentLength, what)
    guard flags & 1 == 0 else { throw ApusError.file(path, "its entry '\(name)' is encrypted") }

    // Zip64 keeps the sizes that do not fit in 32 bits, in this order, in extra field 1.
    while extra.remaining >= 4 {
      let id = try extra.littleEndian(UInt16.self, what)
      let length = Int(try extra.littleEndian(UInt16.self, what))
      let range = try extra.take(length, what)
      guard id == 1 else { continue }
      var field = ByteReader(reader.bytes, range, path: path)
      if fullSize == Int(UInt32.max) { fullSize = size(try field.littleEndian(UInt64.self, what)) }
      if compressedSize == Int(UInt32.max) { compressedSize = size(try field.littleEndian(UInt64.self, what)) }
      if offset == Int(UInt32.max) { offset = size(try field.littleEndian(UInt64.self, what)) }
    }
    return Entry(
      name: name, method: method, checksum: checksum, compressedSize: compressedSize, size: fullSize, offset: offset)
  }

  /// A 64-bit size as an `Int`; what does not fit is beyond any file, and fails the check that follows.
  private static func size(_ value: UInt64) -> Int { Int(clamping: value) }
}
