import ApusCore
import ApusGraph

/// A composite that folds axes of floating-point numbers.
public protocol StatisticOperator: CompositeOperator, AxisFolding {}

extension StatisticOperator {
  public var hasOwnGradient: Bool { true }

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    [try folded(operands[0])]
  }

  static func statistic(_ name: String, _ summary: String) -> OperatorRecord {
    folding(name, .statistics, summary, .floating)
  }
}

/// The arithmetic mean over axes; NaN of nothing.
public struct Mean: StatisticOperator {
  public var axes: [Int]?
  public var keepDims = false
  public init() {}
  public static let record = statistic("mean", "Σ x / n over axes; NaN of no elements")
    .accurate(Accuracy.statistic)

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[0]
    return [try x.sum(axes: axes, keepDims: keepDims).divided(byCountOf: x, axes: axes)]
  }

  // ∂y/∂x = 1 / n
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let x = context.operands[0]
    let g = try context.cotangent.divided(byCountOf: x, axes: axes)
    return [try expanded(g, like: x).broadcast(to: x.shape)]
  }
}

/// The mean squared distance from the mean over axes (biased: divided by n).
public struct Variance: StatisticOperator {
  public var axes: [Int]?
  public var keepDims = false
  public init() {}
  public static let record = statistic("variance", "Σ (x − mean)² / n over axes, not n − 1")
    .accurate(Accuracy.statistic)

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[0]
    return [try (x - x.mean(axes: axes, keepDims: true)).square().mean(axes: axes, keepDims: keepDims)]
  }

  // ∂y/∂x = 2 (x − mean) / n: what comes through the mean cancels
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let x = context.operands[0]
    let g = try expanded(context.cotangent * 2, like: x).divided(byCountOf: x, axes: axes)
    return [try g * (x - x.mean(axes: axes, keepDims: true))]
  }
}

/// The Euclidean length over axes.
public struct L2Norm: StatisticOperator {
  public var axes: [Int]?
  public var keepDims = false
  public init() {}
  public static let record = statistic("l2_norm", "√Σ x² over axes; its gradient at 0 is 0")
    .accurate(Accuracy.statistic)

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    [try operands[0].square().sum(axes: axes, keepDims: keepDims).sqrt()]
  }

  // ∂y/∂x = x / y, and 0 (a subgradient) if y = 0
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (x, y) = (context.operands[0], context.results[0])
    let isZero = try y.equal(0)
    let scale = try isZero.select(y.scalar(0), context.cotangent / isZero.select(y.scalar(1), y))
    return [try x * expanded(scale, like: x)]
  }
}

extension Value {
  /// The arithmetic mean over `axes` (all if nil).
  public func mean(axes: [Int]? = nil, keepDims: Bool = false) throws -> Value {
    try fold(by: Mean.self, axes, keepDims)
  }
  /// The mean squared distance from the mean over `axes` (all if nil), divided by n.
  public func variance(axes: [Int]? = nil, keepDims: Bool = false) throws -> Value {
    try fold(by: Variance.self, axes, keepDims)
  }
  /// The Euclidean length over `axes` (all if nil).
  public func l2Norm(axes: [Int]? = nil, keepDims: Bool = false) throws -> Value {
    try fold(by: L2Norm.self, axes, keepDims)
  }

  /// Divided by the number of elements that `x` has along `axes`; symbolic sizes are read at run time.
  func divided(byCountOf x: Value, axes: [Int]?) throws -> Value {
    var known = 1.0
    var result = self
    for axis in try Axis.normalized(axes, rank: x.rank) {
      if let size = x.shape[axis].number {
        known *= Double(size)
      } else {
        result = try result / x.size(axis: axis).cast(to: dtype)
      }
    }
    return known == 1 ? result : try result / known
  }
}
