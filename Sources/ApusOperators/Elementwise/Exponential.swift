import ApusCore
import ApusGraph

/// eˣ
public struct Exp: UnaryOperator {
  public init() {}
  public static let record = unary("exp", "eˣ")
  // ∂y/∂x = y
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try g * y }
}

/// eˣ − 1, exact near 0.
public struct Expm1: UnaryOperator {
  public init() {}
  public static let record = unary("expm1", "eˣ − 1, exact near 0")
  // ∂y/∂x = y + 1
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try g * (y + 1) }
}

/// ln x
public struct Log: UnaryOperator {
  public init() {}
  public static let record = unary("log", "ln x; -inf at 0, NaN below")
  // ∂y/∂x = 1 / x
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try g / x }
}

/// ln(1 + x), exact near 0.
public struct Log1p: UnaryOperator {
  public init() {}
  public static let record = unary("log1p", "ln(1 + x), exact near 0")
  // ∂y/∂x = 1 / (1 + x)
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try g / (x + 1) }
}

/// √x
public struct Sqrt: UnaryOperator {
  public init() {}
  public static let record = unary("sqrt", "√x; NaN below 0")
  // ∂y/∂x = 1 / (2 y)
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try g * 0.5 / y }
}

/// 1 / √x
public struct Rsqrt: UnaryOperator {
  public init() {}
  public static let record = unary("rsqrt", "1 / √x")
  // ∂y/∂x = −y³ / 2
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try g * (y * y * y) * -0.5 }
}

/// 1 / x
public struct Reciprocal: UnaryOperator {
  public init() {}
  public static let record = unary("reciprocal", "1 / x")
  // ∂y/∂x = −y²
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try -(g * (y * y)) }
}

/// The logistic function 1 / (1 + e⁻ˣ).
public struct Sigmoid: UnaryOperator {
  public init() {}
  public static let record = unary("sigmoid", "1 / (1 + e⁻ˣ)", family: .activation)
  // ∂y/∂x = y (1 − y)
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try g * (y * (1 - y)) }
}

/// The hyperbolic tangent.
public struct Tanh: UnaryOperator {
  public init() {}
  public static let record = unary("tanh", "(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)", family: .activation)
  // ∂y/∂x = 1 − y²
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try g * (1 - y * y) }
}

/// The error function.
public struct Erf: UnaryOperator {
  public init() {}
  public static let record = unary("erf", "2/√π · ∫₀ˣ e^(−t²) dt")
  // ∂y/∂x = 2/√π · e^(−x²)
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? {
    let x = try x.clipped(to: 28)
    return try g * ((-(x * x)).exp() * 1.128_379_167_095_512_6)
  }
}

extension Value {
  /// x kept in −bound … bound. Derivatives that vanish at ±∞ are computed of it: beyond a bound at which they have
  /// underflowed to 0 in every type, so that neither they nor their own derivatives multiply 0 by ∞.
  func clipped(to bound: Double) throws -> Value { try clip(low: ExactNumber(-bound), high: ExactNumber(bound)) }

  /// eˣ, elementwise.
  public func exp() throws -> Value { try apply(Exp()) }
  /// eˣ − 1, elementwise, exact near 0.
  public func expm1() throws -> Value { try apply(Expm1()) }
  /// ln x, elementwise.
  public func log() throws -> Value { try apply(Log()) }
  /// ln(1 + x), elementwise, exact near 0.
  public func log1p() throws -> Value { try apply(Log1p()) }
  /// √x, elementwise.
  public func sqrt() throws -> Value { try apply(Sqrt()) }
  /// 1 / √x, elementwise.
  public func rsqrt() throws -> Value { try apply(Rsqrt()) }
  /// 1 / x, elementwise.
  public func reciprocal() throws -> Value { try apply(Reciprocal()) }
  /// 1 / (1 + e⁻ˣ), elementwise.
  public func sigmoid() throws -> Value { try apply(Sigmoid()) }
  /// The hyperbolic tangent, elementwise.
  public func tanh() throws -> Value { try apply(Tanh()) }
  /// The error function, elementwise.
  public func erf() throws -> Value { try apply(Erf()) }
}
