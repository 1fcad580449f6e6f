import ApusCore
import ApusData
import Foundation

extension ConfusionMatrix: CustomStringConvertible {
  /// The widest table whose columns have the classes' names; wider ones have their numbers.
  private static let widest = 120

  /// A table: true classes down, predicted ones across, with the recall of each row and the precision of each column.
  public var description: String {
    let named = table(heads: classNames, rows: classNames)
    let width = named.first.map { $0.reduce(0) { $0 + $1.count + 2 } } ?? 0
    guard width > ConfusionMatrix.widest else { return text(named) }
    return text(table(heads: counts.indices.map(String.init), rows: classNames.enumerated().map { "\($0) \($1)" }))
  }

  private func table(heads: [String], rows: [String]) -> [[String]] {
    let width = max(heads.map(\.count).max() ?? 0, 6)
    func padded(_ text: String) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
    func rate(_ value: Double?) -> String { padded(value.map { String(format: "%.4f", $0) } ?? "-") }
    var table = [["truth \\ prediction"] + (heads + ["recall"]).map(padded)]
    for (index, name) in rows.enumerated() {
      table.append([name] + counts[index].map { padded(String($0)) } + [rate(recall(of: index))])
    }
    table.append(["precision"] + counts.indices.map { rate(precision(of: $0)) })
    return table
  }

  private func text(_ table: [[String]]) -> String {
    let first = table.map { $0[0].count }.max() ?? 0
    return table.map { row in
      // `padding(toLength:)` counts UTF-16, and would cut names.
      ([row[0] + String(repeating: " ", count: first - row[0].count)] + row.dropFirst()).joined(separator: "  ") + "\n"
    }.joined()
  }

  /// The counts as a table: the predicted classes' names above, the true classes' names in the first column.
  public func csv() -> String {
    let head = (["truth"] + classNames).map(CSV.field).joined(separator: ",")
    let rows = zip(classNames, counts).map { ([CSV.field($0)] + $1.map(String.init)).joined(separator: ",") }
    return ([head] + rows).joined(separator: "\n") + "\n"
  }

  /// `{"class_names": […], "counts": [[…]]}`
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }

  /// Writes JSON if the file's name ends in `.json`, a picture (`ConfusionPlot`) if it ends in `.svg`, or else CSV. An
  /// existing file is replaced once all is written.
  public func write(to path: String) throws {
    switch (path as NSString).pathExtension.lowercased() {
    case "json": try AtomicFile.write(json(), to: path)
    case "svg": try ConfusionPlot(self).write(to: path)
    default: try AtomicFile.write(csv(), to: path)
    }
  }
}
