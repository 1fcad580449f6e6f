/// Functions made of eˣ.
///
/// x = n ln 2 + r with |r| ≤ ln 2 / 2 (Cody and Waite), eʳ − 1 = r + r² q(r), q fitted by
/// Scripts/fit_polynomials.py (`f32.exp`, `f32.expm1`, `f64.exp`, `f64.expm1`).
extension KernelBuilder {
  /// eˣ: at most 1 ULP; 1.5 in f64, where subnormal results are rounded twice.
  public func exp(_ x: Register) -> Register {
    let x = Term(self, x)
    // Beyond these the result is infinity or 0 anyway, and n · ln 2 would lose its digits.
    let clamped = x.isSingle ? x.atMost(89).atLeast(-104) : x.atMost(710).atLeast(-746)
    return exponential(clamped).register
  }

  /// 1 / (1 + e⁻ˣ): at most 2.5 ULP in both tails.
  public func sigmoid(_ x: Register) -> Register {
    let x = Term(self, x)
    // eˣ / (1 + eˣ) loses no digits where eˣ is small; where it is large, all that matters is that it is finite.
    let e = exponential(x.isSingle ? x.atMost(88).atLeast(-104) : x.atMost(709).atLeast(-746))
    return (e / (e + 1)).register
  }

  /// eˣ − 1: at most 2 ULP.
  public func expm1(_ x: Register) -> Register {
    let x = Term(self, x)
    let clamped = x.isSingle ? x.atMost(89).atLeast(-25) : x.atMost(710).atLeast(-54)
    // Half of it, for 2¹²⁸ is no float, while the result may be one.
    let (r, n) = reduced(clamped)
    let half = (n.constant(0.5)).nearOneScaled(by: n)
    let y = tail(r).multiplyAdd(half, half - 0.5) * 2
    // Where x² / 2 is less than half a place, and where half of x might be rounded.
    return (x.magnitude < (x.isSingle ? 0x1p-25 : 0x1p-54)).select(x, y).register
  }

  /// (e²ˣ − 1) / (e²ˣ + 1): at most 2 ULP.
  public func tanh(_ x: Register) -> Register {
    let x = Term(self, x)
    let (r, n) = reduced((x.magnitude * 2).atMost(x.isSingle ? 20 : 40))
    let power = n.constant(1.0).nearOneScaled(by: n)
    let e = tail(r).multiplyAdd(power, power - 1)
    // e / (e + 2). The rounding of the divisor would cost most where e is small; there d − 2 gives it back.
    let d = e + 2
    let inverse = 1 / d
    let quotient = e * inverse
    let missing = (-quotient).multiplyAdd(e - (d - 2), (-quotient).multiplyAdd(d, e))
    return missing.multiplyAdd(inverse, quotient).withSign(of: x).register
  }

  /// eˣ of a moderate x.
  func exponential(_ x: Term) -> Term {
    let (r, n) = reduced(x)
    let q = x.isSingle ? KernelBuilder.exponentialSingle : KernelBuilder.exponentialDouble
    return r.polynomial([1, 1] + q).nearOneScaled(by: n)
  }

  /// e^(x + small) of a moderate x.
  func exponential(_ x: Term, _ small: Term) -> Term {
    let (r, n) = reduced(x)
    let q = x.isSingle ? KernelBuilder.exponentialSingle : KernelBuilder.exponentialDouble
    return (r + small).polynomial([1, 1] + q).nearOneScaled(by: n)
  }

  /// eʳ − 1 with its relative precision near 0.
  private func tail(_ r: Term) -> Term {
    let q = r.polynomial(r.isSingle ? KernelBuilder.expm1Single : KernelBuilder.expm1Double)
    return (r * r).multiplyAdd(q, r)
  }

  /// r and n of x = n ln 2 + r.
  private func reduced(_ x: Term) -> (r: Term, n: Term) {
    let n = (x * 1.4426950408889634).rounded
    let (high, low) =
      x.isSingle ? (0.693147182464599609375, -1.90465429995776e-9) : (0.6931471805599453, 2.3190468138462996e-17)
    return (n.multiplyAdd(-low, n.multiplyAdd(-high, x)), n)
  }

  private static let exponentialSingle = [0.49999994, 0.166665152, 0.0416680835, 0.00836934987, 0.00138404302]
  private static let expm1Single = [0.49999997, 0.166665375, 0.0416677408, 0.00836731773, 0.00138378923]
  private static let exponentialDouble = [
    0.50000000000000111, 0.16666666666666421, 0.041666666666525548, 0.0083333333334856523, 0.0013888888944974186,
    0.00019841269531845079, 2.480149162924933e-5, 2.7557551668840751e-6, 2.7630802449526567e-7,
    2.5016703735270245e-8,
  ]
  private static let expm1Double = [
    0.5, 0.16666666666666677, 0.041666666666666685, 0.0083333333333218268, 0.0013888888888875111,
    0.00019841269885785174, 2.4801587333106956e-5, 2.7557244214897965e-6, 2.7557286775998951e-7,
    2.5109152175263365e-8, 2.0902155334556574e-9,
  ]
}
