/// A standard normal number out of 64 random bits, after Box and Muller, "A note on the generation of random normal
/// deviates", 1958.
///
/// The logarithm and the cosine are written out in additions, multiplications, divisions and a square root, which IEEE 754
/// rounds in one way only: so every backend draws the same bits, whatever its mathematical library.
package enum StandardNormal {
  /// z = √(−2 ln u) · cos 2πv with u = (first + 1) / 2³² in (0, 1] and v = second / 2³². |z| is below 6.67.
  package static func draw(_ first: UInt32, _ second: UInt32) -> Double {
    (-2 * log((Double(first) + 1) * 0x1p-32)).squareRoot() * cosine(ofTurns: second)
  }

  /// ln u for a normal number u: u = m · 2ᵉ with m in [√½, √2), ln m = 2 artanh s with s = (m − 1) / (m + 1).
  static func log(_ u: Double) -> Double {
    var exponent = Double(u.exponent)
    var m = u.significand
    if m > 1.4142135623730951 {
      m *= 0.5
      exponent += 1
    }
    let s = (m - 1) / (m + 1)
    return exponent * 0.6931471805599453 + 2 * s * horner(artanh, s * s)
  }

  /// cos(2π w / 2³²): the nearest quarter turn by integer arithmetic, the rest (at most an eighth) by Taylor's series.
  static func cosine(ofTurns w: UInt32) -> Double {
    let quarter = (w &+ 0x2000_0000) >> 30
    let rest = Double(Int32(bitPattern: w &- quarter << 30))
    let x = rest * (6.283185307179586 * 0x1p-32)
    switch quarter {
    case 0: return horner(cosine, x * x)
    case 1: return -x * horner(sine, x * x)
    case 2: return -horner(cosine, x * x)
    default: return x * horner(sine, x * x)
    }
  }

  // Coefficients of powers of t, highest first, each the double nearest to the fraction.

  /// artanh s / s = 1 + t/3 + t²/5 + … with t = s² < 0.0295: eleven terms reach the last bit.
  package static let artanh = stride(from: 21.0, through: 1, by: -2).map { 1 / $0 }
  /// cos x = Σ (−t)ⁿ / (2n)! with t = x² < 0.617: ten terms reach the last bit.
  package static let cosine = stride(from: 18.0, through: 0, by: -2).map(signedReciprocalFactorial)
  /// sin x / x = Σ (−t)ⁿ / (2n + 1)!
  package static let sine = stride(from: 19.0, through: 1, by: -2).map(signedReciprocalFactorial)

  /// (−1)^⌊n / 2⌋ / n!; n! is exact up to 22.
  private static func signedReciprocalFactorial(_ n: Double) -> Double {
    let factorial = stride(from: n, to: 1, by: -1).reversed().reduce(1, *)
    return (Int(n) / 2).isMultiple(of: 2) ? 1 / factorial : -1 / factorial
  }

  /// Each step a product and a sum, both rounded: never fused.
  private static func horner(_ coefficients: [Double], _ t: Double) -> Double {
    var sum = coefficients[0]
    for coefficient in coefficients.dropFirst() { sum = sum * t + coefficient }
    return sum
  }
}
