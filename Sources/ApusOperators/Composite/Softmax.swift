import ApusCore
import ApusGraph

/// Scores to probabilities along an axis. The largest score is taken away first, so that no exponential overflows;
/// a score of −∞ gets probability 0, and where all are −∞ there is no answer but NaN.
public struct Softmax: CompositeOperator {
  public var axis = -1
  public init() {}
  public init(axis: Int) { self.axis = axis }

  public static let record = OperatorRecord(
    "softmax", .activation, "e^xᵢ / Σ e^xⱼ along an axis", operands: [OperandRecord("x", .floating)],
    attributes: [attribute("axis", \.axis, "the axis whose elements sum to 1")])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    _ = try Axis.normalized(axis, rank: operands[0].rank)
    return [operands[0]]
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[0]
    let e = try (x - x.max(axes: [axis], keepDims: true)).exp()
    return [try e / e.sum(axes: [axis], keepDims: true)]
  }

  public var hasOwnGradient: Bool { true }

  // ∂L/∂xᵢ = yᵢ (gᵢ − Σ gⱼ yⱼ)
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (y, g) = (context.results[0], try context.cotangent)
    return [try y * (g - (g * y).sum(axes: [axis], keepDims: true))]
  }
}

/// The logarithm of softmax, without taking logarithms of what has underflown to 0.
public struct LogSoftmax: CompositeOperator {
  public var axis = -1
  public init() {}
  public init(axis: Int) { self.axis = axis }

  public static let record = OperatorRecord(
    "log_softmax", .activation, "xᵢ − ln Σ e^xⱼ along an axis", operands: [OperandRecord("x", .floating)],
    attributes: [attribute("axis", \.axis, "the axis whose probabilities sum to 1")])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    _ = try Axis.normalized(axis, rank: operands[0].rank)
    return [operands[0]]
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[0]
    let z = try x - x.max(axes: [axis], keepDims: true)
    return [try z - z.exp().sum(axes: [axis], keepDims: true).log()]
  }

  public var hasOwnGradient: Bool { true }

  // ∂L/∂xᵢ = gᵢ − e^yᵢ Σ gⱼ
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (y, g) = (context.results[0], try context.cotangent)
    return [try g - y.exp() * g.sum(axes: [axis], keepDims: true)]
  }
}

extension Value {
  /// Scores to probabilities along `axis`.
  public func softmax(axis: Int = -1) throws -> Value { try apply(Softmax(axis: axis)) }
  /// Logarithms of the probabilities that softmax gives along `axis`.
  public func logSoftmax(axis: Int = -1) throws -> Value { try apply(LogSoftmax(axis: axis)) }
}
