/// A standard normal number out of 64 random bits, after Box and Muller, "A note on the generation of random normal
/// deviates", 1958.
///
/// The logarithm and the cosine are spelt out in additions, multiplications, divisions and a square root, which IEEE 754
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
    let t = s * s
    // artanh s = s (1 + t/3 + t²/5 + …); t < 0.0295, so that eleven terms reach the last bit.
    var sum = 1.0 / 21
    for denominator in stride(from: 19.0, through: 1, by: -2) { sum = sum * t + 1 / denominator }
    return exponent * 0.6931471805599453 + 2 * s * sum
  }

  /// cos(2π w / 2³²): the nearest quarter turn by integer arithmetic, the rest (at most an eighth) by Taylor's series.
  static func cosine(ofTurns w: UInt32) -> Double {
    let quarter = (w &+ 0x2000_0000) >> 30
    let rest = Double(Int32(bitPattern: w &- quarter << 30))
    let x = rest * (6.283185307179586 * 0x1p-32)
    let t = x * x
    switch quarter {
    case 0: return cosine(t)
    case 1: return -x * sineRatio(t)
    case 2: return -cosine(t)
    default: return x * sineRatio(t)
    }
  }

  /// Σ (−t)ⁿ / (2n)! up to n = 9, where t = x².
  private static func cosine(_ t: Double) -> Double {
    var sum = 1.0
    for n in stride(from: 18.0, through: 2, by: -2) { sum = 1 - sum * t / (n * (n - 1)) }
    return sum
  }

  /// sin x / x = Σ (−t)ⁿ / (2n + 1)! up to n = 9, where t = x².
  private static func sineRatio(_ t: Double) -> Double {
    var sum = 1.0
    for n in stride(from: 19.0, through: 3, by: -2) { sum = 1 - sum * t / (n * (n - 1)) }
    return sum
  }
}
