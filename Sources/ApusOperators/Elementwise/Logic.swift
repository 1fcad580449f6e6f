import ApusCore
import ApusGraph

/// An operator on truth values or bits: it has no gradient, and no floating operand through which one could arrive.
public protocol LogicOperator: BinaryOperator {}

extension LogicOperator {
  public func cotangents(_ a: Value, _ b: Value, _ y: Value, _ g: Value, _ wanted: [Bool]) throws -> (Value?, Value?) {
    throw NotDifferentiable("it works on truth values and bits")
  }
}

extension DTypeSet {
  /// Truth values, and integers taken as bits.
  static let bits = DTypeSet.integer.union(.boolean)
}

/// a ∧ b
public struct And: LogicOperator {
  public init() {}
  public static let record = binary("and", "a ∧ b; bit by bit for integers", .bits, traits: .commutative)
}

/// a ∨ b
public struct Or: LogicOperator {
  public init() {}
  public static let record = binary("or", "a ∨ b; bit by bit for integers", .bits, traits: .commutative)
}

/// a ⊕ b
public struct Xor: LogicOperator {
  public init() {}
  public static let record = binary("xor", "a ⊕ b; bit by bit for integers", .bits, traits: .commutative)
}

/// ¬x
public struct Not: UnaryOperator {
  public init() {}
  public static let record = unary("not", "¬x; bit by bit for integers", .bits, traits: .involution)
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? {
    throw NotDifferentiable("it works on truth values and bits")
  }
}

extension Value {
  /// a ∧ b, elementwise.
  public func and(_ b: Value) throws -> Value { try binary(And(), b) }
  /// a ∨ b, elementwise.
  public func or(_ b: Value) throws -> Value { try binary(Or(), b) }
  /// a ⊕ b, elementwise.
  public func xor(_ b: Value) throws -> Value { try binary(Xor(), b) }
  /// ¬x, elementwise.
  public func not() throws -> Value { try apply(Not()) }
}
