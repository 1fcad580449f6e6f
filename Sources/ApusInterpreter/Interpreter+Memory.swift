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
    var sizes = [Int](repeating: 0, count: graph.valueCount)
    var total = 0
    var peak: (byteCount: Int, values: [ValueID]) = (0, [])
    var held: [ValueID] = []
    for node in graph.nodes where live[node.id.index] && !node.op.traits.contains(.declaration) {
      // A constant is there already, and a tensor in another shape shares memory with its operand.
      let isNew = !(node.op is Constant) && !node.op.traits.contains(.movesData)
      for id in node.results {
        sizes[id.index] = isNew || node.changesSize(in: graph) ? graph.type(of: id).byteCount ?? 0 : 0
        if sizes[id.index] > 0 { held.append(id) }
        total += sizes[id.index]
      }
      held.removeAll { id in
        guard lastReader[id.index] ?? id.index <= node.id.index, !escapes[id.index], !node.results.contains(id) else {
          return false
        }
        total -= sizes[id.index]
        return true
      }
      if total > peak.byteCount { peak = (total, held) }
    }
    byteCount = peak.byteCount
    parts = peak.values.map { (graph.label(of: $0), sizes[$0.index]) }
  }
}

extension Node {
  fileprivate func changesSize(in graph: Graph) -> Bool {
    !operands.contains { graph.type(of: $0).byteCount == graph.type(of: result).byteCount }
  }
}
