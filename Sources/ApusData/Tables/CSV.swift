import ApusCore

/// A table of numbers in text: a record a line, fields separated by commas, optionally quoted (RFC 4180).
public struct CSV: Sendable {
  /// Whether the first line names the columns.
  public enum Header: Sendable, Hashable {
    /// It does if one of its fields is not a number.
    case automatic
    case present, absent
  }

  /// The columns' names, if the file had a header.
  public var columns: [String]?
  /// `f64[rows, columns]`.
  public var values: Tensor

  /// - Throws: `ApusError` if `values` is not a matrix, or `columns` are not as many as its columns.
  public init(columns: [String]? = nil, values: Tensor) throws {
    guard values.rank == 2, columns == nil || columns?.count == values.dimensions[1] else {
      throw ApusError.input(
        "\(values.type) is no table" + (columns.map { " of \($0.count) columns" } ?? ""),
        help: "a table is a matrix [rows, columns]")
    }
    self.columns = columns
    self.values = values
  }

  /// Reads a table of numbers; empty lines are skipped.
  /// - Throws: `ApusError` with line and column for a field that is not a number, and for a row of another length.
  public init(contentsOf path: String, header: Header = .automatic, separator: Character = ",") throws {
    let bytes = try BinaryFile.read(path)
    let parser = CSVParser(bytes, separator: separator, path: path)
    (columns, values) = try parser.table(header: header)
  }

  /// Features and labels apart.
  /// - Parameter label: the label column's name.
  /// - Returns: features `f32[rows, columns - 1]`; labels `i32[rows]` if all are whole numbers of that size, else
  ///   `f32[rows]`.
  /// - Throws: `ApusError` if no column has that name, with the nearest one.
  public func splitting(label: String) throws -> (features: Tensor, labels: Tensor) {
    guard let columns else {
      throw ApusError.input("the table has no header, so no column '\(label)'", help: "give the column's number")
    }
    guard let index = columns.firstIndex(of: label) else {
      throw ApusError.input(
        "the table has no column '\(label)'",
        help: Suggestion.didYouMean(label, among: columns) ?? "its columns are " + columns.joined(separator: ", "))
    }
    return try splitting(labelColumn: index)
  }

  /// Features and labels apart; the label column by its number, from 0, or from the end if negative.
  public func splitting(labelColumn: Int) throws -> (features: Tensor, labels: Tensor) {
    let width = values.dimensions[1]
    let rows = values.dimensions[0]
    let column = labelColumn < 0 ? labelColumn + width : labelColumn
    guard (0..<width).contains(column) else {
      throw ApusError.input("the table has \(width) columns, so none with the number \(labelColumn)")
    }
    let all = values.doubles()
    let labels = (0..<rows).map { all[$0 * width + column] }
    var features: [Float] = []
    features.reserveCapacity(rows * (width - 1))
    for row in 0..<rows {
      for x in 0..<width where x != column { features.append(Float(all[row * width + x])) }
    }
    let whole = labels.compactMap { Int32(exactly: $0) }
    return (
      try Tensor(features, [rows, width - 1]), whole.count == rows ? Tensor(whole) : Tensor(labels.map(Float.init))
    )
  }

  /// Writes the table, each number in the fewest digits that read back as the same one.
  public func write(to path: String) throws {
    var text = ""
    if let columns { text += columns.map(CSV.field).joined(separator: ",") + "\n" }
    let width = values.dimensions[1]
    let fields =
      values.dtype.isInteger
      ? try integers()
      : values.dtype == .f32
        ? values.withElements(as: Float.self) { $0.map(CSV.number) } : values.doubles().map(CSV.number)
    for row in 0..<values.dimensions[0] {
      text += fields[row * width..<(row + 1) * width].joined(separator: ",") + "\n"
    }
    try AtomicFile.write(text, to: path)
  }

  private func integers() throws -> [String] {
    var reader = IntegerFields(source: values)
    return try values.dtype.dispatch(&reader)
  }

  private struct IntegerFields: TensorElementVisitor {
    let source: Tensor
    mutating func visit<Element: TensorElement>(_ type: Element.Type) throws -> [String] {
      source.withElements(as: type) { $0.map { String($0.asInt64) } }
    }
  }

  private static func number(_ value: some BinaryFloatingPoint & LosslessStringConvertible) -> String {
    let text = String(value)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// The fields of one line.
  /// - Throws: `ApusError` for a quote that is not closed.
  package static func fields(of line: String) throws -> [String] {
    guard !line.isEmpty else { return [] }
    return try CSVParser(Array(line.utf8), separator: ",", path: "").fields(ofLine: 0).map(\.text)
  }

  /// A field as it is written: in quotes if it holds a comma, a quote or a line's end.
  package static func field(_ text: String) -> String {
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}
