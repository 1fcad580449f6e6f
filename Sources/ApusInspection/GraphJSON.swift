import ApusCore
import ApusGraph
import Foundation

/// A graph as programs read it: every node with operator, operands, attributes (as the text format spells them, so that no
/// digit is lost), constants' elements, result types, regions and origin. Docs/dump.schema.json is its schema.
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
    /// In the text that it was parsed from.
    let line: Int?
    let flops: Int
    /// Of a constant: its elements as the text format writes them.
    let elements: String?
  }

  struct Update: Encodable {
    let variable: Int
    let value: Int
  }

  let name: String
  let nodes: [Node]
  let outputs: [Int]
  let updates: [Update]

  /// Of the form of the output; it changes when a reader has to.
  public static let version = 1

  /// - Parameter limit: constants of more elements are written as `elided`; nil: none are.
  public init(_ graph: Graph, elidingConstantsAbove limit: Int? = nil) {
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
        regions: node.regions.map { GraphJSON($0, elidingConstantsAbove: limit) },
        origin: node.origin.name, line: node.origin.location?.line,
        flops: node.op.flopCount(graph.operandTypes(of: node), graph.resultTypes(of: node), node.regions),
        elements: (node.op as? Constant).map { AttributeText.literal($0.value, elidingAbove: limit) })
    }
  }

  private struct Document: Encodable {
    let version: Int
    let graphs: [GraphJSON]
  }

  /// The text, keys sorted: the same graph gives the same bytes.
  public static func text(_ graphs: [Graph], elidingConstantsAbove limit: Int? = nil) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let document = Document(
      version: version, graphs: graphs.map { GraphJSON($0, elidingConstantsAbove: limit) })
    return String(decoding: try encoder.encode(document), as: UTF8.self)
  }
}
