import ApusCore

/// Files of text in UTF-8.
enum TextFile {
  /// The bytes of a file that are text.
  /// - Parameter help: what would be text.
  /// - Throws: `ApusError` that names the first byte which cannot be in a text.
  static func bytes(_ path: String, help: String) throws -> [UInt8] {
    let bytes = try BinaryFile.read(path)
    if let zero = bytes.firstIndex(of: 0) {
      throw ApusError.file(path, "is not text: byte \(zero) is 0", help: help)
    }
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw ApusError.file(
        path, "is not UTF-8 text: byte \(firstFault(bytes)) begins no character",
        help: "convert it: iconv -f latin1 -t utf-8 IN > OUT")
    }
    return bytes
  }

  /// The text of a file, without the byte-order mark that some programs put at the front.
  /// - Throws: as above; and `ApusError` for a file without anything but blanks.
  static func read(_ path: String) throws -> String {
    let bytes = try bytes(path, help: "a text is a file of UTF-8 characters")
    let text = String(decoding: bytes.starts(with: byteOrderMark) ? bytes[3...] : bytes[...], as: UTF8.self)
    guard text.contains(where: { !$0.isWhitespace }) else {
      throw ApusError.file(path, "holds no text", help: "a sample has words; remove the file")
    }
    return text
  }

  static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// Where the first sequence of bytes is that is no character.
  private static func firstFault(_ bytes: [UInt8]) -> Int {
    var decoder = UTF8()
    var position = 0
    var iterator = bytes.makeIterator()
    while case .scalarValue(let scalar) = decoder.decode(&iterator) {
      position += UTF8.width(scalar)
    }
    return position
  }
}
