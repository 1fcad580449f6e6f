import ApusCore
import ApusGraph
import ApusOperators
import ApusPasses

/// How much memory a run of a graph keeps while each node is computed, if nodes are computed in the graph's order.
///
/// What counts is what is computed on the way: declarations, outputs and new values of variables have memory of their
/// own. A buffer is needed from the node that computes it to the last that reads it or a view of it. A node that works
/// element by element may put its result where an operand of the same size lies that it is the last to read.
///
/// What large operators need while they are computed counts if they say it (`ScratchOperator`).
///
/// An estimate: what a backend needs besides (packed operands, gaps between buffers) is not in it, and sizes that are
/// symbols count nothing.
public struct MemoryEstimate: Sendable {
  /// For each node the bytes needed while it is computed.
  public private(set) var liveBytes: [Int] = []
  /// For each value the value whose memory it lies in: its own but for views.
  public private(set) var buffer: [ValueID]
  /// For each value, by the number of its buffer, the last node that needs it; nil if it has no memory that counts.
  private(set) var last: [NodeID?]

  /// The most bytes that are needed at once.
  public var peak: Int { liveBytes.max() ?? 0 }
  /// The first node at which so many are needed.
  public var peakNode: NodeID? { liveBytes.firstIndex(of: peak).map { NodeID($0) } }

  public init(_ graph: Graph) {
    buffer = (0..<graph.valueCount).map { ValueID($0) }
    last = [NodeID?](repeating: nil, count: graph.valueCount)
    findBuffers(graph)
    measure(graph)
  }

  /// The last node that needs a value's memory; nil if it has none that counts.
  public func lastUse(of value: ValueID) -> NodeID? { last[buffer[value.index].index] }

  private mutating func findBuffers(_ graph: Graph) {
    for node in graph.nodes {
      if node.op is any ViewOperator { buffer[node.result.index] = buffer[node.operands[0].index] }
      for (operand, id) in node.operands.enumerated() where operand == 0 || !(node.op is ControlDependency) {
        last[buffer[id.index].index] = node.id
      }
      if node.op.traits.contains(.declaration) || node.op is any ViewOperator { continue }
      for result in node.results { last[result.index] = node.id }
    }
    for node in graph.nodes where node.op.traits.contains(.declaration) { last[node.result.index] = nil }
    for (id, escapes) in zip(buffer, graph.escaping()) where escapes { last[id.index] = nil }
  }

  private mutating func measure(_ graph: Graph) {
    func bytes(_ id: ValueID) -> Int { graph.type(of: id).byteCount ?? 0 }
    var live = 0
    for node in graph.nodes {
      var dying: [ValueID] = []
      for operand in node.operands {
        let id = buffer[operand.index]
        if last[id.index] == node.id, !dying.contains(id) { dying.append(id) }
      }
      var reusable = MemoryEstimate.worksInPlace(node) ? dying : []
      for result in node.results where last[result.index] != nil && buffer[result.index] == result {
        if let position = reusable.firstIndex(where: { bytes($0) == bytes(result) }) {
          live -= bytes(reusable.remove(at: position))
        }
        live += bytes(result)
      }
      // Of its bodies' memory, all is needed while it runs.
      let inside = node.op.traits.contains(.controlFlow) ? node.regions.map { MemoryEstimate($0).peak }.max() ?? 0 : 0
      liveBytes.append(live + inside + MemoryEstimate.scratchBytes(node, graph))
      let taken = (MemoryEstimate.worksInPlace(node) ? dying : []).filter { !reusable.contains($0) }
      for id in dying where !taken.contains(id) { live -= bytes(id) }
      for result in node.results where last[result.index] == node.id { live -= bytes(result) }
    }
  }

  /// Bytes that a node, or a node of a fusion's region, needs only while it is computed.
  private static func scratchBytes(_ node: Node, _ graph: Graph) -> Int {
    if node.op is Fusion { return node.regions[0].nodes.reduce(0) { $0 + scratchBytes($1, node.regions[0]) } }
    return (node.op as? any ScratchOperator)?.scratchBytes(graph.operandTypes(of: node)) ?? 0
  }

  private static func worksInPlace(_ node: Node) -> Bool {
    node.op.traits.contains(.elementwise)
      || node.op is Fusion && !node.regions[0].nodes.contains { $0.op.traits.contains(.contraction) }
  }
}

/// An operator whose kernels keep intermediate values that are large, compared with its operands and results.
protocol ScratchOperator: Operator {
  /// 0 if a size is a symbol.
  func scratchBytes(_ operands: [TensorType]) -> Int
}
