/// Logarithms.
///
/// x = 2ᵉ m with √½ ≤ m < √2, log x = e ln 2 + log(1 + r), r = m − 1. In f32 log(1 + r) is a polynomial; in f64
/// 2 atanh(s) with s = r / (2 + r), which needs half as many terms (Scripts/fit_polynomials.py, `f32.log`, `f64.log`).
extension KernelBuilder {
  /// The natural logarithm: at most 1 ULP. −∞ of ±0, NaN of negative numbers.
  public func log(_ x: Register) -> Register {
    let x = Term(self, x)
    let isTiny = x < (x.isSingle ? 0x1p-126 : 0x1p-1022)
    let (scale, shift) = x.isSingle ? (0x1p23, 23.0) : (0x1p52, 52.0)
    let (e, m) = split(isTiny.select(x * scale, x))
    let y = logarithm(onePlus: m - 1, exponent: isTiny.select(e - shift, e))
    return special(y, of: x).register
  }

  /// log(1 + x): at most 2 ULP, near 0 too.
  public func log1p(_ x: Register) -> Register {
    let x = Term(self, x)
    let u = x + 1
    let (e, _) = split(u)
    // (1 + x) 2⁻ᵉ − 1, rounded once.
    let scale = e.constant(1.0).nearOneScaled(by: -e)
    let r = x.multiplyAdd(scale, scale - 1)
    return special(logarithm(onePlus: r, exponent: e), of: u).withSign(of: x).register
  }

  /// Exponent and significand in [√½, √2) of a normal number.
  func split(_ x: Term) -> (exponent: Term, significand: Term) {
    let (root, width) = x.isSingle ? (0x3f35_04f3, 23) : (0x3fe6_a09e_667f_3bcd, 52)
    let i = x.bits - x.bits.constant(root)
    let e = i.shiftedRightSigned(width)
    return (e.floatValue, (x.bits - (e << width)).float)
  }

  private func logarithm(onePlus r: Term, exponent e: Term) -> Term {
    if r.isSingle {
      let square = r * r
      let tail = r.polynomial(KernelBuilder.logarithmSingle)
      // −r²/2 + r³ P(r), and the part of e ln 2 that the first does not hold.
      let small = e.multiplyAdd(-1.90465429995776e-9, square * r.multiplyAdd(tail, -0.5))
      return e.multiplyAdd(0.693147182464599609375, small + r)
    }
    let s = r / (r + 2)
    let z = s * s
    let half = r * r * 0.5
    // log(1 + r) = r − r²/2 + s (r²/2 + R(s²))
    let tail = z * z.polynomial(KernelBuilder.logarithmDouble)
    let low = s.multiplyAdd(half + tail, e * 2.3190468138462996e-17)
    return e.multiplyAdd(0.6931471805599453, r - (half - low))
  }

  /// The logarithm of 0, of infinity, and of what has none.
  private func special(_ y: Term, of x: Term) -> Term {
    let upper = (x < Double.infinity).select(y, x)
    let lower = (x == 0.0).select(x.constant(-Double.infinity), x.constant(Double.nan))
    return (x.constant(0.0) >= x).select(lower, upper)
  }

  private static let logarithmSingle = [
    0.333333313, -0.250008225, 0.200012609, -0.166233346, 0.141992733, -0.131591648, 0.127923533, -0.0768162906,
  ]
  private static let logarithmDouble = [
    0.66666666666667351, 0.39999999999409142, 0.28571428743779403, 0.22222198414892155, 0.18183573314032808,
    0.15313802055183651, 0.14798613547692019,
  ]
}
