import ApusCore
import ApusGraph

/// Softmax or its logarithm: elements of the shape of x, computed along one axis.
public protocol SoftmaxOperator: CompositeOperator {
  var axis: Int { get set }
}

extension SoftmaxOperator {
  public init(axis: Int) {
    self.init()
    self.axis = axis
  }

  public var hasOwnGradient: Bool { true }

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    _ = try Axis.normalized(axis, rank: operands[0].rank)
    return [operands[0]]
  }

  static func softmax(_ name: String, _ summary: String, axis meaning: String) -> OperatorRecord {
    OperatorRecord(
      name, .activation, summary, operands: [OperandRecord("x", .floating)],
      attributes: [attribute("axis", \.axis, meaning)]
    ).accurate(Accuracy.statistic)
  }
}

/// Scores to probabilities along an axis. The largest score is subtracted first, so that no exponential overflows. A
/// score of −∞ gets probability 0; if all are −∞ the result is NaN.
public struct Softmax: SoftmaxOperator {
  public var axis = -1
  public init() {}
  public static let record = softmax(
    "softmax", "e^xᵢ / Σ e^xⱼ along an axis", axis: "the axis whose elements sum to 1")

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[0]
    let e = try (x - x.max(axes: [axis], keepDims: true)).exp()
    return [try e / e.sum(axes: [axis], keepDims: true)]
  }

  // ∂L/∂xᵢ = yᵢ (gᵢ − Σ gⱼ yⱼ)
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (y, g) = (context.results[0], try context.cotangent)
    return [try y * (g - (g * y).sum(axes: [axis], keepDims: true))]
  }
}

/// The logarithm of softmax, without logarithms of probabilities that have underflowed to 0.
public struct LogSoftmax: SoftmaxOperator {
  public var axis = -1
  public init() {}
  public static let record = softmax(
    "log_softmax", "xᵢ − ln Σ e^xⱼ along an axis", axis: "the axis whose probabilities sum to 1")

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[0]
    let z = try x - x.max(axes: [axis], keepDims: true)
    return [try z - z.exp().sum(axes: [axis], keepDims: true).log()]
  }

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
