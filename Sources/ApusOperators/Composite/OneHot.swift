import ApusCore
import ApusGraph

/// Labels as rows with a single 1. A label out of range is an error when the graph runs.
public struct OneHot: CompositeOperator {
  /// The number of classes.
  public var depth = 1
  public var dtype = DType.f32
  public init() {}
  public init(depth: Int, dtype: DType = .f32) { (self.depth, self.dtype) = (depth, dtype) }

  public static let record = OperatorRecord(
    "one_hot", .indexing, "1 at the label's place of a new last axis, 0 elsewhere; labels lie in 0 … depth − 1",
    operands: [OperandRecord("labels", .index)],
    attributes: [
      attribute("depth", \.depth, "the number of classes", required: true),
      attribute("dtype", \.dtype, "the type of the result"),
    ])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    guard depth >= 1 else { throw TypeError("'depth' must be at least 1, not \(depth)", attribute: "depth") }
    return [TensorType(dtype, Shape(operands[0].shape.dims + [.number(depth)]))]
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let labels = try operands[0].checkedIndex(below: depth).cast(to: .i64)
    let isLabel = try labels.expandedDims(at: labels.rank).equal(builder.iota(.i64, [.number(depth)]))
    return [try isLabel.cast(to: dtype)]
  }

  public var hasOwnGradient: Bool { true }

  // Labels are whole numbers.
  public func gradient(_ context: GradientContext) throws -> [Value?] { [nil] }
}

extension Value {
  /// Labels as rows of `depth` elements with a single 1.
  public func oneHot(depth: Int, dtype: DType = .f32) throws -> Value {
    try apply(OneHot(depth: depth, dtype: dtype))
  }
}
