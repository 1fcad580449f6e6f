import ApusCore
import ApusGraph

/// The partition of a joint body into a forward and a backward part, and the values that cross from one to the other.
struct ScanCut {
  let joint: Graph
  /// For each node whether the backward body computes it.
  private(set) var isBackward: [Bool]
  /// For each node whether it is computed once, outside, for `hoisted`.
  private(set) var isHoisted: [Bool]
  /// Carries and values of the forward body that the backward body reads.
  private(set) var residuals: [ValueID] = []
  /// Sequence parameters that the backward body reads.
  private(set) var sequences: [ValueID] = []
  /// Invariant parameters that the backward body reads.
  private(set) var invariants: [ValueID] = []
  /// Values that depend on invariants and constants alone.
  private(set) var hoisted: [ValueID] = []

  /// - Parameters:
  ///   - body: the forward body: the first nodes of `joint`.
  ///   - seeds: the parameters of `joint` for cotangents.
  ///   - targets: the values that the backward body must compute.
  init(
    body: Graph, joint: Graph, carries: [ValueID], sequences: [ValueID], invariants: [ValueID], seeds: [ValueID],
    targets: [ValueID]
  ) {
    self.joint = joint
    isBackward = [Bool](repeating: false, count: joint.nodes.count)
    isHoisted = isBackward
    let followsCotangent = joint.dependents(of: seeds)
    let varies = joint.dependents(of: carries + sequences + seeds)
    let kinds = Kinds(carries: Set(carries), sequences: Set(sequences), invariants: Set(invariants))

    // Backwards from the targets: each value that the backward body reads is computed there or crosses the cut.
    var needed = [Bool](repeating: false, count: joint.valueCount)
    for target in targets { needed[target.index] = true }
    for node in joint.nodes.reversed() where node.results.contains(where: { needed[$0.index] }) {
      let read = node.results.filter { needed[$0.index] }
      if node.op is Parameter {
        if kinds.carries.contains(node.result) { residuals += read }
        if kinds.sequences.contains(node.result) { self.sequences += read }
        if kinds.invariants.contains(node.result) { self.invariants += read }
        continue
      }
      let isForward = node.id.index < body.nodes.count
      let isCheap = node.operands.isEmpty || node.op is Broadcast || node.op is Reshape
      if !isCheap, !node.results.contains(where: { varies[$0.index] }) {
        hoisted += read
      } else if isCheap || !isForward || node.results.contains(where: { followsCotangent[$0.index] }) {
        isBackward[node.id.index] = true
        for operand in node.operands { needed[operand.index] = true }
      } else {
        residuals += read
      }
    }
    residuals.sort()
    self.sequences.sort()
    self.invariants.sort()
    hoisted.sort()

    var pending = hoisted
    while let id = pending.popLast() {
      let node = joint.producer(of: id)
      guard !isHoisted[node.id.index], !(node.op is Parameter) else { continue }
      isHoisted[node.id.index] = true
      pending += node.operands
    }
  }

  private struct Kinds {
    let carries: Set<ValueID>
    let sequences: Set<ValueID>
    let invariants: Set<ValueID>
  }
}
