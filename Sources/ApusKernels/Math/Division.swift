/// Division of integers and remainders.
extension KernelBuilder {
  /// x / y towards zero; 0 where y = 0; the least integer divided by −1 wraps to itself.
  public func integerDivide(_ x: Register, _ y: Register, isSigned: Bool) -> Register {
    let (x, y) = (Term(self, x), Term(self, y))
    let isZero = y == 0
    guard isSigned else {
      return isZero.select(y.constant(0), quotient(x, isZero.select(y.constant(1), y), isSigned: false)).register
    }
    let isMinusOne = y == -1
    let whole = quotient(x, (isZero | isMinusOne).select(y.constant(1), y), isSigned: true)
    return isZero.select(y.constant(0), isMinusOne.select(x.constant(0) - x, whole)).register
  }

  /// What `integerDivide` leaves, with the sign of x; 0 where y = 0.
  public func integerRemainder(_ x: Register, _ y: Register, isSigned: Bool) -> Register {
    let (x, y) = (Term(self, x), Term(self, y))
    // Modulo 1 nothing is left, as the remainders of ±1 and, by decree, of 0.
    let isTrivial = isSigned ? (y == 0) | (y == -1) : y == 0
    let divisor = isTrivial.select(y.constant(1), y)
    return (x - quotient(x, divisor, isSigned: isSigned) * divisor).register
  }

  /// x / y towards zero where neither y = 0 nor the quotient overflows.
  ///
  /// Processors divide vectors of floats only. With 24 bits for quotients of 8, and 53 for quotients of 32, the rounded
  /// quotient lies between the same integers as the exact one: that is at least 1 / |y| away from the next.
  private func quotient(_ x: Term, _ y: Term, isSigned: Bool) -> Term {
    let scalar = x.type.scalar
    guard scalar.bits <= 32 else {
      return Term(self, binary(isSigned ? .divideSigned : .divideUnsigned, x.register, y.register))
    }
    let wide: ScalarType = scalar.bits <= 8 ? .f32 : .f64
    let operands = [x, y].map { convert(isSigned ? .signedToFloat : .unsignedToFloat, $0.register, to: wide) }
    let ratio = binary(.divide, operands[0], operands[1])
    return Term(self, convert(isSigned ? .floatToSigned : .floatToUnsigned, ratio, to: scalar))
  }

  /// x − y · trunc(x / y), exact, with the sign of x: C's `fmod`.
  ///
  /// Each round takes q · y 2ᵏ off, with k so that the quotient q has few enough digits to be exact; one round does
  /// unless x / y is huge.
  public func remainder(_ x: Register, _ y: Register) -> Register {
    let (x, y) = (Term(self, x), Term(self, y))
    let divisor = y.magnitude
    // Neither 0 / y nor x / 0 nor what is not finite needs rounds.
    let isDefined = (x.magnitude < Double.infinity) & (divisor > 0) & (divisor < Double.infinity)
    let isWhole = (x.magnitude < Double.infinity) & (divisor == Double.infinity)
    let d = isDefined.select(divisor, divisor.constant(1.0))
    let start = isDefined.select(x.magnitude, x.constant(0.0))
    let digits = x.isSingle ? 22.0 : 50.0
    let exponent = binaryExponent(d)
    let rest = loop(
      carrying: [start.register], while: { (Term(self, $0[0]) >= d).holdsAnywhere },
      { carried in
        let r = Term(self, carried[0])
        let k = (binaryExponent(r) - exponent - digits).atLeast(0)
        let multiple = d.scaled(by: k)
        // The quotient may be rounded up to the next integer: then the difference is negative, but as exact.
        let q = (r / multiple).floor
        let difference = (-q).multiplyAdd(multiple, r)
        let next = (difference < 0.0).select(difference + multiple, difference)
        // Lanes that are done stay as they are.
        return [(r >= d).select(next, r).register]
      })
    let result = Term(self, rest[0]).withSign(of: x)
    let undefined = isWhole.select(x, x.constant(Double.nan))
    return isDefined.select(result, undefined).register
  }

  /// ⌊log₂ x⌋ of a positive number, as a float.
  private func binaryExponent(_ x: Term) -> Term {
    let isTiny = x < (x.isSingle ? 0x1p-126 : 0x1p-1022)
    let (scale, shift, width, bias) = x.isSingle ? (0x1p23, 23.0, 23, 127.0) : (0x1p52, 52.0, 52, 1023.0)
    let e = (isTiny.select(x * scale, x).bits >> width).floatValue - bias
    return isTiny.select(e - shift, e)
  }
}
