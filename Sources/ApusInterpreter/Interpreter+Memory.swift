import ApusCore
import ApusGraph
import ApusOperators

extension MemoryNeed {
  /// The least that an interpreter's run takes at one time: values that have been computed and are still to be read, or
  /// to be given back. What kernels take for themselves, and what regions compute, comes on top.
  /// - Parameters:
  ///   - graph: static, of primitives.
  ///   - live: by node, whether it is computed.
  ///   - lastReader: by value, the position of the last node that reads it.
  ///   - escapes: by value, whether it is given back.
  init(ofInterpreting graph: Graph, live: [Bool], lastReader: [Int?], escapes: [Bool]) {
    self.init()
    let computed = graph.nodes.filter { live[$0.id.index] && !$0.op.traits.contains(.declaration) }
    var values: [(id: ValueID, byteCount: Int, first: Int, last: Int)] = []
    /// By node: bytes of the values whose last reader it is.
    var freed = [Int](repeating: 0, count: graph.nodes.count)
    /// The most at one time, after which node that is.
    var (total, peak) = (0, (byteCount: 0, node: 0))
    for node in computed {
      for id in node.results where !node.sharesMemory(in: graph) {
        let byteCount = graph.type(of: id).byteCount ?? 0
        let last = escapes[id.index] ? graph.nodes.count : max(lastReader[id.index] ?? 0, node.id.index)
        values.append((id, byteCount, node.id.index, last))
        if last < graph.nodes.count { freed[last] += byteCount }
        total += byteCount
      }
      // Operands that are read for the last time may become the result.
      total -= freed[node.id.index]
      if total > peak.byteCount { peak = (total, node.id.index) }
    }
    byteCount = peak.byteCount
    parts = values.filter { $0.first <= peak.node && peak.node < $0.last }
      .map { (graph.label(of: $0.id), $0.byteCount) }
  }
}

extension Node {
  /// Whether the result takes no memory of its own: a constant is there already, and a tensor in another shape is its
  /// operand's elements.
  fileprivate func sharesMemory(in graph: Graph) -> Bool {
    if op is Constant { return true }
    return op.traits.contains(.movesData)
      && operands.contains { graph.type(of: $0).byteCount == graph.type(of: result).byteCount }
  }
}
