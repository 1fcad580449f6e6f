import ApusCore
import ApusGraph

/// Removes nodes that no output and no update needs. Parameters and variables stay: they are the signature, and callers
/// find them by position.
public struct DeadCode: Pass {
  public static let record = PassRecord(
    "dce", "removes nodes that no output and no update needs",
    statistics: [PassStatistic("removed", "nodes removed")])

  public init() {}

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    let result = try graph.withoutDeadNodes()
    context.count("removed", graph.nodes.count - result.nodes.count)
    return result
  }
}

extension Graph {
  /// The graph without nodes that nothing needs; itself where there are none.
  public func withoutDeadNodes() throws -> Graph {
    let live = liveNodes()
    return live.allSatisfy(\.self) ? self : try rewritten(sharingEqualNodes: false, keeping: live) { _, _, _ in .keep }
  }

  /// The element that a constant repeats; nil if the value is not a constant, not uniform, or has more elements than
  /// `limit`: each rule asks for each node, so constants of more than some microseconds are not looked at.
  package func uniformConstant(_ value: ValueID, limit: Int = 4096) -> Double? {
    guard let constant = producer(of: value).op as? Constant, constant.value.count > 0,
      constant.value.count <= limit
    else { return nil }
    let elements = constant.value.doubles()
    // Bits, not numbers: 0 and −0 differ, and so do integers that are one double.
    guard elements.allSatisfy({ $0.bitPattern == elements[0].bitPattern }) else { return nil }
    if constant.value.dtype == .i64 {
      let isUniform = constant.value.withElements(as: Int64.self) { all in all.allSatisfy { $0 == all[0] } }
      return isUniform ? elements[0] : nil
    }
    return elements[0]
  }
}
