import ApusCore
import ApusGraph

/// Removes nodes that no output and no update needs. Parameters stay: they are the signature.
///
/// A variable without a reader and without an update goes; sessions keep its value, should another graph use it.
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

  /// The element that a constant repeats; nil where the value is no constant, not uniform, or of more elements than
  /// `limit`, which are not looked at.
  func uniformConstant(_ value: ValueID, limit: Int = 4096) -> Double? {
    guard let constant = producer(of: value).op as? Constant, constant.value.count > 0,
      constant.value.count <= limit
    else { return nil }
    let elements = constant.value.doubles()
    // Bits, not numbers: 0 and −0 differ.
    return elements.allSatisfy { $0.bitPattern == elements[0].bitPattern } ? elements[0] : nil
  }
}
