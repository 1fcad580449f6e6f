import ApusCore
import ApusGraph

/// a + b
public struct Add: BinaryOperator {
  public init() {}
  public static let record = binary("add", "a + b; integers wrap", traits: .commutative)
  // ∂y/∂a = ∂y/∂b = 1
  public func cotangents(_ a: Value, _ b: Value, _ y: Value, _ g: Value, _ wanted: [Bool]) throws -> (Value?, Value?) {
    (g, g)
  }
}

/// a · b
public struct Multiply: BinaryOperator {
  public init() {}
  public static let record = binary("multiply", "a · b; integers wrap", traits: .commutative)
  // ∂y/∂a = b, ∂y/∂b = a
  public func cotangents(_ a: Value, _ b: Value, _ y: Value, _ g: Value, _ wanted: [Bool]) throws -> (Value?, Value?) {
    (wanted[0] ? try g * b : nil, wanted[1] ? try g * a : nil)
  }
}

extension Value {
  public static func + (a: Value, b: Value) throws -> Value { try a.builder.append(Add(), [a, b])[0] }
  public static func * (a: Value, b: Value) throws -> Value { try a.builder.append(Multiply(), [a, b])[0] }
  public static func + (a: Value, b: Double) throws -> Value { try a + a.scalar(b) }
  public static func * (a: Value, b: Double) throws -> Value { try a * a.scalar(b) }
  public static func + (a: Double, b: Value) throws -> Value { try b.scalar(a) + b }
  public static func * (a: Double, b: Value) throws -> Value { try b.scalar(a) * b }
}
