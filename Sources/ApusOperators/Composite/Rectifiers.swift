import ApusCore
import ApusGraph

/// max(x, 0)
public struct Relu: ActivationOperator {
  public init() {}
  public static let record = activation("relu", "max(x, 0)", traits: .idempotent)
  public func value(_ x: Value) throws -> Value { try x.maximum(0) }
  // ∂y/∂x = 1 if y > 0, else 0
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value {
    try y.greater(0).select(g, g.scalar(0))
  }
}

/// min(max(x, 0), 6)
public struct Relu6: ActivationOperator {
  public init() {}
  public static let record = activation("relu6", "min(max(x, 0), 6)", traits: .idempotent)
  public func value(_ x: Value) throws -> Value { try x.maximum(0).minimum(6) }
  // ∂y/∂x = 1 if 0 < y < 6, else 0
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value {
    try y.greater(0).and(y.less(6)).select(g, g.scalar(0))
  }
}

/// x if x > 0, else slope · x
public struct LeakyRelu: ActivationOperator {
  /// Keras: 0.2 for the function, 0.3 for the layer.
  @ComparedByBits public var slope = 0.2
  public init() {}
  public static let record = activation(
    "leaky_relu", "x where x > 0, else slope · x", attributes: [attribute("slope", \.slope, "the slope below 0")])
  public func value(_ x: Value) throws -> Value { try x.greater(0).select(x, x * slope) }
  // ∂y/∂x = 1 if x > 0, else slope
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value { try x.greater(0).select(g, g * slope) }
}

/// The exponential linear unit of Clevert et al. 2015.
public struct Elu: ActivationOperator {
  @ComparedByBits public var alpha = 1.0
  public init() {}
  public static let record = activation(
    "elu", "x where x > 0, else α (eˣ − 1)", attributes: [attribute("alpha", \.alpha, "−α is the limit at −∞")])
  public func value(_ x: Value) throws -> Value { try x.greater(0).select(x, x.minimum(0).expm1() * alpha) }
  // ∂y/∂x = 1 if x > 0, else α eˣ = y + α
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value {
    try x.greater(0).select(g, g * (y + alpha))
  }
}

/// The self-normalizing unit of Klambauer et al. 2017: λ · elu(x) with λ and α that keep mean 0 and variance 1.
public struct Selu: ActivationOperator {
  static let alpha = 1.673_263_242_354_377_3
  static let lambda = 1.050_700_987_355_480_5
  public init() {}
  public static let record = activation(
    "selu", "λ x where x > 0, else λ α (eˣ − 1), with λ = 1.0507… and α = 1.6733…")
  public func value(_ x: Value) throws -> Value {
    try x.greater(0).select(x * Selu.lambda, x.minimum(0).expm1() * (Selu.lambda * Selu.alpha))
  }
  // ∂y/∂x = λ if x > 0, else λ α eˣ = y + λ α
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value {
    try x.greater(0).select(g * Selu.lambda, g * (y + Selu.lambda * Selu.alpha))
  }
}

/// Numbers kept in an interval.
public struct Clip: CompositeOperator {
  public var low: ExactNumber = 0
  public var high: ExactNumber = 1
  public init() {}
  public init(low: ExactNumber, high: ExactNumber) { (self.low, self.high) = (low, high) }

  public static let record = OperatorRecord(
    "clip", .elementwise, "min(max(x, low), high); NaN stays", operands: [OperandRecord("x", .numeric)],
    attributes: [attribute("low", \.low, "the least value"), attribute("high", \.high, "the largest value")],
    traits: [.elementwise, .idempotent])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    guard low.double <= high.double else {
      throw TypeError("'low' must not be above 'high', but they are \(low) and \(high)", attribute: "low")
    }
    let dtype = operands[0].dtype
    for (bound, name) in [(low, "low"), (high, "high")] where !dtype.isFloating && !bound.isWholeOrInfinite {
      throw TypeError("'\(name)' of \(dtype) must be a whole number, not \(bound)", attribute: name)
    }
    return [operands[0]]
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let (low, high) = try bounds(operands[0])
    return [try operands[0].maximum(low).minimum(high)]
  }

  /// Bounds beyond the numbers of the element type are its own.
  private func bounds(_ x: Value) throws -> (low: Value, high: Value) {
    func bound(_ number: ExactNumber) throws -> Value {
      try x.builder.constant(
        number.fits(x.dtype)
          ? Tensor(filling: [], with: number, x.dtype) : Tensor(repeating: number.double, x.dtype, []))
    }
    return (try bound(low), try bound(high))
  }

  public var hasOwnGradient: Bool { true }

  // ∂y/∂x = 1 if low ≤ x ≤ high, else 0
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (x, g) = (context.operands[0], try context.cotangent)
    let (low, high) = try bounds(x)
    return [try x.greaterEqual(low).and(x.lessEqual(high)).select(g, g.scalar(0))]
  }
}

extension Value {
  /// max(x, 0), elementwise.
  public func relu() throws -> Value { try apply(Relu()) }
  /// min(max(x, 0), 6), elementwise.
  public func relu6() throws -> Value { try apply(Relu6()) }
  /// x if x > 0, else slope · x, elementwise.
  public func leakyRelu(slope: Double = 0.2) throws -> Value {
    var op = LeakyRelu()
    op.slope = slope
    return try apply(op)
  }
  /// x if x > 0, else α (eˣ − 1), elementwise.
  public func elu(alpha: Double = 1) throws -> Value {
    var op = Elu()
    op.alpha = alpha
    return try apply(op)
  }
  /// The self-normalizing exponential linear unit, elementwise.
  public func selu() throws -> Value { try apply(Selu()) }
  /// Kept in low … high, elementwise.
  public func clip(low: ExactNumber, high: ExactNumber) throws -> Value { try apply(Clip(low: low, high: high)) }
}
