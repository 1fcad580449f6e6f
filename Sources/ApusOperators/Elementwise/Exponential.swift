import ApusCore
import ApusGraph

/// eˣ
public struct Exp: UnaryOperator {
  public init() {}
  public static let record = unary("exp", "eˣ")
  // ∂y/∂x = y
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try g * y }
}

/// ln x
public struct Log: UnaryOperator {
  public init() {}
  public static let record = unary("log", "ln x; -inf at 0, NaN below")
  // ∂y/∂x = 1 / x
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try g / x }
}

extension Value {
  /// eˣ, elementwise.
  public func exp() throws -> Value { try apply(Exp()) }
  /// ln x, elementwise.
  public func log() throws -> Value { try apply(Log()) }
}
