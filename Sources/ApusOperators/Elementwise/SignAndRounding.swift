import ApusCore
import ApusGraph

/// −x
public struct Negate: UnaryOperator {
  public init() {}
  public static let record = unary("negate", "−x; integers wrap", .numeric, traits: .involution)
  // ∂y/∂x = −1
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try -g }
}

/// |x|
public struct Abs: UnaryOperator {
  public init() {}
  public static let record = unary("abs", "|x|; integers wrap", .numeric, traits: .idempotent)
  // ∂y/∂x = sign x, 0 at 0
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try g * x.sign() }
}

/// −1, 0 or 1; keeps NaN and the sign of zero.
public struct Sign: UnaryOperator {
  public init() {}
  public static let record = unary("sign", "−1, 0 or 1 as x; NaN and ±0 stay", .numeric, traits: .idempotent)
  // Constant almost everywhere.
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { nil }
}

/// The largest integer not above x.
public struct Floor: UnaryOperator {
  public init() {}
  public static let record = unary("floor", "⌊x⌋", traits: .idempotent)
  // Constant almost everywhere.
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { nil }
}

/// The smallest integer not below x.
public struct Ceil: UnaryOperator {
  public init() {}
  public static let record = unary("ceil", "⌈x⌉", traits: .idempotent)
  // Constant almost everywhere.
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { nil }
}

/// The nearest integer, halves to the even one.
public struct Round: UnaryOperator {
  public init() {}
  public static let record = unary("round", "the nearest integer, halves to the even one", traits: .idempotent)
  // Constant almost everywhere.
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { nil }
}

/// x, through which no gradient flows.
public struct StopGradient: UnaryOperator {
  public init() {}
  public static let record = unary("stop_gradient", "x; no gradient flows through it", .any, traits: .idempotent)
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { nil }
}

extension Value {
  public static prefix func - (x: Value) throws -> Value { try x.apply(Negate()) }
  /// −x, elementwise.
  public func negated() throws -> Value { try apply(Negate()) }
  /// |x|, elementwise.
  public func abs() throws -> Value { try apply(Abs()) }
  /// −1, 0 or 1, elementwise.
  public func sign() throws -> Value { try apply(Sign()) }
  /// ⌊x⌋, elementwise.
  public func floor() throws -> Value { try apply(Floor()) }
  /// ⌈x⌉, elementwise.
  public func ceil() throws -> Value { try apply(Ceil()) }
  /// The nearest integer, halves to the even one, elementwise.
  public func rounded() throws -> Value { try apply(Round()) }
  /// x; no gradient flows through it.
  public func stopGradient() throws -> Value { try apply(StopGradient()) }
}
