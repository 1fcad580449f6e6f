import ApusCore
import ApusGraph

/// A loss that is the mean of a function of prediction − target.
public protocol RegressionLoss: LossOperator {
  func value(_ error: Value) throws -> Value
  /// ∂value/∂error
  func slope(_ error: Value) throws -> Value
}

extension RegressionLoss {
  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try requireSameShape(operands[0], operands[1])
  }

  private func error(_ operands: [Value]) throws -> Value {
    try operands[1] - operands[0].cast(to: operands[1].dtype)
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    [try value(error(operands)).mean(axes: [-1])]
  }

  public var hasOwnGradient: Bool { true }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let g = try context.cotangent.perElement().divided(byCountOf: context.operands[1], axes: [-1])
    let cotangent = try g * slope(error(context.operands))
    return [
      context.wanted[0] ? try self.cotangent(ofTarget: context.operands[0], -cotangent) : nil, cotangent,
    ]
  }
}

/// The mean squared error.
public struct MeanSquaredError: RegressionLoss {
  public init() {}
  public static let record = loss("mean_squared_error", "mean of (prediction − target)² over the last axis")
  public func value(_ error: Value) throws -> Value { try error.square() }
  // ∂e²/∂e = 2 e
  public func slope(_ error: Value) throws -> Value { try error * 2 }
}

/// The mean absolute error.
public struct MeanAbsoluteError: RegressionLoss {
  public init() {}
  public static let record = loss("mean_absolute_error", "mean of |prediction − target| over the last axis")
  public func value(_ error: Value) throws -> Value { try error.abs() }
  // ∂|e|/∂e = sign e
  public func slope(_ error: Value) throws -> Value { try error.sign() }
}

/// Squared near the target, absolute far from it: Huber 1964.
public struct Huber: RegressionLoss {
  /// The error at which the square becomes linear.
  @ComparedByBits public var delta = 1.0
  public init() {}

  public static let record = loss(
    "huber", "mean over the last axis of e²/2 where |e| ≤ δ, else δ |e| − δ²/2, with e = prediction − target",
    attributes: [attribute("delta", \.delta, "where the square becomes a line")])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    guard delta > 0 else { throw TypeError("'delta' must be positive, not \(delta)", attribute: "delta") }
    return try requireSameShape(operands[0], operands[1])
  }

  // With c = clip(e, −δ, δ) both pieces are c (e − c/2).
  public func value(_ error: Value) throws -> Value {
    let clipped = try error.clip(low: ExactNumber(-delta), high: ExactNumber(delta))
    return try clipped * (error - clipped * 0.5)
  }
  // ∂/∂e = clip(e, −δ, δ)
  public func slope(_ error: Value) throws -> Value {
    try error.clip(low: ExactNumber(-delta), high: ExactNumber(delta))
  }
}

extension Value {
  /// For each sample the mean of (self − target)² over the last axis.
  public func meanSquaredError(target: Value) throws -> Value {
    try builder.append(MeanSquaredError(), [target, self])[0]
  }
  /// For each sample the mean of |self − target| over the last axis.
  public func meanAbsoluteError(target: Value) throws -> Value {
    try builder.append(MeanAbsoluteError(), [target, self])[0]
  }
  /// For each sample the mean Huber loss over the last axis.
  public func huber(target: Value, delta: Double = 1) throws -> Value {
    var op = Huber()
    op.delta = delta
    return try builder.append(op, [target, self])[0]
  }
}
