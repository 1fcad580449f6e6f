import ApusCore
import ApusGraph
import ApusInterpreter
import ApusPasses

/// The values of the graph as it was given, in double precision: what those of other stages are compared with.
///
/// A value of another stage has a counterpart if both are the same numbers when both graphs are run in double precision,
/// where rounding is nothing. So nothing has to be recorded by passes; and after a pass that is wrong, the first value
/// without a counterpart is the first one that is wrong.
struct ReferenceValues {
  struct Entry {
    let id: ValueID
    let elements: [Double]
  }

  /// By shape, in the order of the graph.
  private var entries: [[Int]: [Entry]] = [:]
  private let graph: Graph

  /// Of the root mean square, or of the number if that is more: sums in another order differ by less.
  private static let tolerance = 1e-9

  /// - Parameters:
  ///   - graph: as it was given.
  ///   - inputs: in its own types.
  init(_ graph: Graph, _ inputs: ReportInputs) throws {
    self.graph = graph
    let values = try Self.run(of: graph, inputs).values
    for id in values.keys.sorted(by: { $0.index < $1.index }) {
      guard let value = values[id] else { continue }
      entries[value.dimensions, default: []].append(Entry(id: id, elements: value.doubles()))
    }
  }

  /// The position of the node that computes a value.
  func node(of id: ValueID) -> Int { graph.producer(of: id).id.index }

  private static func run(of graph: Graph, _ inputs: ReportInputs) throws -> ValueRun {
    try ValueRun(graph.inDoublePrecision(), inputs.inDoublePrecision(), on: InterpreterBackend())
  }

  /// Counterparts of the values of a graph, and of those in its fusions, by the positions of their nodes.
  typealias Counterparts = (values: [ValueID: Entry], inside: [Int: [ValueID: Entry]])

  /// What the values of a stage should be, each by its counterpart.
  func counterparts(of stage: Graph, _ inputs: ReportInputs) throws -> Counterparts {
    let run = try Self.run(of: stage, inputs)
    var result = (values: counterparts(of: run.values, in: stage), inside: [Int: [ValueID: Entry]]())
    for (node, values) in run.inside {
      result.inside[node] = counterparts(of: values, in: stage.nodes[node].regions[0])
    }
    // Outputs and updates are what they are, whatever they have become.
    let ends = zip(graph.outputs + graph.updates.map(\.value), stage.outputs + stage.updates.map(\.value))
    for (old, new) in ends {
      guard let dimensions = graph.type(of: old).shape.numbers,
        let entry = entries[dimensions]?.first(where: { $0.id == old })
      else { continue }
      result.values[new] = entry
    }
    return result
  }

  private func counterparts(of values: [ValueID: Tensor], in stage: Graph) -> [ValueID: Entry] {
    values.reduce(into: [:]) { result, pair in
      let (id, value) = pair
      let elements = value.doubles()
      let equal = (entries[value.dimensions] ?? []).filter { Self.isSame($0.elements, elements) }
      // Of several the one that is most like it.
      let entry = equal.first { isNamedAlike($0.id, id, stage) } ?? equal.first { isComputedAlike($0.id, id, stage) }
      result[id] = entry ?? equal.first
    }
  }

  private func isNamedAlike(_ old: ValueID, _ new: ValueID, _ stage: Graph) -> Bool {
    graph.name(of: old) != nil && graph.name(of: old) == stage.name(of: new)
  }

  private func isComputedAlike(_ old: ValueID, _ new: ValueID, _ stage: Graph) -> Bool {
    graph.producer(of: old).op.isEqual(to: stage.producer(of: new).op)
  }

  private static func isSame(_ a: [Double], _ b: [Double]) -> Bool {
    guard a.count == b.count else { return false }
    // Most that differ do so at once.
    func differs(_ i: Int, _ scale: Double) -> Bool {
      let (x, y) = (a[i], b[i])
      let isNear = x.isFinite && y.isFinite && abs(x - y) <= tolerance * max(scale, abs(x))
      return !(x == y || (x.isNaN && y.isNaN) || isNear)
    }
    let scale = TensorComparison.rootMeanSquare(a)
    return !a.indices.contains { differs($0, scale) }
  }
}
