import ApusKernels

/// A float of the kernel form, as the bits that a register holds.
protocol MachineFloat: BinaryFloatingPoint, Sendable {
  init(bits: UInt64)
  var bits: UInt64 { get }
  /// x · 2ⁿ, rounded once.
  func scaled(byPowerOfTwo n: Self) -> Self
}

extension Float: MachineFloat {
  init(bits: UInt64) { self.init(bitPattern: UInt32(truncatingIfNeeded: bits)) }
  var bits: UInt64 { UInt64(bitPattern) }

  func scaled(byPowerOfTwo n: Float) -> Float {
    if n.isNaN { return n }
    // Beyond 300 every number overflows or vanishes; a double holds the product exactly.
    let exponent = Int(n.rounded(.down).clamped(to: 300))
    return Float(Double(self) * Double(sign: .plus, exponent: exponent, significand: 1))
  }
}

extension Double: MachineFloat {
  init(bits: UInt64) { self.init(bitPattern: bits) }
  var bits: UInt64 { bitPattern }

  /// By three powers of two in the normal range. A product that is not the last must not be subnormal and rounded, unless
  /// the whole vanishes: so the first factors are 2⁻⁹⁶⁹ where the exponent is below the least normal one.
  func scaled(byPowerOfTwo n: Double) -> Double {
    if n.isNaN { return n }
    var rest = Int(n.rounded(.down).clamped(to: 2099))
    var result = self
    for _ in 0..<2 {
      let step = rest < -1022 ? -969 : rest > 1023 ? 1023 : 0
      result *= Double(sign: .plus, exponent: step, significand: 1)
      rest -= step
    }
    return result * Double(sign: .plus, exponent: rest, significand: 1)
  }
}

extension FloatingPoint {
  fileprivate func clamped(to limit: Self) -> Self { max(-limit, min(limit, self)) }
}

/// Functions of one lane, on bits.
typealias UnaryFunction = @Sendable (UInt64) -> UInt64
typealias BinaryFunction = @Sendable (UInt64, UInt64) throws -> UInt64

/// The arithmetic of floats.
enum FloatArithmetic<F: MachineFloat> {
  /// - Returns: nil if the operation does not take floats.
  static func unary(_ op: Unary) -> UnaryFunction? {
    switch op {
    case .negate: return { (-F(bits: $0)).bits }
    case .absolute: return { F(bits: $0).magnitude.bits }
    case .squareRoot: return { F(bits: $0).squareRoot().bits }
    case .floor: return { F(bits: $0).rounded(.down).bits }
    case .ceil: return { F(bits: $0).rounded(.up).bits }
    case .round: return { F(bits: $0).rounded(.toNearestOrEven).bits }
    case .reciprocalSquareRootEstimate: return { (1 / F(bits: $0).squareRoot()).bits }
    case .not, .countLeadingZeros, .populationCount: return nil
    }
  }

  static func binary(_ op: Binary) -> BinaryFunction? {
    switch op {
    case .add: return { (F(bits: $0) + F(bits: $1)).bits }
    case .subtract: return { (F(bits: $0) - F(bits: $1)).bits }
    case .multiply: return { (F(bits: $0) * F(bits: $1)).bits }
    case .divide: return { (F(bits: $0) / F(bits: $1)).bits }
    case .minimumNumber: return { F.minimum(F(bits: $0), F(bits: $1)).bits }
    case .maximumNumber: return { F.maximum(F(bits: $0), F(bits: $1)).bits }
    case .scaleByPowerOfTwo, .scaleNearOne: return { F(bits: $0).scaled(byPowerOfTwo: F(bits: $1)).bits }
    default: return nil
    }
  }

  static func compare(_ op: Comparison) -> BinaryFunction? {
    switch op {
    case .equal: return { F(bits: $0) == F(bits: $1) ? 1 : 0 }
    case .notEqual: return { F(bits: $0) != F(bits: $1) ? 1 : 0 }
    case .less: return { F(bits: $0) < F(bits: $1) ? 1 : 0 }
    case .lessEqual: return { F(bits: $0) <= F(bits: $1) ? 1 : 0 }
    case .greater: return { F(bits: $0) > F(bits: $1) ? 1 : 0 }
    case .greaterEqual: return { F(bits: $0) >= F(bits: $1) ? 1 : 0 }
    case .lessUnsigned, .lessEqualUnsigned: return nil
    }
  }

  static func multiplyAdd(_ a: UInt64, _ b: UInt64, _ c: UInt64) -> UInt64 {
    F(bits: c).addingProduct(F(bits: a), F(bits: b)).bits
  }
}
