import ApusCore
import Foundation

/// A table in text whose fields need not be numbers.
///
/// Numbers are kept, text is read again where it is asked for: a table of a million numbers takes no text.
struct TextTable {
  let path: String
  /// The columns' names; their numbers from 1 where the file has no header.
  let columns: [String]
  let hasHeader: Bool
  private let parser: CSVParser
  private let records: CSVParser.Records

  var rowCount: Int { records.lines.count }

  /// Reads a table whose fields are separated as `choices` say, or as its first lines are, those of a `.tsv` file by tabs.
  ///
  /// Between semicolons a number may have a decimal comma, if none has a decimal point.
  ///
  /// Without being told, the first line is a header unless it holds a number, and each of its texts has a text below it.
  /// - Throws: `ApusError` with line and column for a row of another length, a quote that does not end, and columns of one
  ///   name; and for a file without rows.
  init(contentsOf path: String, _ choices: DataChoices = DataChoices()) throws {
    let header = choices.header
    let bytes = try TextFile.bytes(path, help: "a table is text, its fields separated by commas")
    let separator = choices.separator ?? TableSeparator.found(in: bytes, path: path)
    let parser = CSVParser(bytes, separator: separator, path: path)
    var decimals = Decimals(takesCommas: separator == ";")
    records = try parser.records { fields in
      switch header {
      case .present: return true
      case .absent: return false
      case .automatic:
        let isNumber = fields.map { decimals.number($0.text) != nil }
        guard isNumber.contains(true) else { return true }
        let below = try parser.firstLine.flatMap { try parser.record(after: $0) } ?? []
        return zip(isNumber, below).contains { !$0 && decimals.number($1.text) != nil }
      }
    } number: { field, line in
      guard let value = decimals.number(field.text) else { return .nan }
      if let other = decimals.contradiction(field.text, line) {
        throw parser.fault(
          "'\(field.text)' has a decimal \(other.sign == "," ? "point" : "comma"), but a number in line \(parser.lineNumber(of: other.line)) "
            + "has a decimal \(other.sign == "," ? "comma" : "point")", line, column: field.column,
          length: field.text.count, help: "write all numbers in one way")
      }
      return value
    }
    self.path = path
    self.parser = parser
    hasHeader = records.columns != nil
    columns = (records.columns ?? []).isEmpty ? (1...max(1, records.width)).map(String.init) : records.columns ?? []
    guard records.width > 0, !records.lines.isEmpty else {
      throw ApusError.file(
        path, hasHeader ? "has a header, but no rows" : "has no rows",
        help: "a row a sample below a line with the columns' names")
    }
    var seen: Set<String> = []
    for (position, name) in columns.enumerated() where !seen.insert(name).inserted {
      let line = parser.firstLine ?? 0
      let field = try parser.fields(ofLine: line)[position]
      let help = "give each column a name of its own"
      throw parser.fault(
        name.isEmpty ? "two columns have an empty name" : "two columns have the name '\(name)'", line,
        column: field.column, length: max(1, name.count),
        help: header == .automatic ? "\(help), or say that the first line is a sample" : help,
        commandHelp: header == .automatic ? "\(help); if the first line is a sample, --header no" : nil)
    }
  }

  /// How a table writes fractions.
  private struct Decimals {
    let takesCommas: Bool
    private var found: (sign: Character, line: Int)?

    init(takesCommas: Bool) { self.takesCommas = takesCommas }

    func number(_ text: String) -> Double? {
      CSVParser.number(text) ?? (takesCommas ? CSVParser.number(withComma: text) : nil)
    }

    /// Where a number was written in the other way, if one was.
    mutating func contradiction(_ text: String, _ line: Int) -> (sign: Character, line: Int)? {
      guard takesCommas, let sign = text.first(where: { $0 == "." || $0 == "," }) else { return nil }
      if let found, found.sign != sign { return found }
      if found == nil { found = (sign, line) }
      return nil
    }
  }

  /// The position of a column.
  /// - Throws: `ApusError` with the nearest name, or all of them.
  func index(of name: String) throws -> Int {
    if let index = columns.firstIndex(of: name) { return index }
    throw ApusError.file(path, "has no column '\(name)'", help: columnHelp(for: name))
  }

  func columnHelp(for name: String) -> String {
    if !hasHeader { return "it has no header: its columns are 1 to \(columns.count)" }
    return Suggestion.didYouMean(name, among: columns) ?? "its columns are " + columnList
  }

  /// The columns' names, for messages.
  var columnList: String { columns.map(TextTable.shown).joined(separator: ", ") }

  /// A column's name in lists: pandas writes its index without one.
  static func shown(_ name: String) -> String { name.isEmpty ? "(empty name)" : name }

  /// The number in a field; NaN if it is none.
  func number(_ row: Int, _ column: Int) -> Double { records.numbers[row * records.width + column] }

  /// The texts of a row's fields.
  func texts(_ row: Int) throws -> [String] { try parser.fields(ofLine: records.lines[row]).map(\.text) }

  /// Texts that mean a missing value, as pandas reads them, and `?`, which UCI's tables use.
  static let missingTexts: Set = [
    "", "NA", "N/A", "n/a", "#NA", "#N/A", "<NA>", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None", "?",
  ]

  /// The file and the line of a row: `iris.csv:7`.
  func place(ofRow row: Int) -> String { "\(path):\(parser.lineNumber(of: records.lines[row]))" }

  /// An error at a field.
  func fault(
    _ message: String, _ row: Int, _ column: Int, help: String? = nil, commandHelp: String? = nil
  ) -> ApusError {
    let line = records.lines[row]
    guard let fields = try? parser.fields(ofLine: line) else { return .file(path, message, help: help) }
    return parser.fault(
      message, line, column: fields[column].column, length: max(1, fields[column].text.count), help: help,
      commandHelp: commandHelp)
  }
}
