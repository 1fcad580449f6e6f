import ApusCore
import ApusGraph

/// An operator that folds axes of its operand: a reduction, or a statistic that is made of reductions.
public protocol AxisFolding: Operator {
  /// The axes to fold; nil means all.
  var axes: [Int]? { get set }
  /// Whether the folded axes stay, with size 1.
  var keepDims: Bool { get set }
}

extension AxisFolding {
  public init(axes: [Int]?, keepDims: Bool = false) {
    self.init()
    self.axes = axes
    self.keepDims = keepDims
  }

  /// The type of `x` without the folded axes.
  /// - Throws: `TypeError` if an axis does not exist.
  func folded(_ x: TensorType) throws -> TensorType {
    let axes = try Axis.normalized(axes, rank: x.rank)
    return x.with(shape: x.shape.reduced(axes, keepDims: keepDims))
  }

  /// A result or its cotangent with the folded axes back at size 1, so that it broadcasts against the operand.
  public func expanded(_ value: Value, like x: Value) throws -> Value {
    try value.reshaped(x.shape.reduced(Axis.normalized(axes, rank: x.rank), keepDims: true))
  }

  static func folding(_ name: String, _ family: OperatorFamily, _ summary: String, _ dtypes: DTypeSet) -> OperatorRecord
  {
    OperatorRecord(
      name, family, summary, operands: [OperandRecord("x", dtypes)],
      attributes: [
        attribute("axes", \.axes, "the axes to fold; none: all"),
        attribute("keep_dims", \.keepDims, "whether folded axes stay, with size 1"),
      ], traits: .reduction)
  }
}

extension Shape {
  /// The shape after folding `axes` (normalized).
  package func reduced(_ axes: [Int], keepDims: Bool) -> Shape {
    var dims: [Dim] = []
    for (axis, dim) in self.dims.enumerated() {
      if !axes.contains(axis) { dims.append(dim) } else if keepDims { dims.append(1) }
    }
    return Shape(dims)
  }
}

extension Value {
  /// Folds `axes` (all if nil) by an operator of this type.
  func fold<Folding: AxisFolding>(by _: Folding.Type, _ axes: [Int]?, _ keepDims: Bool) throws -> Value {
    try apply(Folding(axes: axes, keepDims: keepDims))
  }
}
