import ApusCore
import ApusGraph

/// A question about two numbers; the answer is a `bool`. Any comparison with NaN is false, but `not_equal` is true.
public protocol ComparisonOperator: BinaryOperator {}

extension ComparisonOperator {
  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    [try Self.broadcastType(operands).with(dtype: .bool)]
  }

  public func cotangents(_ a: Value, _ b: Value, _ y: Value, _ g: Value, _ wanted: [Bool]) throws -> (Value?, Value?) {
    throw NotDifferentiable("its result is a truth value")
  }

  public static func comparison(_ name: String, _ summary: String, traits: OperatorTraits = []) -> OperatorRecord {
    binary(name, summary, .comparable, family: .comparison, traits: traits)
  }
}

/// a = b
public struct Equal: ComparisonOperator {
  public init() {}
  public static let record = comparison("equal", "a = b; false where one is NaN", traits: .commutative)
}

/// a ≠ b
public struct NotEqual: ComparisonOperator {
  public init() {}
  public static let record = comparison("not_equal", "a ≠ b; true where one is NaN", traits: .commutative)
}

/// a < b
public struct Less: ComparisonOperator {
  public init() {}
  public static let record = comparison("less", "a < b; false where one is NaN")
}

/// a ≤ b
public struct LessEqual: ComparisonOperator {
  public init() {}
  public static let record = comparison("less_equal", "a ≤ b; false where one is NaN")
}

/// a > b
public struct Greater: ComparisonOperator {
  public init() {}
  public static let record = comparison("greater", "a > b; false where one is NaN")
}

/// a ≥ b
public struct GreaterEqual: ComparisonOperator {
  public init() {}
  public static let record = comparison("greater_equal", "a ≥ b; false where one is NaN")
}

/// A question about one number.
public protocol PredicateOperator: UnaryOperator {}

extension PredicateOperator {
  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    [operands[0].with(dtype: .bool)]
  }

  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? {
    throw NotDifferentiable("its result is a truth value")
  }
}

/// Whether x is not a number.
public struct IsNaN: PredicateOperator {
  public init() {}
  public static let record = unary("is_nan", "whether x is not a number", family: .comparison)
}

/// Whether x is neither infinite nor NaN.
public struct IsFinite: PredicateOperator {
  public init() {}
  public static let record = unary("is_finite", "whether x is neither infinite nor NaN", family: .comparison)
}

extension Value {
  /// a = b, elementwise, as `bool`.
  public func equal(_ b: Value) throws -> Value { try binary(Equal(), b) }
  public func equal(_ b: Double) throws -> Value { try equal(scalar(b)) }
  /// a ≠ b, elementwise, as `bool`.
  public func notEqual(_ b: Value) throws -> Value { try binary(NotEqual(), b) }
  public func notEqual(_ b: Double) throws -> Value { try notEqual(scalar(b)) }
  /// a < b, elementwise, as `bool`.
  public func less(_ b: Value) throws -> Value { try binary(Less(), b) }
  public func less(_ b: Double) throws -> Value { try less(scalar(b)) }
  /// a ≤ b, elementwise, as `bool`.
  public func lessEqual(_ b: Value) throws -> Value { try binary(LessEqual(), b) }
  public func lessEqual(_ b: Double) throws -> Value { try lessEqual(scalar(b)) }
  /// a > b, elementwise, as `bool`.
  public func greater(_ b: Value) throws -> Value { try binary(Greater(), b) }
  public func greater(_ b: Double) throws -> Value { try greater(scalar(b)) }
  /// a ≥ b, elementwise, as `bool`.
  public func greaterEqual(_ b: Value) throws -> Value { try binary(GreaterEqual(), b) }
  public func greaterEqual(_ b: Double) throws -> Value { try greaterEqual(scalar(b)) }
  /// Whether an element is not a number.
  public func isNaN() throws -> Value { try apply(IsNaN()) }
  /// Whether an element is neither infinite nor NaN.
  public func isFinite() throws -> Value { try apply(IsFinite()) }
}
