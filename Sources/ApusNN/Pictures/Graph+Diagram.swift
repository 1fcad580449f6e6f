import ApusGraph
import ApusPresentation

extension Graph {
  /// The graph as a picture: a box a layer, as `summary()` has rows, and arrows for what it reads.
  /// - Parameter types: what layers are called, by their names; their first operator if not given.
  public func diagram(types: [String: String] = [:]) -> LayerDiagram {
    let summary = GraphSummary(self)
    // A layer of variables alone, as one whose only reader is in a region, is not on the way of the data.
    let shown = summary.entries.indices.filter { !summary.entries[$0].type.isEmpty }
    let number = Dictionary(uniqueKeysWithValues: shown.enumerated().map { ($1, $0) })
    let boxes = shown.map { row in
      let entry = summary.entries[row]
      return LayerDiagram.Box(
        name: entry.name, type: types[entry.name] ?? entry.type,
        shape: SummaryTable.shapeText(entry.outputShapes), parameterCount: entry.parameterCount,
        sources: summary.sources[row].compactMap { number[$0] }.filter { $0 < number[row] ?? 0 })
    }
    return LayerDiagram(title: name, boxes: boxes)
  }
}

extension LayeredModel {
  /// The model as a picture, as Keras's `plot_model` draws it: `try model.diagram().write(to: "model.svg")`.
  public func diagram() -> LayerDiagram {
    var types: [String: String] = [:]
    func add(_ rows: [SummaryTable.Row], _ prefix: String) {
      for row in rows {
        types[prefix + row.name] = row.type
        add(row.nested, "\(prefix)\(row.name)/")
      }
    }
    add(summaryTable.rows, "")
    var diagram = graph.diagram(types: types)
    diagram.title = name
    return diagram
  }
}
