import ApusCore

/// `rmsprop(learning_rate=0.01, centered=true)`: how command lines and saved models write a component.
///
/// Values with commas, parentheses or blanks at an end are in quotes: `csv_logger("a,b.csv", separator=";")`.
struct ComponentText {
  struct Argument {
    /// Nil for a value without a name.
    let label: String?
    let value: String
  }

  let whole: String
  let name: String
  private(set) var arguments: [Argument] = []

  /// - Throws: `ApusError` if parentheses or arguments are malformed.
  init(_ text: String, kind: String) throws {
    whole = text
    guard let open = text.firstIndex(of: "(") else {
      name = text
      return
    }
    name = String(text[..<open])
    guard text.hasSuffix(")") else { throw ApusError.usage("\(kind) '\(text)' lacks its closing parenthesis") }
    for part in Self.parts(text[text.index(after: open)..<text.index(before: text.endIndex)]) {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(Self.trimmed)
      let label = sides.count == 2 && Self.isWord(sides[0]) ? sides[0] : nil
      let value = label == nil ? Self.trimmed(part) : sides[1]
      guard !value.isEmpty else { throw ApusError.usage("'\(part)' in \(kind) '\(text)' is not name=value") }
      arguments.append(Argument(label: label, value: Self.unquoted(value)))
    }
  }

  /// The parts of a list: commas in parentheses, brackets or quotes do not separate.
  static func parts(_ text: some StringProtocol) -> [String] {
    var parts = [""]
    var depth = 0
    var isQuoted = false
    for c in text {
      if c == "\"" { isQuoted.toggle() }
      if !isQuoted { depth += "([".contains(c) ? 1 : ")]".contains(c) ? -1 : 0 }
      if c == ",", depth == 0, !isQuoted { parts.append("") } else { parts[parts.count - 1].append(c) }
    }
    return parts.filter { !trimmed($0).isEmpty }
  }

  /// `text`, in quotes if it would not be read as one value otherwise. There is no spelling for a text with both quotes
  /// and commas.
  static func quoted(_ text: String) -> String {
    let isPlain = !text.isEmpty && text == trimmed(text) && !text.contains { ",()[]=".contains($0) }
    return isPlain || text.contains("\"") ? text : "\"\(text)\""
  }

  private static func unquoted(_ text: String) -> String {
    text.count >= 2 && text.hasPrefix("\"") && text.hasSuffix("\"") ? String(text.dropFirst().dropLast()) : text
  }

  static func trimmed(_ text: some StringProtocol) -> String {
    let start = text.drop(while: \.isWhitespace)
    return String(start.reversed().drop(while: \.isWhitespace).reversed())
  }

  private static func isWord(_ text: String) -> Bool {
    text.first?.isLetter ?? false && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
  }
}
