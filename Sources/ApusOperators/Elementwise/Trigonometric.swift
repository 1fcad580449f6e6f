import ApusCore
import ApusGraph

/// sin x, x in radians.
public struct Sin: UnaryOperator {
  public init() {}
  public static let record = unary("sin", "sin x, in radians")
  // ∂y/∂x = cos x
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try g * x.cos() }
}

/// cos x, x in radians.
public struct Cos: UnaryOperator {
  public init() {}
  public static let record = unary("cos", "cos x, in radians")
  // ∂y/∂x = −sin x
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try -(g * x.sin()) }
}

/// tan x, x in radians.
public struct Tan: UnaryOperator {
  public init() {}
  public static let record = unary("tan", "tan x, in radians")
  // ∂y/∂x = 1 + y²
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try g * (y * y + 1) }
}

extension Value {
  /// sin x, elementwise, in radians.
  public func sin() throws -> Value { try apply(Sin()) }
  /// cos x, elementwise, in radians.
  public func cos() throws -> Value { try apply(Cos()) }
  /// tan x, elementwise, in radians.
  public func tan() throws -> Value { try apply(Tan()) }
}
