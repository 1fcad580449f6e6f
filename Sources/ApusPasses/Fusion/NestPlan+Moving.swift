import ApusCore
import ApusGraph
import ApusOperators

extension NestPlan {
  /// Moves what follows on a head, but only another nest reads, into that nest, if that nest reads all operands of it anyway:
  /// what is not stored need not be read. So a gradient of softmax multiplies where it sums, not where the product before it
  /// is computed, and the gradient of a pool, which looks for the largest activations, sees their signs, too. Other operands
  /// would have to be kept and read in place of what may be smaller: an activation instead of its signs.
  mutating func moveToReaders() {
    guard nests.contains(where: { $0.hasHead && $0.members.count > 1 }) else { return }
    let readers = graph.readers()
    let escapes = graph.escaping()
    for index in nests.indices where nests[index].hasHead {
      for member in nests[index].members.sorted(by: >) {
        let node = graph.nodes[member.index]
        guard isElementwise(node), !node.headsNest(graph), !escapes[node.result.index],
          let reader = readers[node.result.index].first, let target = nestOf[reader.index], target != index,
          readers[node.result.index].allSatisfy({ nestOf[$0.index] == target && readsAligned($0) }),
          nests[target].domain == shape(node.result), nests[target].members.count < size
        else { continue }
        let known = Set(nests[target].members.flatMap(operandsAtHand))
        let isKnown = node.operands.allSatisfy { operand in
          known.contains(operand) || graph.type(of: operand).rank == 0 && graph.producer(of: operand).op is Constant
        }
        if isKnown { move(member, from: index, to: target) }
      }
    }
  }

  /// What a member reads at each point of its nest's domain.
  private func operandsAtHand(_ member: NodeID) -> [ValueID] {
    let node = graph.nodes[member.index]
    if node.headsNest(graph) { return node.operandsAtHand }
    return readsAligned(member) ? node.operands : []
  }

  /// Whether what a member reads is numbered as its nest's domain is.
  private func readsAligned(_ member: NodeID) -> Bool {
    let node = graph.nodes[member.index]
    return node.op.asReduction != nil || forms[node.result.index] == .aligned
  }
}
