import ApusCore
import ApusGraph

/// a + b
public struct Add: BinaryOperator {
  public init() {}
  public static let record = binary("add", "a + b; integers wrap", traits: .commutative)
    .accurate(Accuracy.contracted)
  // ∂y/∂a = ∂y/∂b = 1
  public func cotangents(_ a: Value, _ b: Value, _ y: Value, _ g: Value, _ wanted: [Bool]) throws -> (Value?, Value?) {
    (g, g)
  }
}

/// a − b
public struct Subtract: BinaryOperator {
  public init() {}
  public static let record = binary("subtract", "a − b; integers wrap").accurate(Accuracy.contracted)
  // ∂y/∂a = 1, ∂y/∂b = −1
  public func cotangents(_ a: Value, _ b: Value, _ y: Value, _ g: Value, _ wanted: [Bool]) throws -> (Value?, Value?) {
    (g, wanted[1] ? try -g : nil)
  }
}

/// a · b
public struct Multiply: BinaryOperator {
  public init() {}
  public static let record = binary("multiply", "a · b; integers wrap", traits: .commutative)
    .accurate(Accuracy.contracted)
  // ∂y/∂a = b, ∂y/∂b = a
  public func cotangents(_ a: Value, _ b: Value, _ y: Value, _ g: Value, _ wanted: [Bool]) throws -> (Value?, Value?) {
    (wanted[0] ? try g * b : nil, wanted[1] ? try g * a : nil)
  }
}

/// a / b
public struct Divide: BinaryOperator {
  public init() {}
  public static let record = binary("divide", "a / b; integers truncate, and a / 0 is 0 for them")
  // ∂y/∂a = 1 / b, ∂y/∂b = −y / b
  public func cotangents(_ a: Value, _ b: Value, _ y: Value, _ g: Value, _ wanted: [Bool]) throws -> (Value?, Value?) {
    let da = try g / b
    return (da, wanted[1] ? try -(da * y) : nil)
  }
}

/// What a truncated division leaves.
public struct Remainder: BinaryOperator {
  public init() {}
  public static let record = binary(
    "remainder", "a − b · trunc(a / b), with the sign of a; 0 for integers where b is 0")
  // ∂y/∂a = 1, ∂y/∂b = −trunc(a / b) = (y − a) / b
  public func cotangents(_ a: Value, _ b: Value, _ y: Value, _ g: Value, _ wanted: [Bool]) throws -> (Value?, Value?) {
    (g, wanted[1] ? try g * ((y - a) / b).rounded() : nil)
  }
}

/// aᵇ
public struct Power: BinaryOperator {
  public init() {}
  public static let record = binary("power", "aᵇ", .floating)
  // ∂y/∂a = b · aᵇ⁻¹, and 0 · a⁰ if b = 0, for a⁻¹ is infinite at 0. ∂y/∂b = y · ln a, taken as 0 if a ≤ 0, because the
  // real power has no derivative in b there, and 0 if y = 0, which is the limit at a = ∞ too.
  public func cotangents(_ a: Value, _ b: Value, _ y: Value, _ g: Value, _ wanted: [Bool]) throws -> (Value?, Value?) {
    let da = wanted[0] ? try g * (b * a.power(b.equal(0).select(b.scalar(1), b) - 1)) : nil
    guard wanted[1] else { return (da, nil) }
    let isSmooth = try a.greater(0).and(y.notEqual(0))
    let log = try isSmooth.select(a, a.scalar(1)).log()
    return (da, try g * isSmooth.select(y * log, y.scalar(0)))
  }
}

/// The larger of two; NaN wins.
public struct Maximum: BinaryOperator {
  public init() {}
  public static let record = binary("maximum", "the larger of a and b; NaN where one is")
  // ∂y/∂a = 1 if a > b, ½ if a = b
  public func cotangents(_ a: Value, _ b: Value, _ y: Value, _ g: Value, _ wanted: [Bool]) throws -> (Value?, Value?) {
    try extremumCotangents(a, b, g, aWins: a.greater(b), bWins: b.greater(a), wanted)
  }
}

/// The smaller of two; NaN wins.
public struct Minimum: BinaryOperator {
  public init() {}
  public static let record = binary("minimum", "the smaller of a and b; NaN where one is")
  // ∂y/∂a = 1 if a < b, ½ if a = b
  public func cotangents(_ a: Value, _ b: Value, _ y: Value, _ g: Value, _ wanted: [Bool]) throws -> (Value?, Value?) {
    try extremumCotangents(a, b, g, aWins: a.less(b), bWins: b.less(a), wanted)
  }
}

/// Ties split the cotangent evenly: the middle of the subgradients, and what a symmetric difference measures.
private func extremumCotangents(
  _ a: Value, _ b: Value, _ g: Value, aWins: Value, bWins: Value, _ wanted: [Bool]
) throws -> (Value?, Value?) {
  let half = try g * 0.5
  func share(_ wins: Value, _ loses: Value) throws -> Value {
    try wins.select(g, loses.select(g.scalar(0), half))
  }
  return (wanted[0] ? try share(aWins, bWins) : nil, wanted[1] ? try share(bWins, aWins) : nil)
}

extension Value: SignArithmetic {
  func binary(_ op: some BinaryOperator, _ b: Value) throws -> Value { try builder.append(op, [self, b])[0] }

  public static func + (a: Value, b: Value) throws -> Value { try a.binary(Add(), b) }
  public static func - (a: Value, b: Value) throws -> Value { try a.binary(Subtract(), b) }
  public static func * (a: Value, b: Value) throws -> Value { try a.binary(Multiply(), b) }
  public static func / (a: Value, b: Value) throws -> Value { try a.binary(Divide(), b) }

  public static func + (a: Value, b: Double) throws -> Value { try a + a.scalar(b) }
  public static func - (a: Value, b: Double) throws -> Value { try a - a.scalar(b) }
  public static func * (a: Value, b: Double) throws -> Value { try a * a.scalar(b) }
  public static func / (a: Value, b: Double) throws -> Value { try a / a.scalar(b) }
  public static func + (a: Double, b: Value) throws -> Value { try b.scalar(a) + b }
  public static func - (a: Double, b: Value) throws -> Value { try b.scalar(a) - b }
  public static func * (a: Double, b: Value) throws -> Value { try b.scalar(a) * b }
  public static func / (a: Double, b: Value) throws -> Value { try b.scalar(a) / b }

  /// x², elementwise.
  public func square() throws -> Value { try self * self }
  /// a − b · trunc(a / b), elementwise.
  public func remainder(_ b: Value) throws -> Value { try binary(Remainder(), b) }
  /// aᵇ, elementwise.
  public func power(_ b: Value) throws -> Value { try binary(Power(), b) }
  public func power(_ b: Double) throws -> Value { try power(scalar(b)) }
  /// The larger of two, elementwise; NaN wins.
  public func maximum(_ b: Value) throws -> Value { try binary(Maximum(), b) }
  public func maximum(_ b: Double) throws -> Value { try maximum(scalar(b)) }
  /// The smaller of two, elementwise; NaN wins.
  public func minimum(_ b: Value) throws -> Value { try binary(Minimum(), b) }
  public func minimum(_ b: Double) throws -> Value { try minimum(scalar(b)) }
}
