import ApusCore
import ApusGraph
import ApusOperators
import ApusPasses

/// Turns look-ups of one element along a short axis into choices among all of them: `take_along_axis` into a sum of
/// what is selected, `put_along_axis_add` into a selection; and the position of an extremum into the least position at
/// which it stands. All of these fuse with what is around them.
///
/// Look-ups only for indices that `check_index` keeps within the axis: a choice would not notice others. Exact but
/// for the sign of a zero: all others are −0, which changes no sum, and NaN and infinities elsewhere are not selected. Where an element is NaN
/// it is the extremum, which equals nothing: then the first NaN is chosen.
public struct SelectIndices: Pass {
  /// The longest axis for which looking at each element is worth it.
  public var length = 128

  public static let record = PassRecord(
    "select-indices", "turns look-ups along short axes into choices that fuse",
    options: [option("length", \.length, "the longest axis that is searched")],
    statistics: [PassStatistic("selected", "look-ups replaced")], rules: [take, put, extremum])

  private static let take = RewriteRule(
    "take", "take_along_axis(x, i) → Σ select(i = 0, 1, …; x; −0), where i is checked", .exactButZeroSigns)
  private static let put = RewriteRule(
    "put", "put_along_axis_add(i, u, x) → select(i = 0, 1, …; x + u; x), where i is checked")
  private static let extremum = RewriteRule(
    "extremum", "argmax(x) → the least i at which x = max(x), and so for argmin")

  public init() {}

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let graph = try graph.rewritingControlFlow(includesOpenFusions: true) { try run($0, &context) }
    guard graph.nodes.contains(where: { looksUp($0.op) }) else { return graph }
    var count = 0
    let result = try graph.rewritten { node, operands, builder in
      switch node.op {
      case let take as TakeAlongAxis:
        let x = builder.value(operands[0])
        guard let match = try match(graph, node, index: 1, axis: take.axis, of: x, builder.value(operands[1])),
          context.permits(Self.take)
        else {
          return .keep
        }
        count += 1
        let none = try builder.constant(x.dtype.isFloating ? -0.0 : 0, x.dtype)
        return .replace([try match.isChosen.select(x, none).sum(axes: [match.axis], keepDims: true).id])
      case let put as PutAlongAxisAdd:
        let base = builder.value(operands[2])
        guard let match = try match(graph, node, index: 0, axis: put.axis, of: base, builder.value(operands[0])),
          context.permits(Self.put)
        else {
          return .keep
        }
        count += 1
        return .replace([try match.isChosen.select(base + builder.value(operands[1]), base).id])
      case let op as ArgMax:
        guard let result = try position(of: builder.value(operands[0]), op.axis, op.keepDims, isLargest: true),
          context.permits(Self.extremum)
        else {
          return .keep
        }
        count += 1
        return .replace([result.id])
      case let op as ArgMin:
        guard let result = try position(of: builder.value(operands[0]), op.axis, op.keepDims, isLargest: false),
          context.permits(Self.extremum)
        else {
          return .keep
        }
        count += 1
        return .replace([result.id])
      default: return .keep
      }
    }
    context.count("selected", count)
    return count == 0 ? graph : result
  }

  /// Whether the pass has a rewrite of this operator.
  private func looksUp(_ op: any Operator) -> Bool {
    op is TakeAlongAxis || op is PutAlongAxisAdd || op is ArgMax || op is ArgMin
  }

  /// The first position of the extremum along an axis.
  private func position(of x: Value, _ axis: Int, _ keepDims: Bool, isLargest: Bool) throws -> Value? {
    let axis = try Axis.normalized(axis, rank: x.rank)
    guard let size = x.shape[axis].number, size > 0 else { return nil }
    let extremum = try isLargest ? x.max(axes: [axis], keepDims: true) : x.min(axes: [axis], keepDims: true)
    var stands = try x.equal(extremum)
    if x.dtype.isFloating { stands = try stands.or(x.isNaN()) }
    let none = try x.builder.constant(Double(size), .i32)
    return try stands.select(positions(along: axis, size, of: x), none).min(axes: [axis], keepDims: keepDims)
      .cast(to: .i64)
  }

  /// 0, 1, 2, … along one axis, to be broadcast to the shape of `x`.
  private func positions(along axis: Int, _ size: Int, of x: Value) throws -> Value {
    let dimensions = (0..<x.rank).map { $0 == axis ? size : 1 }
    // Many are computed where they are read. No axis has more than `i32` can count.
    if size > length { return try x.builder.iota(.i32, Shape(dimensions), axis: axis) }
    return try x.builder.constant(Tensor((0..<size).map { Int32($0) }, dimensions))
  }

  /// For each element of `x` whether it is the one that is looked up; nil if the rewrite does not apply.
  private func match(
    _ graph: Graph, _ node: Node, index: Int, axis: Int, of x: Value, _ indices: Value
  ) throws -> (isChosen: Value, axis: Int)? {
    let axis = try Axis.normalized(axis, rank: x.rank)
    guard let size = x.shape[axis].number, size <= length, size > 1, x.dtype.isNumeric,
      indices.shape[axis].number == 1, indices.rank == x.rank,
      let check = graph.producer(of: node.operands[index]).op as? CheckIndex, check.size <= size
    else { return nil }
    // Other axes must not broadcast: each element looks up in its own row.
    for other in 0..<x.rank where other != axis && x.shape[other] != indices.shape[other] { return nil }
    return (try indices.cast(to: .i32).equal(positions(along: axis, size, of: x)), axis)
  }
}
