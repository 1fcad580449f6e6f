import ApusCore
import ApusGraph

/// Folds axes into one element each.
public protocol ReductionOperator: Operator {
  /// The axes to fold; nil means all.
  var axes: [Int]? { get set }
  /// Whether the folded axes stay, with size 1.
  var keepDims: Bool { get set }
}

extension Operator {
  /// As a reduction; nil where it is none.
  package var asReduction: (any ReductionOperator)? {
    traits.contains(.reduction) ? self as? any ReductionOperator : nil
  }
}

extension ReductionOperator {
  public init(axes: [Int]?, keepDims: Bool = false) {
    self.init()
    self.axes = axes
    self.keepDims = keepDims
  }

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let axes = try Axis.normalized(axes, rank: operands[0].rank)
    return [operands[0].with(shape: operands[0].shape.reduced(axes, keepDims: keepDims))]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    operands[0].shape.elementCount ?? 0
  }

  public static func reduction(
    _ name: String, _ summary: String, _ dtypes: DTypeSet = .numeric
  ) -> OperatorRecord where Self: Sendable {
    OperatorRecord(
      name, .reduction, summary, operands: [OperandRecord("x", dtypes)],
      attributes: [
        attribute("axes", \.axes, "the axes to fold; none: all"),
        attribute("keep_dims", \.keepDims, "whether folded axes stay, with size 1"),
      ], traits: .reduction)
  }

  /// A result or its cotangent with the folded axes back at size 1, so that it broadcasts against the operand.
  public func expanded(_ value: Value, like x: Value) throws -> Value {
    let axes = try Axis.normalized(axes, rank: x.rank)
    return try value.reshaped(x.shape.reduced(axes, keepDims: true))
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
