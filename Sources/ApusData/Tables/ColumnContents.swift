import ApusCore

/// What a column of a table holds.
struct ColumnContents {
  /// How often each text occurs. Numbers are texts only if they are asked for as such.
  var texts: [String: Int] = [:]
  /// Fields with a text, with a number, and with neither.
  var textCount = 0
  var numberCount = 0
  var missingCount = 0
  /// The first row with a text.
  var firstText: Int?
}

extension TextTable {
  /// What columns hold, by their positions. Reads each row once.
  /// - Parameter asTexts: the columns whose numbers are texts, too.
  func contents(of columns: [Int], asTexts: Set<Int> = []) throws -> [Int: ColumnContents] {
    let columns = Set(columns).sorted()
    var contents = [ColumnContents](repeating: ColumnContents(), count: columns.count)
    for row in 0..<rowCount {
      var reader = TableRow(self, row)
      for (index, column) in columns.enumerated() {
        if !reader.number(column).isNaN, !asTexts.contains(column) {
          contents[index].numberCount += 1
          continue
        }
        let text = try reader.text(column)
        if TextTable.missingTexts.contains(text) {
          contents[index].missingCount += 1
          continue
        }
        contents[index].textCount += 1
        contents[index].texts[text, default: 0] += 1
        if contents[index].firstText == nil { contents[index].firstText = row }
      }
    }
    return Dictionary(uniqueKeysWithValues: zip(columns, contents))
  }
}

/// A row of a table whose texts are read at most once.
struct TableRow {
  let table: TextTable
  let row: Int
  private var texts: [String]?

  init(_ table: TextTable, _ row: Int) { (self.table, self.row) = (table, row) }

  /// The number in a field; NaN if it holds none.
  func number(_ column: Int) -> Double { table.number(row, column) }

  mutating func text(_ column: Int) throws -> String {
    let texts = try texts ?? table.texts(row)
    self.texts = texts
    return texts[column]
  }

  /// Whether a field holds nothing, or a word for that.
  mutating func isMissing(_ column: Int) throws -> Bool {
    try number(column).isNaN && TextTable.missingTexts.contains(text(column))
  }

  /// An error at a field.
  func fault(_ message: String, _ column: Int, help: String? = nil, commandHelp: String? = nil) -> ApusError {
    table.fault(message, row, column, help: help, commandHelp: commandHelp)
  }
}
