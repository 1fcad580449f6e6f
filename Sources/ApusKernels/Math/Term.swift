/// A register with the builder that it belongs to, so that formulas of this folder read as formulas.
///
/// Operators append one instruction each; nothing is reassociated.
struct Term {
  let builder: KernelBuilder
  let register: Register

  init(_ builder: KernelBuilder, _ register: Register) {
    self.builder = builder
    self.register = register
  }

  var type: RegisterType { builder.type(of: register) }
  var isSingle: Bool { type.scalar == .f32 }

  // MARK: Constants of the same type

  func constant(_ value: Double) -> Term { Term(builder, builder.constant(value, type)) }
  func constant(_ value: Int) -> Term { Term(builder, builder.constant(value, type)) }

  // MARK: Arithmetic

  private func binary(_ op: Binary, _ other: Term) -> Term {
    Term(builder, builder.binary(op, register, other.register))
  }
  private func unary(_ op: Unary) -> Term { Term(builder, builder.unary(op, register)) }

  static func + (a: Term, b: Term) -> Term { a.binary(.add, b) }
  static func - (a: Term, b: Term) -> Term { a.binary(.subtract, b) }
  static func * (a: Term, b: Term) -> Term { a.binary(.multiply, b) }
  static func / (a: Term, b: Term) -> Term { a.binary(.divide, b) }
  static func + (a: Term, b: Double) -> Term { a + a.constant(b) }
  static func - (a: Term, b: Double) -> Term { a - a.constant(b) }
  static func - (a: Double, b: Term) -> Term { b.constant(a) - b }
  static func * (a: Term, b: Double) -> Term { a * a.constant(b) }
  static func / (a: Double, b: Term) -> Term { b.constant(a) / b }
  static prefix func - (a: Term) -> Term { a.unary(.negate) }

  /// self · b + c, rounded once.
  func multiplyAdd(_ b: Term, _ c: Term) -> Term {
    Term(builder, builder.multiplyAdd(register, b.register, c.register))
  }
  func multiplyAdd(_ b: Double, _ c: Term) -> Term { multiplyAdd(constant(b), c) }
  func multiplyAdd(_ b: Term, _ c: Double) -> Term { multiplyAdd(b, constant(c)) }

  /// c₀ + c₁ x + c₂ x² + …, by Horner's rule.
  func polynomial(_ coefficients: [Double]) -> Term {
    var sum = constant(coefficients.last ?? 0)
    for c in coefficients.dropLast().reversed() { sum = sum.multiplyAdd(self, c) }
    return sum
  }

  var magnitude: Term { unary(.absolute) }
  var rounded: Term { unary(.round) }
  var floor: Term { unary(.floor) }
  var squareRoot: Term { unary(.squareRoot) }
  var reciprocalSquareRootEstimate: Term { unary(.reciprocalSquareRootEstimate) }

  /// self · 2ⁿ
  func scaled(by n: Term) -> Term { binary(.scaleByPowerOfTwo, n) }
  /// The same of a number near 1; see `Binary.scaleNearOne`.
  func nearOneScaled(by n: Term) -> Term { binary(.scaleNearOne, n) }

  // MARK: Bits

  static func & (a: Term, b: Term) -> Term { a.binary(.and, b) }
  static func | (a: Term, b: Term) -> Term { a.binary(.or, b) }
  static func ^ (a: Term, b: Term) -> Term { a.binary(.xor, b) }
  static func << (a: Term, n: Int) -> Term { a.binary(.shiftLeft, a.constant(n)) }
  static func >> (a: Term, n: Int) -> Term { a.binary(.shiftRight, a.constant(n)) }
  static func << (a: Term, n: Term) -> Term { a.binary(.shiftLeft, n) }
  static func >> (a: Term, n: Term) -> Term { a.binary(.shiftRight, n) }
  func shiftedRightSigned(_ n: Int) -> Term { binary(.shiftRightSigned, constant(n)) }
  static prefix func ! (a: Term) -> Term { a.unary(.not) }

  private func convert(_ op: Conversion, _ to: ScalarType) -> Term {
    Term(builder, builder.convert(op, register, to: to))
  }

  /// A float's bits as an integer.
  var bits: Term { convert(.bits, isSingle ? .i32 : .i64) }
  /// The float that has this integer's bits.
  var float: Term { convert(.bits, type.scalar == .i32 ? .f32 : .f64) }
  /// An integer's value as a float of as many bits.
  var floatValue: Term { convert(.signedToFloat, type.scalar == .i32 ? .f32 : .f64) }
  var double: Term { convert(.extend, .f64) }
  var single: Term { convert(.narrow, .f32) }

  /// The sign of `x` on a number that has the same one or is not negative.
  func withSign(of x: Term) -> Term { (bits | (x.bits & x.signMask)).float }

  /// Only the sign's bit, as an integer.
  var signMask: Term { bits.constant(isSingle ? Int(Int32.min) : .min) }

  // MARK: Choices

  private func compare(_ op: Comparison, _ other: Term) -> Term {
    Term(builder, builder.compare(op, register, other.register))
  }

  static func < (a: Term, b: Term) -> Term { a.compare(.less, b) }
  static func < (a: Term, b: Double) -> Term { a < a.constant(b) }
  static func > (a: Term, b: Double) -> Term { a.compare(.greater, a.constant(b)) }
  static func >= (a: Term, b: Term) -> Term { a.compare(.greaterEqual, b) }
  static func >= (a: Term, b: Double) -> Term { a >= a.constant(b) }
  static func == (a: Term, b: Term) -> Term { a.compare(.equal, b) }
  static func == (a: Term, b: Double) -> Term { a == a.constant(b) }
  static func == (a: Term, b: Int) -> Term { a == a.constant(b) }
  static func != (a: Term, b: Term) -> Term { a.compare(.notEqual, b) }
  static func != (a: Term, b: Int) -> Term { a != a.constant(b) }
  var isNaN: Term { self != self }

  /// `a` where this condition holds, else `b`.
  func select(_ a: Term, _ b: Term) -> Term {
    Term(builder, builder.select(register, a.register, b.register))
  }

  /// Not above `limit`; NaN stays. One instruction on x86: its minimum gives the second operand if one is NaN.
  func atMost(_ limit: Double) -> Term { (constant(limit) < self).select(constant(limit), self) }
  /// Not below `limit`; NaN stays.
  func atLeast(_ limit: Double) -> Term { (constant(limit) > self).select(constant(limit), self) }
  static func > (a: Term, b: Term) -> Term { a.compare(.greater, b) }

  /// Whether a condition holds in any lane, as a scalar.
  var holdsAnywhere: Register { builder.horizontal(register) { builder.binary(.or, $0, $1) } }
}
