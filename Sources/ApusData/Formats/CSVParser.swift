import ApusCore

/// Reads the text of a table record by record.
struct CSVParser {
  private struct Field {
    var text: String
    var column: Int
  }

  private let lines: [Substring]
  private let separator: Character
  private let path: String

  init(_ text: String, separator: Character, path: String) {
    // A byte-order mark at the front is Excel's, not a part of the first name.
    let start = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
    lines = start.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    self.separator = separator
    self.path = path
  }

  /// The header, if there is one, and the numbers as `f64[rows, columns]`.
  mutating func table(header: CSV.Header) throws -> ([String]?, Tensor) {
    var columns: [String]?
    var width: Int?
    var numbers: [Double] = []
    var rows = 0
    for line in lines.indices where lines[line].contains(where: { !$0.isWhitespace }) {
      let fields = try self.fields(ofLine: line)
      if let width, fields.count != width {
        throw fault(
          "this row has \(fields.count) fields, the first has \(width)", line, column: 1, length: lines[line].count)
      }
      if width == nil {
        width = fields.count
        let isHeader =
          switch header {
          case .automatic: fields.contains { CSVParser.number($0.text) == nil }
          case .present: true
          case .absent: false
          }
        if isHeader {
          columns = fields.map(\.text)
          continue
        }
      }
      for field in fields {
        guard let value = CSVParser.number(field.text) else {
          throw fault(
            "'\(field.text)' is not a number", line, column: field.column, length: max(1, field.text.count),
            help: "tables hold numbers only; encode text as numbers, and fill in what is missing")
        }
        numbers.append(value)
      }
      rows += 1
    }
    guard let width, rows > 0 else { throw ApusError.file(path, "has no rows of numbers") }
    return (columns, try Tensor(numbers, [rows, width]))
  }

  private static func number(_ text: String) -> Double? { text.isEmpty ? nil : Double(text) }

  private func fields(ofLine line: Int) throws -> [Field] {
    let text = lines[line]
    var fields: [Field] = []
    var current = Field(text: "", column: 1)
    var inQuotes = false
    var wasQuoted = false
    var column = 1
    var index = text.startIndex
    while index < text.endIndex {
      let c = text[index]
      let after = text.index(after: index)
      if inQuotes {
        if c == "\"", after < text.endIndex, text[after] == "\"" {
          current.text.append("\"")
          index = after
          column += 1
        } else if c == "\"" {
          inQuotes = false
        } else {
          current.text.append(c)
        }
      } else if c == "\"", current.text.allSatisfy(\.isWhitespace), !wasQuoted {
        current.text = ""
        (inQuotes, wasQuoted) = (true, true)
      } else if c == separator {
        fields.append(trimmed(current))
        current = Field(text: "", column: column + 1)
        wasQuoted = false
      } else {
        current.text.append(c)
      }
      index = text.index(after: index)
      column += 1
    }
    guard !inQuotes else { throw fault("a quote is not closed on this line", line, column: current.column, length: 1) }
    return fields + [trimmed(current)]
  }

  /// Without the blanks around it; the column points at what is left.
  private func trimmed(_ field: Field) -> Field {
    let leading = field.text.prefix(while: \.isWhitespace).count
    let text = field.text.dropFirst(leading)
    let trailing = text.reversed().prefix(while: \.isWhitespace).count
    return Field(text: String(text.dropLast(trailing)), column: field.column + leading)
  }

  private func fault(_ message: String, _ line: Int, column: Int, length: Int, help: String? = nil) -> ApusError {
    .input(
      message,
      at: SourceLocation(file: path, line: line + 1, column: column, length: length, excerpt: String(lines[line])),
      help: help)
  }
}
