import Apus
import Foundation

/// First and second derivatives of an operator by one operand, computed elsewhere: a line of
/// Tests/ApusOperatorsTests/Reference/derivatives.json, which make_derivatives.py writes and explains.
public struct DerivativeCase: Decodable, Sendable {
  public let op: String
  let attributes: [String: JSONAttribute]
  let dtype: String
  let operands: [JSONTensor]
  /// The operand that is differentiated by.
  let by: Int
  /// Of the results' elements in the sum that is differentiated; ones if nil.
  let weights: [JSONNumber]?
  /// Of the first derivatives in the sum that is differentiated again; ones if nil.
  let directions: [JSONNumber]?
  let first: [JSONNumber]
  let second: [JSONNumber]
  let rtol: Double

  /// All lines, by operator.
  public static func loadAll() throws -> [String: [DerivativeCase]] {
    let data = Data(try Repository.text("Tests/ApusOperatorsTests/Reference/derivatives.json").utf8)
    return Dictionary(grouping: try JSONDecoder().decode([DerivativeCase].self, from: data), by: \.op)
  }

  /// A graph of the derivatives of several cases, with their operands as parameters: first and second of each in turn.
  private static func graph(_ cases: [DerivativeCase]) throws -> (graph: Graph, feeds: [Tensor]) {
    let builder = GraphBuilder("derivatives")
    var outputs: [Value] = []
    var feeds: [Tensor] = []
    for reference in cases {
      let tensors = try reference.operands.map { try $0.tensor() }
      let operands = try tensors.map { tensor in
        feeds.append(tensor)
        return try builder.parameter("p\(feeds.count)", tensor.dtype, tensor.shape)
      }
      outputs += try reference.derivatives(operands, builder)
    }
    return (try builder.build(outputs), feeds)
  }

  private func derivatives(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let attributes = attributes.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.text)" }
    let names = operands.indices.map { "%x\($0)" }
    let parameters = zip(names, operands).map { "\($0): \($1.type)" }.joined(separator: ", ")
    let results = try operatorRecord().results.map { "%\($0)_" }.joined(separator: ", ")
    let text =
      "graph @g(\(parameters)) { \(results) = \(op)(\((names + attributes).joined(separator: ", "))) return \(results) }"
    guard let node = try Graph.parse(text).first?.nodes.last else { return [] }
    let y = try builder.append(node.op, operands)[0]
    func slope(_ y: Value, _ weights: [JSONNumber]?) throws -> Value {
      let count = y.shape.elementCount ?? 0
      let seed =
        try weights.map { try tensor($0, y.dtype, y.shape.numbers ?? []) }
        ?? Tensor(repeating: 1, y.dtype, y.shape.numbers ?? [])
      precondition(weights.map { $0.count == count } ?? true, "\(op): \(count) results")
      let x = operands[by]
      return try gradients(of: [y], seeds: [builder.constant(seed)], withRespectTo: [x], unused: .zeros)[0]
    }
    let first = try slope(y, weights)
    return [first, try slope(first, directions)]
  }

  private func operatorRecord() throws -> OperatorRecord {
    guard let type = OperatorRegistry.catalog.type(named: op) else { throw ApusError.input("no operator '\(op)'") }
    return type.record
  }

  private func tensor(_ numbers: [JSONNumber], _ dtype: DType, _ shape: [Int]) throws -> Tensor {
    dtype == .f32 ? try Tensor(numbers.map { Float($0.double) }, shape) : try Tensor(numbers.map(\.double), shape)
  }

  /// What is wrong with the derivatives that a backend computes; empty if nothing is.
  public static func mismatches(
    _ cases: [DerivativeCase], _ backend: any Backend, _ level: OptimizationLevel
  ) throws -> [String] {
    let (graph, feeds) = try graph(cases)
    let outputs = try backend.compile(graph, passes: .level(level)).run(feeds, variables: []).outputs
    return cases.enumerated().flatMap { position, reference in
      [("first", 2 * position, reference.first), ("second", 2 * position + 1, reference.second)].flatMap {
        name, output, expected in
        reference.mismatches(outputs[output].doubles(), expected.map(\.double)).map {
          "\(reference.op) \(reference.attributes.mapValues(\.text)) \(reference.dtype) by \(reference.by), \(name) derivative at \($0)"
        }
      }
    }
  }

  /// Numbers are equal relative to the larger of 1 and what is expected; infinities and NaN must be themselves.
  private func mismatches(_ found: [Double], _ expected: [Double]) -> [String] {
    guard found.count == expected.count else { return ["\(found.count) elements: \(expected.count) are expected"] }
    return found.indices.compactMap { i in
      let (x, y) = (found[i], expected[i])
      let agrees =
        y.isNaN ? x.isNaN : y.isInfinite ? x == y : abs(x - y) <= rtol * max(1, abs(y))
      let place = operands.map { $0.data.indices.contains(i) ? "\($0.data[i].double)" : "-" }.joined(separator: ", ")
      return agrees ? nil : "(\(place)) is \(x), not \(y)"
    }
  }
}
