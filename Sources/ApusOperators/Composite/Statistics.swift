import ApusCore
import ApusGraph

/// A composite that folds axes of floating-point numbers.
public protocol StatisticOperator: CompositeOperator {
  /// The axes to fold; nil means all.
  var axes: [Int]? { get set }
  /// Whether the folded axes stay, with size 1.
  var keepDims: Bool { get set }
}

extension StatisticOperator {
  public init(axes: [Int]?, keepDims: Bool = false) {
    self.init()
    self.axes = axes
    self.keepDims = keepDims
  }

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let axes = try Axis.normalized(axes, rank: operands[0].rank)
    return [operands[0].with(shape: operands[0].shape.reduced(axes, keepDims: keepDims))]
  }

  static func statistic(_ name: String, _ summary: String) -> OperatorRecord {
    OperatorRecord(
      name, .statistics, summary, operands: [OperandRecord("x", .floating)],
      attributes: [
        attribute("axes", \.axes, "the axes to fold; none: all"),
        attribute("keep_dims", \.keepDims, "whether folded axes stay, with size 1"),
      ], traits: .reduction)
  }

  /// A result or its cotangent with the folded axes back at size 1, so that it broadcasts against the operand.
  fileprivate func expanded(_ value: Value, like x: Value) throws -> Value {
    try value.reshaped(x.shape.reduced(Axis.normalized(axes, rank: x.rank), keepDims: true))
  }
}

/// The arithmetic mean over axes; NaN of nothing.
public struct Mean: StatisticOperator {
  public var axes: [Int]?
  public var keepDims = false
  public init() {}
  public static let record = statistic("mean", "Σ x / n over axes; NaN of no elements")

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[0]
    return [try x.sum(axes: axes, keepDims: keepDims).divided(byCountOf: x, axes: axes)]
  }

  public var hasOwnGradient: Bool { true }

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

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[0]
    return [try (x - x.mean(axes: axes, keepDims: true)).square().mean(axes: axes, keepDims: keepDims)]
  }

  public var hasOwnGradient: Bool { true }

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

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    [try operands[0].square().sum(axes: axes, keepDims: keepDims).sqrt()]
  }

  public var hasOwnGradient: Bool { true }

  // ∂y/∂x = x / y, and 0 (a subgradient) where y = 0
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (x, y) = (context.operands[0], context.results[0])
    let isZero = try y.equal(0)
    let scale = try isZero.select(y.scalar(0), context.cotangent / isZero.select(y.scalar(1), y))
    return [try x * expanded(scale, like: x)]
  }
}

extension Value {
  /// The arithmetic mean over `axes` (all where nil).
  public func mean(axes: [Int]? = nil, keepDims: Bool = false) throws -> Value {
    try apply(Mean(axes: axes, keepDims: keepDims))
  }
  /// The mean squared distance from the mean over `axes` (all where nil), divided by n.
  public func variance(axes: [Int]? = nil, keepDims: Bool = false) throws -> Value {
    try apply(Variance(axes: axes, keepDims: keepDims))
  }
  /// The Euclidean length over `axes` (all where nil).
  public func l2Norm(axes: [Int]? = nil, keepDims: Bool = false) throws -> Value {
    try apply(L2Norm(axes: axes, keepDims: keepDims))
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
