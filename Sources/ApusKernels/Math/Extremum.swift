/// Choices between numbers, signs, roundings.
extension KernelBuilder {
  /// The larger of two floats; NaN where one is NaN; of equals (±0) the second, as the interpreter has it.
  public func maximum(_ a: Register, _ b: Register) -> Register { extremum(a, b, .greater, .greaterEqual) }

  /// The smaller of two floats; NaN where one is NaN; of equals (±0) the second.
  public func minimum(_ a: Register, _ b: Register) -> Register { extremum(a, b, .less, .lessEqual) }

  private func extremum(_ a: Register, _ b: Register, _ beats: Comparison, _ holds: Comparison) -> Register {
    // A constant is no NaN: only where it holds its own against `a` is it taken.
    if isNumber(b) { return select(compare(holds, b, a), b, a) }
    // The inner choice is one instruction on x86, and gives b where either is NaN.
    return select(compare(.notEqual, a, a), a, select(compare(beats, a, b), a, b))
  }

  /// Whether a register is a constant that is not NaN.
  private func isNumber(_ x: Register) -> Bool {
    guard let bits = constantValue(of: x) else { return false }
    switch type(of: x).scalar {
    case .f32: return !Float(bitPattern: UInt32(truncatingIfNeeded: bits)).isNaN
    case .f64: return !Double(bitPattern: UInt64(bitPattern: Int64(bits))).isNaN
    case .i1, .i8, .i16, .i32, .i64: return true
    }
  }

  /// |x|
  public func abs(_ x: Register) -> Register { unary(.absolute, x) }

  /// 1, −1, or x itself, where that is ±0 or NaN.
  public func sign(_ x: Register) -> Register {
    let x = Term(self, x)
    let negative = (x < 0.0).select(x.constant(-1.0), x)
    return (x > 0).select(x.constant(1.0), negative).register
  }

  /// To the nearest integer, halves to the even one.
  public func round(_ x: Register) -> Register { unary(.round, x) }
  public func floor(_ x: Register) -> Register { unary(.floor, x) }
  public func ceil(_ x: Register) -> Register { unary(.ceil, x) }
}
