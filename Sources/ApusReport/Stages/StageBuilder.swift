import ApusGraph
import ApusInspection

/// Makes the page's data of a graph.
struct StageBuilder {
  /// The file whose lines nodes came from.
  let file: String?

  func stage(_ graph: Graph, named name: String, _ book: inout LayoutBook?) -> Report.Stage {
    let drawing = StageDrawing(graph, &book)
    return Report.Stage(
      name: name, nodes: nodes(of: graph, prefix: "", drawing),
      outputs: graph.outputs.map { graph.producer(of: $0).id.index },
      updates: graph.updates.map { update in
        [update.variable, update.value].map { graph.producer(of: $0).id.index }
      }, groups: drawing.groups)
  }

  private func nodes(of graph: Graph, prefix: String, _ drawing: StageDrawing) -> [Report.NodeData] {
    graph.nodes.map { node in
      let address = "\(prefix)\(node.id.index)"
      let regions = node.regions.enumerated().map { number, region in
        Report.RegionData(
          name: region.name, nodes: nodes(of: region, prefix: "\(address).\(number).", drawing),
          outputs: region.outputs.map { region.producer(of: $0).id.index },
          group: drawing.regionGroups["\(address).\(number)"])
      }
      return Report.NodeData(
        label: BoxText.label(of: node, in: graph), op: node.op.name, family: node.op.record.family.rawValue,
        type: BoxText.type(of: node, in: graph), text: graph.line(of: node),
        operands: node.operands.map { graph.producer(of: $0).id.index }, layer: node.layer, line: line(of: node),
        flops: node.op.flopCount(graph.operandTypes(of: node), graph.resultTypes(of: node), node.regions),
        bytes: node.results.reduce(0) { $0 + (graph.type(of: $1).byteCount ?? 0) },
        regions: regions.isEmpty ? nil : regions)
    }
  }

  private func line(of node: Node) -> Int? {
    guard let file, let location = node.origin.location, location.file == file else { return nil }
    return location.line
  }
}
