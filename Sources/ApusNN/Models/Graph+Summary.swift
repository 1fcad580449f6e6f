import ApusCore
import ApusGraph
import ApusPresentation

extension Graph {
  /// Counts and bytes of the variables for `summary()`.
  func summaryTable(name: String, rows: [SummaryTable.Row]) -> SummaryTable {
    func total(_ condition: (Variable) -> Bool) -> SummaryTable.Total {
      variables.map(\.declaration).filter(condition).reduce(into: SummaryTable.Total(count: 0, byteCount: 0)) {
        $0.count += $1.type.shape.elementCount ?? 0
        $0.byteCount += $1.type.byteCount ?? 0
      }
    }
    return SummaryTable(
      modelName: name, rows: rows, trainable: total(\.trainable), nonTrainable: total { !$0.trainable })
  }

  /// A summary of any graph: a row for each origin, in order of appearance, with the shape that it ends with.
  public func summary(style: SummaryTable.Style = .box, terminalWidth: Int? = nil) -> String {
    var rows: [SummaryTable.Row] = []
    var byName: [String: Int] = [:]
    for node in nodes where !(node.op is Parameter || node.op is Constant) {
      let name =
        node.origin.name ?? (node.op as? Variable)?.label.split(separator: "/").first.map(String.init) ?? node.op.name
      let index = byName[name] ?? rows.count
      if index == rows.count {
        byName[name] = index
        rows.append(SummaryTable.Row(name: name, type: "", outputShapes: [], parameterCount: 0))
      }
      if let variable = node.op as? Variable {
        rows[index].parameterCount += variable.type.shape.elementCount ?? 0
      } else {
        rows[index].type = rows[index].type.isEmpty ? node.op.name : rows[index].type
        rows[index].outputShapes = [type(of: node.result).shape.dims.map(\.number)]
      }
    }
    return summaryTable(name: self.name, rows: rows).text(style: style, terminalWidth: terminalWidth)
  }
}
