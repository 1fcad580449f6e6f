import ApusCore
import ApusGraph

/// The sum over axes; 0 of nothing.
public struct ReduceSum: ReductionOperator {
  public var axes: [Int]?
  public var keepDims = false
  public init() {}
  public static let record = reduction("reduce_sum", "Σ over axes; 0 of no elements; integers wrap")
    .accurate(Accuracy.sum)

  // ∂y/∂xᵢ = 1
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let x = context.operands[0]
    return [try expanded(context.cotangent, like: x).broadcast(to: x.shape)]
  }
}

/// The product over axes; 1 of nothing.
public struct ReduceProduct: ReductionOperator {
  public var axes: [Int]?
  public var keepDims = false
  public init() {}
  public static let record = reduction("reduce_product", "Π over axes; 1 of no elements; integers wrap")
    .accurate("|error| ≤ n u |y|, as of any product of n factors")

  // ∂y/∂xᵢ = Π of the others. Dividing y by xᵢ would fail at zeros, so with the folded axes in one row of n elements the
  // others are an n × n matrix with the diagonal replaced by 1: quadratic, but right at any number of zeros and at
  // second order.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let x = context.operands[0]
    let axes = try Axis.normalized(axes, rank: x.rank)
    guard !axes.isEmpty else { return [try context.cotangent] }
    let kept = (0..<x.rank).filter { !axes.contains($0) }
    guard let n = Shape(axes.map { x.shape[$0] }).elementCount else {
      throw NotDifferentiable("the product runs over an axis of symbolic size; specialize the graph first")
    }
    let order = kept + axes
    let keptShape = Shape(kept.map { x.shape[$0] })
    let row = try x.transposed(order).reshaped(Shape(keptShape.dims + [.number(n)]))
    let index = try context.builder.iota(.i64, [.number(n)], axis: 0)
    let isSelf = try index.expandedDims(at: 0).equal(index.expandedDims(at: 1))
    let others = try isSelf.select(row.scalar(1), row.expandedDims(at: row.rank - 1)).product(axes: [-1])
    let g = try context.cotangent.reshaped(Shape(keptShape.dims + [1]))
    var inverse = [Int](repeating: 0, count: order.count)
    for (position, axis) in order.enumerated() { inverse[axis] = position }
    return [try (g * others).reshaped(Shape(order.map { x.shape[$0] })).transposed(inverse)]
  }
}

/// The largest element over axes.
public struct ReduceMax: ReductionOperator {
  public var axes: [Int]?
  public var keepDims = false
  public init() {}
  public static let record = reduction(
    "reduce_max",
    "the largest element over axes; NaN where one is; of 0 and -0 either; -inf (the least integer) of no elements")
  public func gradient(_ context: GradientContext) throws -> [Value?] { [try extremumCotangent(context)] }
}

/// The smallest element over axes.
public struct ReduceMin: ReductionOperator {
  public var axes: [Int]?
  public var keepDims = false
  public init() {}
  public static let record = reduction(
    "reduce_min",
    "the smallest element over axes; NaN where one is; of 0 and -0 either; inf (the largest integer) of no elements")
  public func gradient(_ context: GradientContext) throws -> [Value?] { [try extremumCotangent(context)] }
}

extension ReductionOperator {
  // ∂y/∂xᵢ = 1 / number of ties where xᵢ = y, else 0
  fileprivate func extremumCotangent(_ context: GradientContext) throws -> Value {
    let x = context.operands[0]
    let isExtremum = try x.equal(expanded(context.results[0], like: x))
    // Chosen, not cast: a choice is piecewise constant, so that the second derivative is 0 and not missing.
    let count = try isExtremum.select(x.scalar(1), x.scalar(0)).sum(axes: axes, keepDims: true)
    let axes = try Axis.normalized(axes, rank: x.rank)
    let share = try expanded(context.cotangent, like: x) / count.reshaped(x.shape.reduced(axes, keepDims: true))
    return try isExtremum.select(share, share.scalar(0))
  }
}

/// Whether any element over axes holds; false of nothing.
public struct ReduceAny: ReductionOperator {
  public var axes: [Int]?
  public var keepDims = false
  public init() {}
  public static let record = reduction(
    "reduce_any", "whether any element over axes holds; false of no elements", .boolean)
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    throw NotDifferentiable("its result is a truth value")
  }
}

/// Whether all elements over axes hold; true of nothing.
public struct ReduceAll: ReductionOperator {
  public var axes: [Int]?
  public var keepDims = false
  public init() {}
  public static let record = reduction(
    "reduce_all", "whether all elements over axes hold; true of no elements", .boolean)
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    throw NotDifferentiable("its result is a truth value")
  }
}

extension Value {
  /// Σ over `axes` (all if nil).
  public func sum(axes: [Int]? = nil, keepDims: Bool = false) throws -> Value {
    try fold(by: ReduceSum.self, axes, keepDims)
  }
  /// Π over `axes` (all if nil).
  public func product(axes: [Int]? = nil, keepDims: Bool = false) throws -> Value {
    try fold(by: ReduceProduct.self, axes, keepDims)
  }
  /// The largest element over `axes` (all if nil).
  public func max(axes: [Int]? = nil, keepDims: Bool = false) throws -> Value {
    try fold(by: ReduceMax.self, axes, keepDims)
  }
  /// The smallest element over `axes` (all if nil).
  public func min(axes: [Int]? = nil, keepDims: Bool = false) throws -> Value {
    try fold(by: ReduceMin.self, axes, keepDims)
  }
  /// Whether any element over `axes` (all if nil) holds.
  public func any(axes: [Int]? = nil, keepDims: Bool = false) throws -> Value {
    try fold(by: ReduceAny.self, axes, keepDims)
  }
  /// Whether all elements over `axes` (all if nil) hold.
  public func all(axes: [Int]? = nil, keepDims: Bool = false) throws -> Value {
    try fold(by: ReduceAll.self, axes, keepDims)
  }
}
