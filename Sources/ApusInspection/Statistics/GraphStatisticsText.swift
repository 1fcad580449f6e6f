import ApusPresentation
import Foundation

extension GraphStatistics {
  /// A table with a line for each layer, and the total.
  public var text: String {
    var table = [["layer", "nodes", "parameters", "FLOPs", "bytes", "FLOPs/byte", "peak memory"]]
    for row in layers + [total] {
      table.append([
        row.layer, "\(row.nodes)", SummaryTable.grouped(row.parameters), SummaryTable.grouped(row.flops),
        SummaryTable.sizeText(row.bytes), row.intensity.map { String(format: "%.2f", $0) } ?? "-",
        SummaryTable.sizeText(row.peakBytes),
      ])
    }
    let widths = table[0].indices.map { column in table.map { $0[column].count }.max() ?? 0 }
    let lines = table.map { row in
      row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + space : space + cell
      }.joined(separator: "  ")
    }
    let rule = String(repeating: "-", count: lines[0].count)
    return (["@\(graph)", lines[0], rule] + lines.dropFirst().dropLast() + [rule, lines[lines.count - 1]])
      .joined(separator: "\n") + "\n"
  }
}
