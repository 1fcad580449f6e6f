import ApusCore
import ApusGraph

/// A tensor repeated along axes of size 1, as NumPy broadcasts.
public struct Broadcast: Operator {
  public var shape = Shape.scalar

  public init() {}
  public init(_ shape: Shape) { self.shape = shape }

  public static let record = OperatorRecord(
    "broadcast", .shape, "x repeated along missing axes and axes of size 1, aligned at the last axis",
    operands: [OperandRecord("x", .any)],
    attributes: [attribute("shape", \.shape, "the shape of the result", required: true)],
    traits: [.movesData, .broadcasts])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    guard Shape.broadcast(operands[0].shape, shape) == shape else {
      throw TypeError("\(operands[0]) does not broadcast to \(shape)", attribute: "shape")
    }
    return [operands[0].with(shape: shape)]
  }

  // The sum over what was repeated.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    [try context.cotangent.summed(to: context.operands[0].shape)]
  }

  public func isIdentity(_ operands: [TensorType], _ results: [TensorType]) -> Bool { operands[0].shape == shape }
}

/// The positions along an axis.
public struct Iota: Operator {
  public var shape = Shape.scalar
  public var dtype = DType.i64
  public var axis = 0

  public init() {}
  public init(_ dtype: DType, _ shape: Shape, axis: Int) { (self.dtype, self.shape, self.axis) = (dtype, shape, axis) }

  public static let record = OperatorRecord(
    "iota", .shape, "each element's position along an axis",
    attributes: [
      attribute("shape", \.shape, "the shape of the result", required: true),
      attribute("dtype", \.dtype, "the type of the result"), attribute("axis", \.axis, "the axis to count along"),
    ])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    _ = try Axis.normalized(axis, rank: shape.rank)
    guard DTypeSet.numeric.contains(dtype) else {
      throw TypeError("positions must be \(DTypeSet.numeric), not \(dtype)", attribute: "dtype")
    }
    return [TensorType(dtype, shape)]
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] { [] }
  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int { 0 }
}

/// The size of a dimension.
public struct Size: Operator {
  public var axis = 0

  public init() {}
  public init(_ axis: Int) { self.axis = axis }

  public static let record = OperatorRecord(
    "size", .shape, "the size of a dimension, as an i64 scalar", operands: [OperandRecord("x", .any)],
    attributes: [attribute("axis", \.axis, "the dimension")])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    _ = try Axis.normalized(axis, rank: operands[0].rank)
    return [.scalar(.i64)]
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    throw NotDifferentiable("its result is a size")
  }
  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int { 0 }
}

extension Value {
  /// Repeated to `shape`; itself if it has that shape already.
  public func broadcast(to shape: Shape) throws -> Value { shape == self.shape ? self : try apply(Broadcast(shape)) }

  /// The size of a dimension, as an `i64` scalar: a constant once symbols are bound.
  public func size(axis: Int) throws -> Value { try apply(Size(axis)) }
}

extension GraphBuilder {
  /// Each element's position along `axis`.
  public func iota(_ dtype: DType = .i64, _ shape: Shape, axis: Int = 0) throws -> Value {
    try append(Iota(dtype, shape, axis: axis), [])[0]
  }
}
