import ApusCore
import ApusGraph
import Foundation

/// A graph as programs read it: every node with operator, operands, attributes (as the text format spells them),
/// result types, regions and origin.
public struct GraphJSON: Encodable {
  struct Value: Encodable {
    let id: Int
    let name: String?
    let dtype: String
    /// Numbers, and symbols as strings.
    let shape: [Size]
  }

  enum Size: Encodable {
    case number(Int)
    case symbol(String)
    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .number(let n): try container.encode(n)
      case .symbol(let s): try container.encode(s)
      }
    }
  }

  struct Node: Encodable {
    let op: String
    let operands: [Int]
    let attributes: [String: String]
    let results: [Value]
    let regions: [GraphJSON]
    let origin: String?
    let flops: Int
  }

  struct Update: Encodable {
    let variable: Int
    let value: Int
  }

  let name: String
  let nodes: [Node]
  let outputs: [Int]
  let updates: [Update]

  public init(_ graph: Graph) {
    name = graph.name
    outputs = graph.outputs.map(\.index)
    updates = graph.updates.map { Update(variable: $0.variable.index, value: $0.value.index) }
    nodes = graph.nodes.map { node in
      Node(
        op: node.op.name, operands: node.operands.map(\.index),
        attributes: Dictionary(uniqueKeysWithValues: node.op.attributeTexts),
        results: node.results.map { id in
          let type = graph.type(of: id)
          let shape = type.shape.dims.map { $0.number.map(Size.number) ?? .symbol($0.symbol ?? "") }
          return Value(id: id.index, name: graph.name(of: id), dtype: type.dtype.rawValue, shape: shape)
        },
        regions: node.regions.map(GraphJSON.init), origin: node.origin.name,
        flops: node.op.flopCount(graph.operandTypes(of: node), graph.resultTypes(of: node), node.regions))
    }
  }

  /// The text, keys sorted: the same graph gives the same bytes.
  public static func text(_ graphs: [Graph]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return String(decoding: try encoder.encode(graphs.map(GraphJSON.init)), as: UTF8.self)
  }
}
