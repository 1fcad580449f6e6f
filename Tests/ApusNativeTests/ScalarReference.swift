import ApusKernels
import ApusLowering
import ApusPlanning
import Foundation

/// What instructions mean, one number at a time, on bits.
enum ScalarReference {
  static func truncated(_ bits: UInt64, _ type: ScalarType) -> UInt64 {
    type.bits == 64 ? bits : bits & ((1 << UInt64(type.bits)) - 1)
  }

  static func signed(_ bits: UInt64, _ type: ScalarType) -> Int64 {
    let shift = Int64(64 - type.bits)
    return (Int64(bitPattern: bits) << shift) >> shift
  }

  private static func float(_ bits: UInt64) -> Float { Float(bitPattern: UInt32(truncatingIfNeeded: bits)) }
  private static func bits(_ value: Float) -> UInt64 { UInt64(value.bitPattern) }

  /// nil: the instruction does not take the type.
  static func unary(_ op: Unary, _ x: UInt64, _ type: ScalarType) -> UInt64? {
    switch type {
    case .f32:
      return floating(op, float(x)).map(bits)
    case .f64:
      return op == .reciprocalSquareRootEstimate ? nil : floating(op, Double(bitPattern: x))?.bitPattern
    case .i1, .i8, .i16, .i32, .i64:
      let number = signed(x, type)
      switch op {
      case .negate: return type == .i1 ? nil : truncated(UInt64(bitPattern: 0 &- number), type)
      case .absolute: return type == .i1 ? nil : truncated(UInt64(bitPattern: number < 0 ? 0 &- number : number), type)
      case .not: return truncated(~x, type)
      case .countLeadingZeros:
        return type == .i1 ? nil : UInt64(truncated(x, type).leadingZeroBitCount - (64 - type.bits))
      case .populationCount: return type == .i1 ? nil : UInt64(truncated(x, type).nonzeroBitCount)
      case .squareRoot, .floor, .ceil, .round, .reciprocalSquareRootEstimate: return nil
      }
    }
  }

  private static func floating<F: BinaryFloatingPoint>(_ op: Unary, _ x: F) -> F? {
    switch op {
    case .negate: -x
    case .absolute: x.magnitude
    case .squareRoot: x.squareRoot()
    case .floor: x.rounded(.down)
    case .ceil: x.rounded(.up)
    case .round: x.rounded(.toNearestOrEven)
    case .reciprocalSquareRootEstimate: 1 / x.squareRoot()
    case .not, .countLeadingZeros, .populationCount: nil
    }
  }

  static func binary(_ op: Binary, _ a: UInt64, _ b: UInt64, _ type: ScalarType) -> UInt64? {
    switch type {
    case .f32: return floating(op, float(a), float(b)).map(bits)
    case .f64: return floating(op, Double(bitPattern: a), Double(bitPattern: b))?.bitPattern
    case .i1: return [.and, .or, .xor].contains(op) ? integer(op, a, b, type) : nil
    case .i8, .i16, .i32, .i64: return integer(op, a, b, type).map { truncated($0, type) }
    }
  }

  private static func floating<F: BinaryFloatingPoint>(_ op: Binary, _ a: F, _ b: F) -> F? {
    switch op {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .minimumNumber: F.minimum(a.isNaN ? b : a, b.isNaN ? a : b)
    case .maximumNumber: F.maximum(a.isNaN ? b : a, b.isNaN ? a : b)
    default: nil
    }
  }

  private static func integer(_ op: Binary, _ a: UInt64, _ b: UInt64, _ type: ScalarType) -> UInt64? {
    let (x, y) = (signed(a, type), signed(b, type))
    switch op {
    case .add: return a &+ b
    case .subtract: return a &- b
    case .multiply: return a &* b
    case .divideSigned: return UInt64(bitPattern: x / y)
    case .divideUnsigned: return a / b
    case .remainderSigned: return UInt64(bitPattern: x % y)
    case .remainderUnsigned: return a % b
    case .minimumSigned: return UInt64(bitPattern: min(x, y))
    case .maximumSigned: return UInt64(bitPattern: max(x, y))
    case .minimumUnsigned: return min(a, b)
    case .maximumUnsigned: return max(a, b)
    case .and: return a & b
    case .or: return a | b
    case .xor: return a ^ b
    case .shiftLeft: return a << b
    case .shiftRight: return a >> b
    case .shiftRightSigned: return UInt64(bitPattern: x >> Int64(b))
    case .divide, .minimumNumber, .maximumNumber, .scaleByPowerOfTwo, .scaleNearOne: return nil
    }
  }

  static func compare(_ op: Comparison, _ a: UInt64, _ b: UInt64, _ type: ScalarType) -> Bool? {
    switch type {
    case .f32: return ordered(op, float(a), float(b))
    case .f64: return ordered(op, Double(bitPattern: a), Double(bitPattern: b))
    case .i1: return op == .equal ? a == b : op == .notEqual ? a != b : nil
    case .i8, .i16, .i32, .i64:
      switch op {
      case .lessUnsigned: return a < b
      case .lessEqualUnsigned: return a <= b
      default: return ordered(op, signed(a, type), signed(b, type))
      }
    }
  }

  private static func ordered<T: Comparable>(_ op: Comparison, _ a: T, _ b: T) -> Bool? {
    switch op {
    case .equal: a == b
    case .notEqual: a != b
    case .less: a < b
    case .lessEqual: a <= b
    case .greater: a > b
    case .greaterEqual: a >= b
    case .lessUnsigned, .lessEqualUnsigned: nil
    }
  }

  static func convert(_ op: Conversion, _ x: UInt64, from: ScalarType, to: ScalarType) -> UInt64? {
    let isInteger = !from.isFloating
    switch op {
    case .signExtend:
      return isInteger && !to.isFloating && to.bits > from.bits
        ? truncated(UInt64(bitPattern: signed(x, from)), to) : nil
    case .zeroExtend: return isInteger && !to.isFloating && to.bits > from.bits ? x : nil
    case .truncate: return isInteger && !to.isFloating && to.bits < from.bits ? truncated(x, to) : nil
    case .signedToFloat:
      guard isInteger, from != .i1, to.isFloating else { return nil }
      return to == .f32 ? bits(Float(signed(x, from))) : Double(signed(x, from)).bitPattern
    case .unsignedToFloat:
      guard isInteger, to.isFloating else { return nil }
      return to == .f32 ? bits(Float(x)) : Double(x).bitPattern
    case .floatToSigned:
      guard from.isFloating, !to.isFloating, to != .i1 else { return nil }
      let value = from == .f32 ? Double(float(x)) : Double(bitPattern: x)
      if value.isNaN { return 0 }
      let (low, high) = (Int64.min >> Int64(64 - to.bits), Int64.max >> Int64(64 - to.bits))
      let number = value < Double(low) ? low : value >= -Double(low) ? high : Int64(value)
      return truncated(UInt64(bitPattern: number), to)
    case .floatToUnsigned:
      guard from.isFloating, !to.isFloating, to != .i1 else { return nil }
      let value = from == .f32 ? Double(float(x)) : Double(bitPattern: x)
      if value.isNaN || value <= 0 { return 0 }
      return value >= Double(sign: .plus, exponent: to.bits, significand: 1)
        ? UInt64.max >> UInt64(64 - to.bits) : UInt64(value)
    case .extend: return from == .f32 && to == .f64 ? Double(float(x)).bitPattern : nil
    case .narrow: return from == .f64 && to == .f32 ? bits(Float(Double(bitPattern: x))) : nil
    case .halfToFloat:
      guard from == .i16, to == .f32 else { return nil }
      return bits(half(UInt16(x)))
    case .floatToHalf: return nil  // Tested by its inverse.
    case .bits: return from.bits == to.bits && from != to && from != .i1 ? x : nil
    }
  }

  /// IEEE 754 binary16: 1 bit sign, 5 exponent, 10 fraction.
  static func half(_ bits: UInt16) -> Float {
    let sign: Float = bits >> 15 == 0 ? 1 : -1
    let (exponent, fraction) = (Int(bits >> 10 & 31), Float(bits & 1023))
    if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
    let magnitude =
      exponent == 0
      ? Float(sign: .plus, exponent: -24, significand: fraction)
      : Float(sign: .plus, exponent: exponent - 25, significand: 1024 + fraction)
    return sign * magnitude
  }

  /// The same bits, or two NaNs.
  static func isSame(_ a: UInt64, _ b: UInt64, _ type: ScalarType) -> Bool {
    switch type {
    case .f32: a == b || float(a).isNaN && float(b).isNaN
    case .f64: a == b || Double(bitPattern: a).isNaN && Double(bitPattern: b).isNaN
    case .i1, .i8, .i16, .i32, .i64: a == b
    }
  }
}
