import ApusCore

/// A place in a text that is being read: kernels and plans are parsed from left to right, one word ahead. Spaces, line
/// ends and comments (`//`) separate words and mean nothing else.
package struct TextCursor {
  package let file: String
  private let bytes: [UInt8]
  /// The position of each line's first byte: every statement is asked for its place.
  private let lineStarts: [Int]
  package private(set) var position = 0

  package init(_ text: String, file: String) {
    self.file = file
    let bytes = Array(text.utf8)
    let newline = UInt8(ascii: "\n")
    lineStarts = [0] + bytes.indices.filter { bytes[$0] == newline }.map { $0 + 1 }
    self.bytes = bytes
    skipBlanks()
  }

  package var isAtEnd: Bool { position == bytes.count }

  // MARK: Words

  /// Reads a word or a sign if it comes next.
  package mutating func accept(_ token: StaticString) -> Bool {
    let expected = UnsafeBufferPointer(start: token.utf8Start, count: token.utf8CodeUnitCount)
    let end = position + expected.count
    guard end <= bytes.count, bytes[position..<end].elementsEqual(expected) else { return false }
    // A word must not be the beginning of a longer one.
    if let last = expected.last, TextCursor.isLetter(last), end < bytes.count, TextCursor.isLetter(bytes[end]) {
      return false
    }
    advance(to: end)
    return true
  }

  /// - Throws: a diagnostic at this place unless the word or sign comes next.
  package mutating func expect(_ token: StaticString, help: String? = nil) throws {
    guard accept(token) else { throw fail("expected '\(token)', found \(nextToken)", help: help) }
  }

  /// Letters, digits and `_`, if they come next.
  package mutating func word() -> String? { run(while: TextCursor.isLetter) }

  /// A whole number, with its sign.
  package mutating func integer(_ what: String) throws -> Int {
    let start = position
    let text = numberText()
    guard let text, let number = Int(text) else {
      position = start
      throw fail("expected \(what), found \(nextToken)")
    }
    return number
  }

  /// The longest run of characters that a number may have, a minus first or a sign after an exponent.
  package mutating func numberText() -> String? {
    var end = position
    while end < bytes.count {
      let byte = bytes[end]
      let isSign = byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
      let follows = end > position ? bytes[end - 1] : 0
      let isExponent = follows == UInt8(ascii: "e") || follows == UInt8(ascii: "E")
      let isNumber = (48...57).contains(bytes[position]) || bytes[position] == UInt8(ascii: "-")
      guard
        TextCursor.isLetter(byte) || byte == UInt8(ascii: ".")
          || isSign && (end == position || isExponent && isNumber)
      else { break }
      end += 1
    }
    guard end > position else { return nil }
    let text = String(decoding: bytes[position..<end], as: UTF8.self)
    advance(to: end)
    return text
  }

  /// A name after `@`: as it is, or in quotes.
  package mutating func name() throws -> String {
    try expectSign("@", "a name, as @main")
    if peek == UInt8(ascii: "\"") { return try string("a name") }
    guard let text = run(while: TextCursor.isNamePart) else {
      throw fail("expected a name, as @main, found \(nextToken)")
    }
    return text
  }

  /// A string in quotes on one line, with `\"`, `\\`, `\n`.
  package mutating func string(_ what: String) throws -> String {
    let start = position
    guard peek == UInt8(ascii: "\"") else { throw fail("expected \(what) in quotes, found \(nextToken)") }
    var content: [UInt8] = []
    var end = position + 1
    while end < bytes.count, bytes[end] != UInt8(ascii: "\n") {
      switch bytes[end] {
      case UInt8(ascii: "\""):
        advance(to: end + 1)
        return String(decoding: content, as: UTF8.self)
      case UInt8(ascii: "\\") where end + 1 < bytes.count:
        content.append(bytes[end + 1] == UInt8(ascii: "n") ? UInt8(ascii: "\n") : bytes[end + 1])
        end += 2
      default:
        content.append(bytes[end])
        end += 1
      }
    }
    throw fail("the string does not end on its line", at: start)
  }

  private mutating func expectSign(_ sign: StaticString, _ what: String) throws {
    let start = position
    guard accept(sign), position == start + sign.utf8CodeUnitCount else {
      position = start
      throw fail("expected \(what), found \(nextToken)")
    }
  }

  // MARK: Places and errors

  package func fail(_ message: String, at place: Int? = nil, help: String? = nil) -> ApusError {
    .input(message, at: location(place ?? position), help: help)
  }

  /// Line and column of a position, with its line's text if that fits a terminal.
  package func location(_ place: Int) -> SourceLocation {
    let number = lineNumber(place)
    let start = lineStarts[number - 1]
    let end = number < lineStarts.count ? lineStarts[number] - 1 : bytes.count
    let line = String(decoding: bytes[start..<end], as: UTF8.self)
    let column = String(decoding: bytes[start..<place], as: UTF8.self).count + 1
    return SourceLocation(
      file: file, line: number, column: column,
      length: max(1, tokenEnd(place) - place), excerpt: line.count <= 200 ? line : nil)
  }

  /// By binary search: the last line that begins at the position or before it, counted from 1.
  private func lineNumber(_ place: Int) -> Int {
    var (low, high) = (0, lineStarts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= place { low = middle } else { high = middle }
    }
    return low + 1
  }

  /// What comes next, as a message names it.
  package var nextToken: String {
    isAtEnd
      ? "the end of the file" : "'\(String(decoding: bytes[position..<tokenEnd(position)], as: UTF8.self))'"
  }

  private func tokenEnd(_ place: Int) -> Int {
    guard place < bytes.count else { return place }
    var end = place
    if bytes[end] == UInt8(ascii: "%") || bytes[end] == UInt8(ascii: "@") { end += 1 }
    while end < bytes.count, TextCursor.isLetter(bytes[end]) { end += 1 }
    // A character is never cut.
    if end == place {
      repeat { end += 1 } while end < bytes.count && bytes[end] & 0xc0 == 0x80
    }
    return end
  }

  // MARK: Characters

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func run(while condition: (UInt8) -> Bool) -> String? {
    var end = position
    while end < bytes.count, condition(bytes[end]) { end += 1 }
    guard end > position else { return nil }
    let text = String(decoding: bytes[position..<end], as: UTF8.self)
    advance(to: end)
    return text
  }

  private mutating func advance(to end: Int) {
    position = end
    skipBlanks()
  }

  private mutating func skipBlanks() {
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "/"), position + 1 < bytes.count, bytes[position + 1] == byte {
        while position < bytes.count, bytes[position] != UInt8(ascii: "\n") { position += 1 }
      } else if byte == 32 || (9...13).contains(byte) {
        position += 1
      } else {
        return
      }
    }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "_")
  }

  private static func isNamePart(_ byte: UInt8) -> Bool { isLetter(byte) || byte == 45 || byte == 46 || byte == 47 }
}

/// Spelling of names and strings.
extension TextCursor {
  /// A name as a text has it after `@`; in quotes if it has other characters than letters, digits and `_ . - /`.
  package static func name(_ name: String) -> String {
    !name.isEmpty && name.utf8.allSatisfy(isNamePart) && !name.contains("//") ? name : quote(name)
  }

  package static func quote(_ text: String) -> String {
    let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    return "\"\(escaped)\""
  }
}
