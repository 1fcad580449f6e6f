import ApusCore
import ApusGraph
import ApusOperators
import ApusPasses

/// Turns sums of padded values that do not overlap and leave no gap into a concatenation: what the gradient of cutting a
/// row of gates into its gates is.
///
/// The same but for the sign of zeros: −0 + 0 is 0, and a concatenation keeps the −0.
public struct JoinSlices: Pass {
  public static let record = PassRecord(
    "join-slices", "turns sums of padded values that tile an axis into concatenations (−0 stays)",
    statistics: [PassStatistic("joined", "concatenations made")], rules: [join])

  private static let join = RewriteRule(
    "join", "pad(a) + pad(b) + … → concatenate(a, b, …) where the pads of 0 tile an axis", .exactButZeroSigns)

  public init() {}

  /// Values at places of one axis, zeros elsewhere.
  private struct Pieces {
    let axis: Int
    let size: Int
    /// First positions, lengths and values.
    var list: [(start: Int, count: Int, value: ValueID)]

    /// All in order, where they tile the axis.
    var tiling: [ValueID]? {
      var next = 0
      for piece in list.sorted(by: { $0.start < $1.start }) {
        if piece.start != next { return nil }
        next += piece.count
      }
      return next == size ? list.sorted(by: { $0.start < $1.start }).map(\.value) : nil
    }
  }

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    guard graph.nodes.contains(where: { $0.op is Pad }) else { return graph }
    var known: [ValueID: Pieces] = [:]
    var count = 0
    let result = try graph.rewritten { node, operands, builder in
      guard node.results.count == 1 else { return .keep }
      if let pad = node.op as? Pad, let pieces = pieces(pad, graph.type(of: node.operands[0]), operands[0]) {
        let padded = try builder.append(node.op, operands, names: graph.names(of: node), origin: node.origin)
        known[padded[0]] = pieces
        return .replace(padded)
      }
      guard node.op is Add, let a = known[operands[0]], let b = known[operands[1]], a.axis == b.axis,
        graph.type(of: node.operands[0]) == graph.type(of: node.operands[1])
      else { return .keep }
      let all = Pieces(axis: a.axis, size: a.size, list: a.list + b.list)
      if let tiling = all.tiling, context.permits(Self.join) {
        count += 1
        return .replace([try concatenate(tiling.map(builder.value), axis: all.axis).id])
      }
      let sum = try builder.append(node.op, operands, names: graph.names(of: node), origin: node.origin)
      known[sum[0]] = all
      return .replace(sum)
    }
    context.count("joined", count)
    return count == 0 ? graph : try result.withoutDeadNodes()
  }

  /// A pad of zeros along one axis only.
  private func pieces(_ pad: Pad, _ type: TensorType, _ value: ValueID) -> Pieces? {
    guard pad.value == 0, pad.interior.allSatisfy({ $0 == 0 }) else { return nil }
    let axes = (0..<type.rank).filter { pad.low[$0] + pad.high[$0] > 0 }
    guard axes.count == 1, let count = type.shape[axes[0]].number else { return nil }
    let axis = axes[0]
    return Pieces(
      axis: axis, size: pad.low[axis] + count + pad.high[axis], list: [(pad.low[axis], count, value)])
  }
}
