import ApusCore
import ApusGraph
import Foundation

/// Graphs in the input format of Model Explorer (github.com/google-ai-edge/model-explorer, `input_graph.ts`): a list of
/// collections of graphs, in which layers are namespaces and regions are graphs that nodes lead to.
public struct ModelExplorerJSON: Encodable {
  let label: String
  private(set) var graphs: [Content] = []

  struct Content: Encodable {
    let id: String
    let nodes: [Node]
  }

  struct Node: Encodable {
    let id: String
    let label: String
    let namespace: String
    let subgraphIds: [String]?
    let attrs: [Attribute]
    let incomingEdges: [Edge]
    let outputsMetadata: [Metadata]
  }

  struct Edge: Encodable {
    let sourceNodeId: String
    let sourceNodeOutputId: String
    let targetNodeInputId: String
  }

  struct Metadata: Encodable {
    let id: String
    let attrs: [Attribute]
  }

  struct Attribute: Encodable {
    let key: String
    let value: String
  }

  public init(_ graph: Graph) {
    label = graph.name
    add(graph, id: graph.name)
  }

  private mutating func add(_ graph: Graph, id: String) {
    let position = graphs.count
    graphs.append(Content(id: id, nodes: []))
    let nodes = graph.nodes.map { node -> Node in
      let inside = node.regions.indices.map { "\(id)/\(node.id.index)/\(node.regions[$0].name)" }
      for (region, name) in zip(node.regions, inside) { add(region, id: name) }
      return Self.node(node, graph, subgraphs: inside)
    }
    graphs[position] = Content(id: id, nodes: nodes)
  }

  private static func node(_ node: ApusGraph.Node, _ graph: Graph, subgraphs: [String]) -> Node {
    Node(
      id: "\(node.id.index)", label: node.op.name, namespace: node.layer ?? "",
      subgraphIds: subgraphs.isEmpty ? nil : subgraphs,
      attrs: node.op.attributeTexts.map { Attribute(key: $0.0, value: $0.1) },
      incomingEdges: node.operands.enumerated().map { position, operand in
        let producer = graph.producer(of: operand)
        return Edge(
          sourceNodeId: "\(producer.id.index)",
          sourceNodeOutputId: "\(producer.results.firstIndex(of: operand) ?? 0)", targetNodeInputId: "\(position)")
      },
      outputsMetadata: node.results.enumerated().map { position, id in
        Metadata(
          id: "\(position)",
          attrs: [
            Attribute(key: "tensor_name", value: graph.label(of: id)),
            Attribute(key: "tensor_shape", value: "\(graph.type(of: id))"),
          ])
      })
  }

  /// The text, keys sorted.
  public static func text(_ graphs: [Graph]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(graphs.map(ModelExplorerJSON.init)), as: UTF8.self)
  }
}
