import ApusCore
import ApusGraph
import ApusOperators

extension NestPlan {
  func requireMergeable(_ a: Int, into b: Int) throws(FusionObstacle) {
    guard nests[a].domain == nests[b].domain else {
      throw .domain(nest: nests[a].domain, consumer: nests[b].domain)
    }
    guard nests[a].members.count + nests[b].members.count <= size else { throw .size(size) }
    if nests[a].hasHead && nests[b].hasHead { throw .anotherHead }
    if nests[a].hasHead || nests[b].hasHead {
      guard nests[a].foldedAxes == nil, nests[b].foldedAxes == nil else { throw .reductionAfterHead }
    }
    if let folded = nests[a].foldedAxes, let other = nests[b].foldedAxes, folded != other {
      throw .axes(nest: folded, consumer: other)
    }
    guard readsAsComputed(a, of: b), readsAsComputed(b, of: a) else { throw .alignment }
    if dependsOnItself(a, with: b) { throw .path }
  }

  /// Whether what a nest reads of another is numbered in both the same: a row of sums is not the same as that row
  /// broadcast over the domain. A head reads its operands in another order than that in which a nest computes them.
  private func readsAsComputed(_ reader: Int, of other: Int) -> Bool {
    nests[reader].members.allSatisfy { member in
      let node = graph.nodes[member.index]
      let form = node.op.asReduction != nil ? .aligned : forms[node.result.index]
      return node.operands.allSatisfy { operand in
        nestOf[graph.producer(of: operand).id.index] != other
          || (forms[operand.index] == form && !node.headsNest(graph))
      }
    }
  }

  /// Whether a nest of elementwise nodes has the shape that the other's reductions leave, so that it can be computed
  /// there.
  func canMergeRows(_ a: Int, into b: Int) -> Bool {
    guard let axes = nests[b].foldedAxes, !nests[b].foldsAll, !axes.isEmpty, nests[a].foldedAxes == nil,
      !nests[a].hasHead, nests[a].domain != nests[b].domain,
      nests[a].domain == nests[b].domain.reduced(axes, keepDims: false),
      nests[a].members.count + nests[b].members.count <= size
    else { return false }
    // What is read there as broadcast to the domain is not numbered like a row.
    let isReadAsRow = nests[b].members.allSatisfy { member in
      let node = graph.nodes[member.index]
      return forms[node.result.index] == .folded && node.op.asReduction == nil
        || node.operands.allSatisfy { nestOf[graph.producer(of: $0).id.index] != a }
    }
    return isReadAsRow && !dependsOnItself(a, with: b)
  }

  // MARK: Paths

  /// Whether a path leads from the nest through other nodes to an operand of the node.
  func closesPath(_ node: Node, _ nest: Int) -> Bool {
    reaches(from: nest, to: node.operands.filter { nestOf[graph.producer(of: $0).id.index] != nest })
  }

  /// Whether two nests, made one, would depend on themselves.
  private func dependsOnItself(_ a: Int, with b: Int) -> Bool {
    reaches(from: a, to: inputs(b, besides: a)) || reaches(from: b, to: inputs(a, besides: b))
  }

  /// Whether one of the values depends on the nest, through nodes outside of it. Yes if that cannot be decided with
  /// little effort.
  private func reaches(from nest: Int, to values: [ValueID]) -> Bool {
    let cut = cut(before: nest)
    var seenNests = Set<Int>()
    var seenNodes = Set<NodeID>()
    var pending = values.map { graph.producer(of: $0).id }
    var effort = 4096
    while let id = pending.popLast() {
      if nestOf[id.index] == nest { return true }
      if id.index < cut { continue }
      effort -= 1
      if effort == 0 { return true }
      if let other = nestOf[id.index] {
        guard seenNests.insert(other).inserted else { continue }
        // A nest is computed as one: it depends on what any of its members reads, even a member late in the graph.
        for member in nests[other].members {
          for operand in graph.nodes[member.index].operands {
            let producer = graph.producer(of: operand).id
            if nestOf[producer.index] != other { pending.append(producer) }
          }
        }
      } else if seenNodes.insert(id).inserted {
        pending += graph.nodes[id.index].operands.map { graph.producer(of: $0).id }
      }
    }
    return false
  }

  /// What a nest reads from outside.
  private func inputs(_ nest: Int, besides other: Int) -> [ValueID] {
    nests[nest].members.flatMap { graph.nodes[$0.index].operands }.filter {
      let producer = nestOf[graph.producer(of: $0).id.index]
      return producer != nest && producer != other
    }
  }
}
