import ApusCore
import ApusGraph
import ApusInspection
import ApusInterpreter

/// Runs stages and says what their values are.
struct ValueBuilder {
  let inputs: ReportInputs
  /// What runs the last stage; the interpreter runs the others.
  let backend: any Backend
  /// Stages that need more arithmetic than this altogether are not all run: the first and the last are.
  var flopLimit = 20_000_000_000

  /// What the results of nodes are, for each node; empty lists for constants.
  struct StageValues {
    let nodes: [[Report.ValueData]]
    /// Those in the regions of fusions, by the positions of their nodes.
    let inside: [Int: [[Report.ValueData]]]
  }

  /// The values of each stage; nil for one that is not run.
  func values(of stages: [Graph]) throws -> (values: [StageValues?], notes: [String]) {
    guard let first = stages.first else { return ([], []) }
    var notes = ["values: " + inputs.sources.joined(separator: ", ")]
    let reference: ReferenceValues?
    do { reference = try ReferenceValues(first, inputs) } catch let error as ApusError {
      notes.append("values have nothing to be compared with: in double precision \(error.message)")
      reference = nil
    }
    let isAll = stages.reduce(0) { $0 + $1.flopCount } <= flopLimit
    if !isAll { notes.append("values are those of the first and the last stage: the graph is too large to run all") }
    let last = stages.count - 1
    let values = try stages.enumerated().map { position, stage -> StageValues? in
      guard isAll || position == 0 || position == last else { return nil }
      return try self.values(of: stage, on: position == last ? backend : InterpreterBackend(), reference)
    }
    return (values, notes)
  }

  private func values(
    of stage: Graph, on backend: any Backend, _ reference: ReferenceValues?
  ) throws -> StageValues {
    let run = try ValueRun(stage, inputs, on: backend)
    let expected = try reference?.counterparts(of: stage, inputs)
    func data(
      _ graph: Graph, _ values: [ValueID: Tensor], _ expected: [ValueID: ReferenceValues.Entry]?
    ) -> [[Report.ValueData]] {
      graph.nodes.map { node in
        node.results.compactMap { id in
          guard let value = values[id] else { return nil }
          var data = Report.ValueData(value, expected: expected?[id]?.elements)
          data.reference = expected?[id].map { "\(reference?.node(of: $0.id) ?? 0)" }
          return data
        }
      }
    }
    var inside: [Int: [[Report.ValueData]]] = [:]
    for (node, values) in run.inside {
      inside[node] = data(stage.nodes[node].regions[0], values, expected?.inside[node])
    }
    return StageValues(nodes: data(stage, run.values, expected?.values), inside: inside)
  }
}
