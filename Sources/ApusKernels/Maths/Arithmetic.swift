import ApusCore

extension KernelBuilder {
  /// 1 / √x; f32 on AVX-512 by an estimate and one step of Newton's method, else by a root and a division.
  public func rsqrt(_ x: Register) -> Register {
    let type = type(of: x)
    guard type.scalar == .f32, target.vectorBytes == 64, type.lanes == 16 else {
      return binary(.divide, constant(1.0, type), unary(.squareRoot, x))
    }
    let y = unary(.reciprocalSquareRootEstimate, x)
    // y' = y + y (1 − x y²) / 2; at 0 and infinity the estimate is right and the step is not.
    let product = binary(.multiply, x, y)
    let error = multiplyAdd(unary(.negate, product), y, constant(1.0, type))
    let next = multiplyAdd(binary(.multiply, y, constant(0.5, type)), error, y)
    let isPlain = binary(
      .and, compare(.greater, x, constant(0.0, type)), compare(.less, x, constant(Double.infinity, type)))
    return select(isPlain, next, y)
  }

  /// a / b towards zero; 0 where b is 0; the least integer divided by −1 wraps to itself.
  public func integerDivide(_ a: Register, _ b: Register, isSigned: Bool) -> Register {
    let type = type(of: a)
    let (zero, one) = (constant(0, type), constant(1, type))
    let isZero = compare(.equal, b, zero)
    guard isSigned else {
      return select(isZero, zero, binary(.divideUnsigned, a, select(isZero, one, b)))
    }
    let isMinusOne = compare(.equal, b, constant(-1, type))
    let safe = select(binary(.or, isZero, isMinusOne), one, b)
    let quotient = select(isMinusOne, binary(.subtract, zero, a), binary(.divideSigned, a, safe))
    return select(isZero, zero, quotient)
  }

  /// What a truncated division leaves, with the sign of a; 0 where b is 0.
  public func integerRemainder(_ a: Register, _ b: Register, isSigned: Bool) -> Register {
    let type = type(of: a)
    let (zero, one) = (constant(0, type), constant(1, type))
    let isZero = compare(.equal, b, zero)
    guard isSigned else {
      return select(isZero, zero, binary(.remainderUnsigned, a, select(isZero, one, b)))
    }
    let isUnit = binary(.or, isZero, compare(.equal, b, constant(-1, type)))
    return select(isUnit, zero, binary(.remainderSigned, a, select(isUnit, one, b)))
  }
}
