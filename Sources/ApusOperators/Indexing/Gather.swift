import ApusCore
import ApusGraph

/// Slices of x at given indices of one axis, as NumPy's `take`.
///
/// Negative indices count from the end; one out of range is an error when the graph runs.
public struct Gather: Operator {
  public var axis = 0
  public init() {}
  public init(axis: Int) { self.axis = axis }

  public static let record = OperatorRecord(
    "gather", .indexing, "y[…, i…, …] = x[…, indices[i…], …] along an axis; negative indices count from the end",
    operands: [OperandRecord("x", .any), OperandRecord("indices", .index, "of any shape, which replaces the axis")],
    attributes: [attribute("axis", \.axis, "the axis of x that is indexed")], traits: .movesData)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    [operands[0].with(shape: try gathered(operands[0].shape, operands[1].shape, axis))]
  }

  // The transpose: cotangents add up if an element was read twice.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (x, indices) = (context.operands[0], context.operands[1])
    return [try context.builder.zeros(x.type).scatterAdd(indices, context.cotangent, axis: axis), nil]
  }
}

/// A base to which slices are added at given indices of one axis: the transpose of `gather`.
///
/// An index that occurs several times gets all its slices, added in their order.
public struct ScatterAdd: Operator {
  public var axis = 0
  public init() {}
  public init(axis: Int) { self.axis = axis }

  public static let record = OperatorRecord(
    "scatter_add", .indexing, "base with y[…, indices[i…], …] += updates[…, i…, …] along an axis, duplicates in order",
    operands: [
      OperandRecord("indices", .index),
      OperandRecord("updates", .numeric, "of the shape that gather(base, indices) has"),
      OperandRecord("base", .numeric),
    ],
    attributes: [attribute("axis", \.axis, "the axis of base that is indexed")]
  ).accurate(Accuracy.inOrder)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let (indices, updates, base) = (operands[0], operands[1], operands[2])
    try updates.requireElementType(ofBase: base)
    try updates.requireShape(gathered(base.shape, indices.shape, axis), "updates for these indices", operand: 1)
    return [base]
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let g = try context.cotangent
    return [nil, context.wanted[1] ? try g.gather(context.operands[0], axis: axis) : nil, g]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    operands[1].shape.elementCount ?? 0
  }
}

/// The shape of `x` with one axis replaced by the axes of `indices`.
private func gathered(_ x: Shape, _ indices: Shape, _ axis: Int) throws -> Shape {
  let axis = try Axis.normalized(axis, rank: x.rank)
  return Shape(x.dims[..<axis] + indices.dims + x.dims[(axis + 1)...])
}

extension TensorType {
  /// - Throws: `TypeError` if updates (operand 1) have another element type than their base.
  func requireElementType(ofBase base: TensorType) throws {
    guard dtype == base.dtype else {
      throw TypeError(
        "updates and base must have one element type, not \(dtype) and \(base.dtype)", operand: 1,
        help: "cast one of them")
    }
  }
}

extension GraphBuilder {
  /// Zeros of a type that may hold symbols.
  func zeros(_ type: TensorType) throws -> Value { try constant(0, type.dtype).broadcast(to: type.shape) }
}

extension Value {
  /// Slices at given indices of an axis: the axis is replaced by those of `indices`.
  /// - Parameter indices: u8, i32 or i64 of any shape; negative ones count from the end.
  public func gather(_ indices: Value, axis: Int = 0) throws -> Value {
    try builder.append(Gather(axis: axis), [self, indices])[0]
  }

  /// This value with `updates` added at given indices of an axis; an index that occurs twice gets both.
  /// - Parameter updates: of the shape of `gather(indices, axis: axis)`.
  public func scatterAdd(_ indices: Value, _ updates: Value, axis: Int = 0) throws -> Value {
    try builder.append(ScatterAdd(axis: axis), [indices, updates, self])[0]
  }
}
