import ApusCore
import ApusGraph

/// For each position the element of x at that position with one coordinate replaced, as NumPy's `take_along_axis`.
public struct TakeAlongAxis: Operator {
  public var axis = -1
  public init() {}
  public init(axis: Int) { self.axis = axis }

  public static let record = OperatorRecord(
    "take_along_axis", .indexing, "y[…, i, …] = x[…, indices[…, i, …], …]; negative indices count from the end",
    operands: [
      OperandRecord("x", .any), OperandRecord("indices", .index, "of the shape of x but for the axis"),
    ],
    attributes: [attribute("axis", \.axis, "the coordinate that is given")], traits: .movesData)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try requireAligned(operands[0].shape, operands[1].shape, axis, indicesOperand: 1)
    return [operands[0].with(shape: operands[1].shape)]
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (x, indices) = (context.operands[0], context.operands[1])
    return [try context.builder.zeros(x.type).putAlongAxisAdd(indices, context.cotangent, axis: axis), nil]
  }
}

/// A base to which elements are added at positions with one coordinate replaced: the transpose of `take_along_axis`.
public struct PutAlongAxisAdd: Operator {
  public var axis = -1
  public init() {}
  public init(axis: Int) { self.axis = axis }

  public static let record = OperatorRecord(
    "put_along_axis_add", .indexing, "base with y[…, indices[…, i, …], …] += updates[…, i, …], duplicates in order",
    operands: [
      OperandRecord("indices", .index, "of the shape of base but for the axis"),
      OperandRecord("updates", .numeric, "of the shape of indices"), OperandRecord("base", .numeric),
    ],
    attributes: [attribute("axis", \.axis, "the coordinate that is given")]
  ).accurate(Accuracy.inOrder)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let (indices, updates, base) = (operands[0], operands[1], operands[2])
    try updates.requireElementType(ofBase: base)
    try requireAligned(base.shape, indices.shape, axis, indicesOperand: 0)
    try updates.requireShape(indices.shape, "updates for these indices", operand: 1)
    return [base]
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let g = try context.cotangent
    return [nil, context.wanted[1] ? try g.takeAlongAxis(context.operands[0], axis: axis) : nil, g]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    operands[1].shape.elementCount ?? 0
  }
}

/// - Throws: `TypeError` if the shapes differ on another axis than `axis`.
private func requireAligned(_ x: Shape, _ indices: Shape, _ axis: Int, indicesOperand: Int) throws {
  let axis = try Axis.normalized(axis, rank: x.rank)
  let agree = x.rank == indices.rank && (0..<x.rank).allSatisfy { $0 == axis || x[$0] == indices[$0] }
  guard agree else {
    throw TypeError(
      "the indices \(indices) must have the shape \(x) but for axis \(axis)", operand: indicesOperand,
      help: "broadcast them first")
  }
}

extension Value {
  /// For each position of `indices` the element of this value at that position, with the index as coordinate on `axis`.
  public func takeAlongAxis(_ indices: Value, axis: Int = -1) throws -> Value {
    try builder.append(TakeAlongAxis(axis: axis), [self, indices])[0]
  }

  /// This value with `updates` added, each at its own position with the index as coordinate on `axis`.
  public func putAlongAxisAdd(_ indices: Value, _ updates: Value, axis: Int = -1) throws -> Value {
    try builder.append(PutAlongAxisAdd(axis: axis), [indices, updates, self])[0]
  }
}
