import ApusCore
import ApusGraph

/// Folds one axis into the position of an extremum.
public protocol ArgumentOperator: Operator {
  var axis: Int { get set }
  var keepDims: Bool { get set }
}

extension ArgumentOperator {
  public init(axis: Int, keepDims: Bool = false) {
    self.init()
    self.axis = axis
    self.keepDims = keepDims
  }

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let axis = try Axis.normalized(axis, rank: operands[0].rank)
    if operands[0].shape[axis] == 0 {
      throw TypeError("axis \(axis) of \(operands[0]) is empty, so no element of it is an extremum", operand: 0)
    }
    return [TensorType(.i64, operands[0].shape.reduced([axis], keepDims: keepDims))]
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    throw NotDifferentiable("its result is a position")
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    operands[0].shape.elementCount ?? 0
  }

  static func argument(_ name: String, _ summary: String) -> OperatorRecord {
    OperatorRecord(
      name, .reduction, summary, operands: [OperandRecord("x", .numeric)],
      attributes: [
        attribute("axis", \.axis, "the axis to fold"),
        attribute("keep_dims", \.keepDims, "whether the folded axis stays, with size 1"),
      ], traits: .reduction)
  }
}

/// The position of the largest element.
public struct ArgMax: ArgumentOperator {
  public var axis = -1
  public var keepDims = false
  public init() {}
  public static let record = argument(
    "arg_max", "the position (i64) of the largest element; the first of ties; NaN wins")
}

/// The position of the smallest element.
public struct ArgMin: ArgumentOperator {
  public var axis = -1
  public var keepDims = false
  public init() {}
  public static let record = argument(
    "arg_min", "the position (i64) of the smallest element; the first of ties; NaN wins")
}

/// Running sums along an axis.
public struct CumulativeSum: Operator {
  public var axis = -1
  public var reverse = false
  public var exclusive = false

  public init() {}
  public init(axis: Int, reverse: Bool, exclusive: Bool) {
    (self.axis, self.reverse, self.exclusive) = (axis, reverse, exclusive)
  }

  public static let record = OperatorRecord(
    "cumulative_sum", .reduction, "yᵢ = Σ xⱼ over j ≤ i along an axis", operands: [OperandRecord("x", .numeric)],
    attributes: [
      attribute("axis", \.axis, "the axis to sum along"),
      attribute("reverse", \.reverse, "sum over j ≥ i instead"),
      attribute("exclusive", \.exclusive, "leave j = i out"),
    ]
  ).accurate("|error| ≤ n 2⁻⁵³ Σ|x|, and a rounding of the result: sums are in `f64`")

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    _ = try Axis.normalized(axis, rank: operands[0].rank)
    return [operands[0]]
  }

  // ∂yᵢ/∂xⱼ = 1 for j ≤ i: the transpose sums the other way
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    [try context.cotangent.cumulativeSum(axis: axis, reverse: !reverse, exclusive: exclusive)]
  }
}

extension Value {
  /// The position (i64) of the largest element along `axis`.
  public func argMax(axis: Int = -1, keepDims: Bool = false) throws -> Value {
    try apply(ArgMax(axis: axis, keepDims: keepDims))
  }
  /// The position (i64) of the smallest element along `axis`.
  public func argMin(axis: Int = -1, keepDims: Bool = false) throws -> Value {
    try apply(ArgMin(axis: axis, keepDims: keepDims))
  }
  /// Running sums along `axis`.
  public func cumulativeSum(axis: Int = -1, reverse: Bool = false, exclusive: Bool = false) throws -> Value {
    try apply(CumulativeSum(axis: axis, reverse: reverse, exclusive: exclusive))
  }
}
