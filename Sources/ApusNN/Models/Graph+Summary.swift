import ApusCore
import ApusGraph
import ApusPresentation

extension Graph {
  /// Counts and bytes of the variables for `summary()`.
  func summaryTable(name: String, rows: [SummaryTable.Row]) -> SummaryTable {
    let states = Set(states.map(\.label))
    func total(_ condition: (Variable) -> Bool) -> SummaryTable.Total {
      variables.map(\.declaration).filter { condition($0) && !states.contains($0.label) }.reduce(
        into: SummaryTable.Total(count: 0, byteCount: 0)
      ) {
        $0.count += $1.type.shape.elementCount ?? 0
        $0.byteCount += $1.type.byteCount ?? 0
      }
    }
    return SummaryTable(
      modelName: name, rows: rows, trainable: total(\.trainable), nonTrainable: total { !$0.trainable })
  }

  /// A summary of any graph: a row for each layer (`Node.layer`), in order of appearance, with its first operator and
  /// the shape that it ends with. If the layers do not follow each other in one line, inputs have rows too, and each row
  /// says what the layer reads.
  public func summary(style: SummaryTable.Style = .box, terminalWidth: Int? = nil) -> String {
    summaryTable(name: name, rows: GraphSummary(self).rows).text(style: style, terminalWidth: terminalWidth)
  }
}

/// Collects the rows of a graph's summary.
struct GraphSummary {
  private let graph: Graph
  private(set) var entries: [SummaryTable.Row] = []
  /// By row: the rows that it reads, in order.
  private(set) var sources: [[Int]] = []
  private var byName: [String: Int] = [:]
  /// By node; nil: a node that belongs to no row.
  private var rowOfNode: [Int?] = []
  private let states: Set<String>

  init(_ graph: Graph) {
    self.graph = graph
    states = Set(graph.states.map(\.label))
    for node in graph.nodes { add(node) }
  }

  private mutating func add(_ node: Node) {
    guard !(node.op is Constant) else { return rowOfNode.append(nil) }
    let name = node.op is Parameter ? graph.label(of: node.result) : node.layer ?? node.op.name
    let row = byName[name] ?? entries.count
    if row == entries.count {
      byName[name] = row
      let shown = node.op is Parameter ? String(name.dropFirst()) : name
      entries.append(SummaryTable.Row(name: shown, type: "", outputShapes: [], parameterCount: 0))
      sources.append([])
    }
    if let variable = node.op as? Variable {
      if !states.contains(variable.label) { entries[row].parameterCount += variable.type.shape.elementCount ?? 0 }
      return rowOfNode.append(nil)
    }
    if entries[row].type.isEmpty { entries[row].type = node.op is Parameter ? "InputLayer" : node.op.name }
    if let result = node.results.first { entries[row].outputShapes = [graph.type(of: result).shape.dims.map(\.number)] }
    for operand in node.operands {
      guard let source = rowOfNode[graph.producer(of: operand).id.index], source != row else { continue }
      if !sources[row].contains(source) { sources[row].append(source) }
    }
    rowOfNode.append(row)
  }

  var rows: [SummaryTable.Row] {
    let isChain =
      graph.parameters.count == 1
      && sources.enumerated().dropFirst().allSatisfy {
        $1 == [$0 - 1] || $1.isEmpty && entries[$0].outputShapes.isEmpty
      }
    if isChain { return entries.filter { $0.type != "InputLayer" } }
    return zip(entries, sources).map { entry, sources in
      var entry = entry
      entry.connections = sources.map { "\(entries[$0].name)[0][0]" }
      return entry
    }
  }
}
