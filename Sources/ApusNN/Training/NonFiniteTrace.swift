import ApusCore
import ApusGraph
import ApusInterpreter
import ApusOperators
import ApusPasses

/// Finds the operator of one training step that first made a number which is not finite.
///
/// The interpreter runs the step and keeps every value. From the loss, or else from a variable's new value, the way back
/// leads through operands that are not finite to a node whose operands all are: that node made it.
package struct NonFiniteTrace {
  /// Static, composites expanded.
  private let graph: Graph
  private let values: ValueTrace

  /// - Parameters:
  ///   - step: a training step as it was built.
  ///   - feeds: one batch.
  ///   - variables: their values before the step, by name.
  package init(_ step: Graph, feeds: [Tensor], variables: [String: Tensor]) throws {
    graph = try step.specialized(step.bindings(for: feeds.map(\.dimensions))).expandingComposites()
    let arguments = try graph.variables.map { variable in
      guard let value = variables[variable.declaration.label] else {
        throw ApusError.defect("variable '\(variable.declaration.label)' was not loaded")
      }
      return value
    }
    values = try ValueTrace(graph, feeds, variables: arguments)
  }

  /// What made it; nil if the interpreter gets finite numbers only.
  /// - Parameter rows: the samples of the batch, for a message about the data.
  func cause(rows: [Int]) -> String? {
    let ends = graph.outputs.prefix(1) + graph.updates.map(\.value)
    guard var id = ends.first(where: { !isFinite($0) }) else { return nil }
    while let earlier = source(of: id) { id = earlier }
    return describe(graph.producer(of: id), id, rows)
  }

  /// The first operator, in the graph's order, that makes a number which is not finite, whatever becomes of it; nil if all
  /// are finite. Infinities that a graph states, as in masks, are no fault.
  /// - Parameter rows: the samples of the batch, for a message about the data.
  package func first(rows: [Int] = []) -> String? {
    let live = graph.liveNodes()
    for node in graph.nodes where live[node.id.index] && !(node.op is Constant) {
      guard let id = node.results.first(where: { !isFinite($0) }) else { continue }
      // What passes on an infinity that the graph states has not made it, but a NaN made of it is new.
      let hasInfinity = node.operands.contains { !isFinite($0) }
      if hasInfinity, !holdsNaN(id) || node.operands.contains(where: holdsNaN) { continue }
      return describe(node, id, rows)
    }
    return nil
  }

  private func isFinite(_ id: ValueID) -> Bool { values[id]?.isFinite ?? true }
  private func holdsNaN(_ id: ValueID) -> Bool {
    !isFinite(id) && values[id]?.doubles().contains(where: \.isNaN) ?? false
  }

  /// The operand that a value that is not finite comes from: a NaN from a NaN, or either from an infinity. Infinities that
  /// a graph states, as in masks, are no fault.
  private func source(of id: ValueID) -> ValueID? {
    let suspects = graph.producer(of: id).operands
      .filter { !isFinite($0) && !(graph.producer(of: $0).op is Constant) }
      .sorted { $0.index < $1.index }
    return (holdsNaN(id) ? suspects.first(where: holdsNaN) : nil) ?? suspects.first
  }

  private func describe(_ node: Node, _ id: ValueID, _ rows: [Int]) -> String {
    let elements = values[id]?.doubles() ?? []
    let position = elements.firstIndex { !$0.isFinite } ?? 0
    let value = elements.isEmpty ? .nan : elements[position].canonical
    let label = graph.label(of: id)
    if node.op is Parameter {
      let row = position / max(1, elements.count / max(1, rows.count))
      return "the data of \(label) holds \(value), in sample \(rows.indices.contains(row) ? rows[row] : row)"
    }
    if node.op is Variable { return "the variable \(label) holds \(value) before the step" }
    let layer = node.origin.name.map { " of layer '\($0)'" } ?? ""
    let operands = node.operands.map { "\(graph.label(of: $0))\(range(of: $0))" }.joined(separator: ", ")
    return "operator '\(node.op.name)'\(layer) makes \(value): \(label) = \(node.op.name)(\(operands))"
  }

  /// ` from -3.5 to 0.0`
  private func range(of id: ValueID) -> String {
    let elements = values[id]?.doubles() ?? []
    guard let least = elements.min(), let largest = elements.max() else { return "" }
    return least == largest ? " of \(Float(least))" : " from \(Float(least)) to \(Float(largest))"
  }
}

extension Trainer {
  /// Repeats steps up to the first one that makes a number which is not finite, and finds what makes it. The variables
  /// are then as they were before that step.
  /// - Parameters:
  ///   - variables: their values before the first of the steps.
  ///   - chunk: the batches of all steps.
  func explainNonFinite(from variables: [(name: String, value: Tensor)], _ chunk: Chunk) throws -> String {
    try restore(variables)
    let rows = chunk.rows ?? Array(0..<chunk.samples.count)
    for start in stride(from: 0, to: rows.count, by: chunk.batchSize) {
      let batch = Array(rows[start..<(start + chunk.batchSize)])
      let before = session.values
      let samples = try chunk.samples.gathered(batch)
      let loss = try trainingStep(samples)["loss"] ?? 0
      if loss.isFinite, variablesStayFinite(since: before) { continue }
      try restore(before)
      let trace = try NonFiniteTrace(
        stepGraph(samples), feeds: samples.feeds,
        variables: Dictionary(uniqueKeysWithValues: before.map { ($0.name, $0.value) }))
      let cause = trace.cause(rows: batch) ?? "the interpreter, with the same numbers, gets finite ones"
      return loss.isFinite ? "the new variables of step \(stepCount + 1) are not finite: \(cause)" : cause
    }
    return "the same steps, repeated, give finite numbers"
  }

  /// Whether each variable is finite that was so before.
  func variablesStayFinite(since before: [(name: String, value: Tensor)]) -> Bool {
    zip(before, session.values).allSatisfy { $1.value.isFinite || !$0.value.isFinite }
  }

  private func restore(_ variables: [(name: String, value: Tensor)]) throws {
    for (name, value) in variables { try session.setValue(value, of: name) }
  }
}
