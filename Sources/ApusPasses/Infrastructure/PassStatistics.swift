import ApusCore
import ApusGraph
import Foundation

extension PipelineResult {
  /// A table with a line for each pass: time, and nodes, FLOPs and bytes with what it took away or added; below it the
  /// passes' own counts, and the rules that they applied with the class of those.
  ///
  /// FLOPs and bytes of a symbolic graph are counted with every symbol at 1, for one sample; the head says so.
  public func statisticsTable() -> String {
    let symbols = reports.first?.before.symbols ?? []
    let ones = Dictionary(uniqueKeysWithValues: symbols.map { ($0, 1) })
    let note = symbols.isEmpty ? "" : "(FLOPs and bytes with \(symbols.map { "\($0) = 1" }.joined(separator: ", ")))\n"
    func measured(_ graph: Graph) -> Graph { (try? graph.specialized(ones)) ?? graph }
    var rows = [["pass", "ms", "nodes", "", "FLOPs", "", "bytes", ""]]
    for report in reports {
      func cells(_ measure: (Graph) -> Int) -> [String] {
        let (before, after) = (measure(measured(report.before)), measure(measured(report.after)))
        return ["\(after)", after == before ? "" : String(format: "%+d", after - before)]
      }
      rows.append(
        [report.pass, String(format: "%.2f", report.seconds * 1e3)] + cells(\.computationCount) + cells(\.flopCount)
          + cells(\.byteCount))
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var text = note
    for row in rows {
      let cells = row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + space : space + cell
      }
      text +=
        (cells.joined(separator: "  ") as NSString).trimmingCharacters(in: .newlines)
        .replacing(/\s+$/, with: "") + "\n"
    }
    for report in reports {
      let counts = report.statistics.filter { $0.count != 0 }
      if counts.isEmpty { continue }
      text += "\(report.pass): \(counts.map { "\($0.name) \($0.count)" }.joined(separator: ", "))"
      let rules = report.ruleCounts.map { "\($0.rule.name) \($0.count)" }.joined(separator: ", ")
      text += rules.isEmpty ? "\n" : "; by rules: \(rules); \(report.precision)\n"
    }
    return text
  }

  /// What the passes remarked, a line each.
  public func remarksText() -> String {
    reports.flatMap { report in report.remarks.map { "\(report.pass): \($0)\n" } }.joined()
  }
}
