import ApusGraph
import ApusOperators

extension NestPlan {
  /// Says of each value and each node that reads it, of which one could be in a nest, why they are not in the same.
  func remark(_ context: inout PassContext) {
    for node in graph.nodes where !node.op.traits.contains(.declaration) {
      var seen: Set<ValueID> = []
      for operand in node.operands where seen.insert(operand).inserted {
        let producer = graph.producer(of: operand)
        guard let obstacle = obstacle(producer, operand, node) else { continue }
        context.missed(
          "\(producer.op.name) \(graph.label(of: operand)) and \(node.op.name) "
            + "\(graph.label(of: node.results[0])) are computed apart: \(obstacle)",
          at: node)
      }
    }
  }

  /// Nil if nothing keeps them apart, or if fusing them would mean nothing: declarations and views have no loops.
  private func obstacle(_ producer: Node, _ value: ValueID, _ node: Node) -> FusionObstacle? {
    let (a, b) = (nestOf[producer.id.index], nestOf[node.id.index])
    if a != nil, a == b { return nil }
    if [producer, node].contains(where: { !$0.op.traits.isDisjoint(with: [.declaration, .movesData]) }) { return nil }
    switch (a, b) {
    case (nil, nil): return nil
    case (nil, _?): return .alone(producer.op.name)
    case (_?, nil): return node.op.traits.contains(.broadcasts) ? nil : .alone(node.op.name)
    case (_?, _?):
      return obstacles[Edge(value: value, reader: node.id)] ?? .recomputation(node.op.name)
    }
  }
}
