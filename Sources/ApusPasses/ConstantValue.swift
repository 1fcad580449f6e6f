import ApusCore
import ApusGraph
import ApusInterpreter
import ApusOperators

extension Graph {
  /// What a value is in every run, as the interpreter computes it; nil if that depends on what a run is given, or if some
  /// value on the way is larger than a limit.
  /// - Parameter limit: the most bytes of a value.
  package func constantValue(of id: ValueID, limit: Int) throws -> Tensor? {
    var needed: Set<NodeID> = []
    var pending = [producer(of: id)]
    while let node = pending.popLast() {
      guard needed.insert(node.id).inserted else { continue }
      guard node.op is Constant || node.isComputedFromOperands,
        resultTypes(of: node).allSatisfy({ ($0.byteCount ?? .max) <= limit })
      else { return nil }
      pending += node.operands.map { producer(of: $0) }
    }
    let builder = GraphBuilder("constant")
    var values: [ValueID: ValueID] = [:]
    for id in needed.sorted() {
      let node = nodes[id.index]
      let operands = try node.operands.map { operand in
        guard let value = values[operand] else { throw ApusError.defect("an operand of \(node.op.name) is missing") }
        return value
      }
      for (old, new) in zip(node.results, try builder.append(node.op, operands, origin: Origin())) { values[old] = new }
    }
    // Numbers that a kernel refuses are left for the run to refuse.
    return try? Interpreter(builder.build(outputs: [id].compactMap { values[$0] })).run([], variables: []).outputs.first
  }
}

extension Node {
  /// Whether the results follow from the operands, in every run and mode.
  var isComputedFromOperands: Bool {
    regions.isEmpty && op.traits.isDisjoint(with: [.random, .controlFlow, .declaration])
      && !(op is any ModeDependentOperator)
  }
}
