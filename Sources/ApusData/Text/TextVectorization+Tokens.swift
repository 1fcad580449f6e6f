import ApusCore

extension TextVectorization {
  /// The tokens of a text, before they get numbers.
  public func tokens(of text: String) -> [String] {
    let bytes = standardized(text)
    let tokens: [String]
    switch split {
    case .none: tokens = [String(decoding: bytes, as: UTF8.self)]
    case .whitespace: tokens = bytes.split(whereSeparator: Self.isBlank).map { String(decoding: $0, as: UTF8.self) }
    case .character: tokens = String(decoding: bytes, as: UTF8.self).unicodeScalars.map { String($0) }
    }
    guard let ngramWidths else { return tokens }
    // All of one width, then all of the next.
    return ngramWidths.flatMap { width in
      width > tokens.count
        ? [] : (0...(tokens.count - width)).map { tokens[$0..<$0 + width].joined(separator: " ") }
    }
  }

  /// The bytes of a text in UTF-8: characters beyond ASCII are left as they are.
  private func standardized(_ text: String) -> [UInt8] {
    var bytes = Array(text.utf8)
    if standardize == .lower || standardize == .lowerAndStripPunctuation {
      for index in bytes.indices where 0x41...0x5A ~= bytes[index] { bytes[index] |= 0x20 }
    }
    if standardize == .stripPunctuation || standardize == .lowerAndStripPunctuation {
      bytes.removeAll(where: Self.isPunctuation)
    }
    return bytes
  }

  /// !"#$%&'()*+,-./:;<=>?@[\]^_`{|}~
  private static func isPunctuation(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
    default: false
    }
  }

  /// What C's `isspace` says of ASCII.
  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || 0x09...0x0D ~= byte }
}
