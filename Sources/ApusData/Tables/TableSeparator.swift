/// What is between the fields of a table.
enum TableSeparator {
  /// In the order in which they are taken if several are possible.
  private static let known: [Character] = [",", "\t", ";", "|"]
  /// How many lines are looked at, and how many bytes at most.
  private static let (lineCount, byteCount) = (10, 1 << 16)

  /// The separator that gives the most of the first lines as many fields as the first one has, more than one. Separators in
  /// quotes do not count, nor do lines that are empty.
  static func found(in bytes: [UInt8], path: String) -> Character {
    if path.lowercased().hasSuffix(".tsv") { return "\t" }
    let start = start(of: bytes)
    func lines(_ separator: Character) -> Int {
      let widths = CSVParser(start, separator: separator, path: path).widths(ofFirst: lineCount)
      guard let first = widths.first, first > 1 else { return 0 }
      return widths.prefix { $0 == first }.count
    }
    var counts = Dictionary(uniqueKeysWithValues: known.map { ($0, lines($0)) })
    // In countries that write decimal commas, fields are separated by semicolons.
    if counts[";", default: 0] >= max(1, counts[",", default: 0]), commasAreDecimal(start) { counts[","] = 0 }
    let most = counts.values.max() ?? 0
    return most == 0 ? "," : known.first { counts[$0] == most } ?? ","
  }

  /// Whole lines from the front.
  private static func start(of bytes: [UInt8]) -> [UInt8] {
    guard bytes.count > byteCount else { return bytes }
    let start = bytes[..<byteCount]
    return Array(start.lastIndex { $0 == 0x0A || $0 == 0x0D }.map { start[...$0] } ?? start)
  }

  /// Whether each comma below the first line is between digits, or each in that line if there is no other. Names of columns
  /// may hold commas.
  private static func commasAreDecimal(_ bytes: [UInt8]) -> Bool {
    func isDigit(_ index: Int) -> Bool { bytes.indices.contains(index) && 0x30...0x39 ~= bytes[index] }
    let lines = CSVParser.lines(of: bytes, from: 0).filter { !$0.isEmpty }
    let rows = lines.count > 1 ? lines.dropFirst() : lines[...]
    return rows.prefix(lineCount).allSatisfy { line in
      line.allSatisfy { bytes[$0] != UInt8(ascii: ",") || isDigit($0 - 1) && isDigit($0 + 1) }
    }
  }
}
