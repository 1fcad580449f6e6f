import ApusCore

/// Reads the text of a table record by record.
struct CSVParser {
  struct Field {
    var text: String
    var column: Int
  }

  private let bytes: [UInt8]
  /// Where the records are: lines, or several of them where a quoted field goes on.
  private let lines: [Range<Int>]
  /// The line in which each record begins, from 0.
  private let lineNumbers: [Int]
  private let separator: Character
  private let path: String

  init(_ bytes: [UInt8], separator: Character, path: String) {
    self.bytes = bytes
    // A byte-order mark at the front is Excel's, not a part of the first name.
    let lines = CSVParser.lines(of: bytes, from: bytes.starts(with: TextFile.byteOrderMark) ? 3 : 0)
    (self.lines, lineNumbers) = CSVParser.records(of: bytes, lines, separator)
    self.separator = separator
    self.path = path
  }

  /// The line in which a record begins, from 1.
  func lineNumber(of record: Int) -> Int { lineNumbers[record] + 1 }

  private func text(_ line: Int) -> String { String(decoding: bytes[lines[line]], as: UTF8.self) }

  /// What the lines hold.
  struct Records {
    /// The names of the columns, if the file has a header.
    var columns: [String]?
    var width: Int
    /// Row by row; NaN where a field is not a number.
    var numbers: [Double]
    /// The line of each row, from 0.
    var lines: [Int]
  }

  /// The header, if there is one, and the numbers as `f64[rows, columns]`.
  func table(header: CSV.Header) throws -> ([String]?, Tensor) {
    let records = try records { fields in
      switch header {
      case .automatic: fields.contains { CSVParser.number($0.text) == nil }
      case .present: true
      case .absent: false
      }
    } number: { field, line in
      guard let value = CSVParser.number(field.text) else {
        throw fault(
          "'\(field.text)' is not a number", line, column: field.column, length: max(1, field.text.count),
          help: "tables hold numbers only; encode text as numbers, and fill in what is missing")
      }
      return value
    }
    guard !records.lines.isEmpty else { throw ApusError.file(path, "has no rows of numbers") }
    return (records.columns, try Tensor(records.numbers, [records.lines.count, records.width]))
  }

  /// All records; empty lines are skipped.
  /// - Parameters:
  ///   - isHeader: whether the first record names the columns.
  ///   - number: the number of a field that is more than digits; gets the field and its line, from 0.
  /// - Throws: `ApusError` for a row of another length, and what `number` throws.
  func records(
    isHeader: ([Field]) throws -> Bool, number: (Field, Int) throws -> Double
  ) throws -> Records {
    var columns: [String]?
    var width: Int?
    var numbers: [Double] = []
    var rows: [Int] = []
    for line in lines.indices {
      if let width, appendPlainNumbers(ofLine: line, count: width, to: &numbers) {
        rows.append(line)
        continue
      }
      guard !isEmpty(line) else { continue }
      let fields = try self.fields(ofLine: line)
      if let width, fields.count != width {
        throw fault(
          "this row has \(fields.count) fields, the first has \(width)", line, column: 1, length: text(line).count)
      }
      if width == nil {
        width = fields.count
        if try isHeader(fields) {
          columns = fields.map(\.text)
          continue
        }
      }
      for field in fields { numbers.append(try number(field, line)) }
      rows.append(line)
    }
    return Records(columns: columns, width: width ?? 0, numbers: numbers, lines: rows)
  }

  /// How many fields the first records have, up to one that cannot be read.
  func widths(ofFirst count: Int) -> [Int] {
    var widths: [Int] = []
    for line in lines.indices where !isEmpty(line) {
      guard widths.count < count, let fields = try? fields(ofLine: line) else { break }
      widths.append(fields.count)
    }
    return widths
  }

  /// The fields of the first record behind the line `line`, if there is one.
  func record(after line: Int) throws -> [Field]? {
    let next = lines.indices.first { $0 > line && !isEmpty($0) }
    return try next.map { try fields(ofLine: $0) }
  }

  /// The line of the first record, from 0; nil if there is none.
  var firstLine: Int? { lines.indices.first { !isEmpty($0) } }

  /// Whether a line holds no record. A line of separators alone is one, with fields that are missing.
  private func isEmpty(_ line: Int) -> Bool { !text(line).contains { !$0.isWhitespace || $0 == separator } }

  /// The fast way for rows of whole numbers of at most 15 digits, which doubles hold exactly: appends them and returns
  /// true, or leaves `numbers` as it was if the row is of any other form.
  private func appendPlainNumbers(ofLine line: Int, count: Int, to numbers: inout [Double]) -> Bool {
    guard let separator = separator.asciiValue else { return false }
    let before = numbers.count
    var value = 0
    var digits = 0
    var isNegative = false
    func isComplete() -> Bool { digits > 0 && digits <= 15 }
    for at in lines[line] {
      let byte = bytes[at]
      if byte >= 0x30, byte <= 0x39 {
        value = value &* 10 &+ Int(byte - 0x30)
        digits += 1
      } else if byte == separator, isComplete() {
        numbers.append(isNegative ? -Double(value) : Double(value))
        (value, digits, isNegative) = (0, 0, false)
      } else if byte == UInt8(ascii: "-"), digits == 0, !isNegative {
        isNegative = true
      } else {
        numbers.removeSubrange(before...)
        return false
      }
    }
    guard isComplete(), numbers.count - before == count - 1 else {
      numbers.removeSubrange(before...)
      return false
    }
    numbers.append(isNegative ? -Double(value) : Double(value))
    return true
  }

  /// The number that a text is in decimal notation, with `inf` and `nan`. What Swift reads beyond that, hexadecimal numbers
  /// (`0x10`) and NaN with bits (`nan(1)`), are texts to whoever writes tables.
  static func number(_ text: String) -> Double? {
    let isOther = text.utf8.contains { $0 | 0x20 == UInt8(ascii: "x") || $0 == UInt8(ascii: "(") }
    return text.isEmpty || isOther ? nil : Double(text)
  }

  /// The number in a text with a decimal comma, as `1,5`; nil for any other text.
  static func number(withComma text: String) -> Double? {
    text.contains(",") && !text.contains(".") ? number(text.replacing(",", with: ".")) : nil
  }

  func fields(ofLine line: Int) throws -> [Field] {
    if let fields = plainFields(ofLine: line) { return fields }
    let text = text(line)
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
    guard !inQuotes else {
      throw fault(
        "a quote is not closed", line, column: current.column, length: 1,
        help: "a field that begins with a quote ends with one, and a quote in it is doubled")
    }
    return fields + [trimmed(current)]
  }

  /// The fast way for lines in ASCII without quotes, where a byte is a character; nil for any other.
  private func plainFields(ofLine line: Int) -> [Field]? {
    guard let separator = separator.asciiValue else { return nil }
    let range = lines[line]
    var fields: [Field] = []
    var start = range.lowerBound
    for at in range.lowerBound...range.upperBound {
      if at < range.upperBound {
        guard bytes[at] < 0x80, bytes[at] != UInt8(ascii: "\"") else { return nil }
        guard bytes[at] == separator else { continue }
      }
      var (first, end) = (start, at)
      while first < end, CSVParser.isBlank(bytes[first]) { first += 1 }
      while first < end, CSVParser.isBlank(bytes[end - 1]) { end -= 1 }
      fields.append(
        Field(text: String(decoding: bytes[first..<end], as: UTF8.self), column: first - range.lowerBound + 1))
      start = at + 1
    }
    return fields
  }

  /// What `Character.isWhitespace` is among ASCII; line ends do not occur in a line.
  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0B || byte == 0x0C }

  /// Without the blanks around it; the column points at what is left.
  private func trimmed(_ field: Field) -> Field {
    let leading = field.text.prefix(while: \.isWhitespace).count
    let text = field.text.dropFirst(leading)
    let trailing = text.reversed().prefix(while: \.isWhitespace).count
    return Field(text: String(text.dropLast(trailing)), column: field.column + leading)
  }

  /// - Parameter line: the record, from 0; the column may be in a later one of its lines.
  func fault(
    _ message: String, _ line: Int, column: Int, length: Int, help: String? = nil, commandHelp: String? = nil
  ) -> ApusError {
    func isEnd(_ character: Character) -> Bool { ["\n", "\r", "\r\n"].contains(character) }
    let text = text(line)
    let before = text.prefix(column - 1)
    let start = before.lastIndex(where: isEnd).map(text.index(after:)) ?? text.startIndex
    return .input(
      message,
      at: SourceLocation(
        file: path, line: lineNumber(of: line) + before.count(where: isEnd),
        column: before.distance(from: start, to: before.endIndex) + 1, length: length,
        excerpt: String(text[start...].prefix { !isEnd($0) })),
      help: help, commandHelp: commandHelp)
  }
}
