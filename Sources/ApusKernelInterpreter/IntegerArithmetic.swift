import ApusKernels

/// The arithmetic of integers of one width: it wraps.
struct IntegerArithmetic: Sendable {
  let type: ScalarType

  private func signed(_ bits: UInt64) -> Int64 { Int64(KernelBuilder.signed(bits, type)) }
  private func bits(_ number: Int64) -> UInt64 { truncated(UInt64(bitPattern: number)) }
  private func truncated(_ bits: UInt64) -> UInt64 { KernelBuilder.truncated(bits, type) }

  /// - Returns: nil if the operation does not take integers.
  func unary(_ op: Unary) -> UnaryFunction? {
    switch op {
    case .negate: return { truncated(0 &- $0) }
    case .absolute: return { bits(signed($0) < 0 ? 0 &- signed($0) : signed($0)) }
    case .not: return { truncated(~$0) }
    case .countLeadingZeros: return { UInt64($0.leadingZeroBitCount - (64 - type.bits)) }
    case .populationCount: return { UInt64($0.nonzeroBitCount) }
    case .squareRoot, .floor, .ceil, .round, .reciprocalSquareRootEstimate: return nil
    }
  }

  func binary(_ op: Binary) -> BinaryFunction? {
    switch op {
    case .add: return { truncated($0 &+ $1) }
    case .subtract: return { truncated($0 &- $1) }
    case .multiply: return { truncated($0 &* $1) }
    case .minimumSigned: return { signed($0) <= signed($1) ? $0 : $1 }
    case .maximumSigned: return { signed($0) >= signed($1) ? $0 : $1 }
    case .minimumUnsigned: return { min($0, $1) }
    case .maximumUnsigned: return { max($0, $1) }
    case .and: return { $0 & $1 }
    case .or: return { $0 | $1 }
    case .xor: return { $0 ^ $1 }
    // Of as many bits as the type has, or more: all are gone. Kernels use no such result.
    case .shiftLeft: return { $1 < UInt64(type.bits) ? truncated($0 << $1) : 0 }
    case .shiftRight: return { $1 < UInt64(type.bits) ? $0 >> $1 : 0 }
    case .shiftRightSigned: return { bits(signed($0) >> Int64(min($1, UInt64(type.bits - 1)))) }
    case .divideSigned, .remainderSigned, .divideUnsigned, .remainderUnsigned: return division(op)
    case .divide, .minimumNumber, .maximumNumber, .scaleByPowerOfTwo, .scaleNearOne: return nil
    }
  }

  /// The processor traps where these throw.
  private func division(_ op: Binary) -> BinaryFunction {
    switch op {
    case .divideUnsigned:
      return { a, b in
        if b == 0 { throw KernelTrap("divides \(a) by 0") }
        return a / b
      }
    case .remainderUnsigned:
      return { a, b in
        if b == 0 { throw KernelTrap("divides \(a) by 0") }
        return a % b
      }
    default:
      let isQuotient = op == .divideSigned
      return { a, b in
        let (x, y) = (signed(a), signed(b))
        if y == 0 { throw KernelTrap("divides \(x) by 0") }
        let (result, overflows) =
          isQuotient ? x.dividedReportingOverflow(by: y) : x.remainderReportingOverflow(dividingBy: y)
        if overflows { throw KernelTrap("divides \(x) by \(y), which overflows") }
        return bits(result)
      }
    }
  }

  func compare(_ op: Comparison) -> BinaryFunction {
    switch op {
    case .equal: return { $0 == $1 ? 1 : 0 }
    case .notEqual: return { $0 != $1 ? 1 : 0 }
    case .less: return { signed($0) < signed($1) ? 1 : 0 }
    case .lessEqual: return { signed($0) <= signed($1) ? 1 : 0 }
    case .greater: return { signed($0) > signed($1) ? 1 : 0 }
    case .greaterEqual: return { signed($0) >= signed($1) ? 1 : 0 }
    case .lessUnsigned: return { $0 < $1 ? 1 : 0 }
    case .lessEqualUnsigned: return { $0 <= $1 ? 1 : 0 }
    }
  }
}

/// An instruction that cannot be executed; whoever runs it says which.
struct KernelTrap: Error {
  let message: String
  init(_ message: String) { self.message = message }
}
