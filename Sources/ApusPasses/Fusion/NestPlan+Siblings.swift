import ApusCore
import ApusGraph
import ApusOperators

extension NestPlan {
  /// The most tensors that a nest of siblings reads and writes: processors fetch ahead for a dozen or two at a time.
  private static let mostTensors = 16

  /// Makes one nest of two elementwise ones that read the same tensors though neither reads the other, as those of the
  /// gradients of a recurrent cell's gates: what both read is read once, and workers need not wait between them. At least
  /// half of the tensors that one of the two reads must be the other's, too. What is the same in all runs stays apart from what
  /// is not, because it is computed once.
  mutating func uniteSiblings() {
    let (readers, escapes, fixed) = (graph.readers(), graph.escaping(), graph.fixedValues())
    func isFixed(_ nest: Int) -> Bool {
      nests[nest].members.allSatisfy { fixed.contains(graph.nodes[$0.index].result) }
    }
    for id in readers.indices.map(ValueID.init) where readers[id.index].count > 1 {
      var known: Int?
      for reader in readers[id.index] {
        guard let next = nestOf[reader.index], next != known, isSibling(next, reading: id) else { continue }
        if let last = known, isFixed(last) == isFixed(next), isWorthUniting(last, next, readers, escapes),
          (try? unite(last, with: next)) == nil
        {
          continue
        }
        known = next
      }
    }
  }

  /// Whether a nest has neither a head nor reductions, and a value that it reads is as large as itself.
  private func isSibling(_ nest: Int, reading value: ValueID) -> Bool {
    !nests[nest].hasHead && nests[nest].foldedAxes == nil && nests[nest].domain == shape(value)
  }

  private func isWorthUniting(_ a: Int, _ b: Int, _ readers: [[NodeID]], _ escapes: [Bool]) -> Bool {
    let (first, second) = (tensorsRead(a), tensorsRead(b))
    let shared = first.intersection(second).count
    guard 2 * shared >= min(first.count, second.count) else { return false }
    let written = [a, b].flatMap { nest in
      nests[nest].members.map { graph.nodes[$0.index].result }.filter { id in
        escapes[id.index] || readers[id.index].contains { nestOf[$0.index] != nest }
      }
    }
    return first.count + second.count - shared + written.count <= NestPlan.mostTensors
  }

  /// What a nest reads from outside, but for scalars.
  private func tensorsRead(_ nest: Int) -> Set<ValueID> {
    Set(nests[nest].members.flatMap { graph.nodes[$0.index].operands }).filter {
      nestOf[graph.producer(of: $0).id.index] != nest && shape($0).elementCount != 1
    }
  }
}
