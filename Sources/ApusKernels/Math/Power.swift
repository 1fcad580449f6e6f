/// Powers: xʸ = e^(y log |x|), the logarithm known to more digits than the result, for y multiplies its error.
extension KernelBuilder {
  /// xʸ as C's `pow` has it, with its special cases: at most 1 ULP in f32, which is computed in f64, and 2 in f64.
  public func power(_ x: Register, _ y: Register) -> Register {
    let (x, y) = (Term(self, x), Term(self, y))
    let a = x.magnitude
    return finished(x.isSingle ? power(single: a, y) : power(double: a, y), x, y).register
  }

  /// aʸ = 2^(y log₂ a) of an a that is not negative.
  private func power(single a: Term, _ y: Term) -> Term {
    let a = a.double
    let (e, m) = split(a)
    let s = (m - 1) / (m + 1)
    let z = s * s
    let finite = s.multiplyAdd(z.multiplyAdd(z.polynomial(KernelBuilder.logarithmToBase2), 2.8853900817779268), e)
    let t = (y.double * withLimits(finite, of: a)).atMost(200).atLeast(-200)
    // The integer next to t in the low bits, with the exponent's bias: shifted left it is 2ⁿ.
    let shifted = t + (0x1.8p52 + 1023)
    let r = t - (shifted - (0x1.8p52 + 1023))
    return (r.polynomial(KernelBuilder.powerOf2) * (shifted.bits << 52).float).single
  }

  /// The same with a logarithm in two doubles.
  private func power(double a: Term, _ y: Term) -> Term {
    let (high, low) = logarithmInTwo(a)
    // Beyond ±800 the result is ∞ or 0, and only the sign of its logarithm counts.
    let logarithm = withLimits(high, of: a)
    let product = y * logarithm
    let t = product.atMost(800).atLeast(-800)
    let lost = y.multiplyAdd(high, -product) + y * low
    let isModerate = (product.magnitude < 800.0) & (a < Double.infinity)
    return exponential(t, isModerate.select(lost, lost.constant(0.0)))
  }

  /// log a of a positive a to about 2⁻⁶⁵ of its size.
  private func logarithmInTwo(_ a: Term) -> (high: Term, low: Term) {
    let isTiny = a < 0x1p-1022
    let (scaledExponent, m) = split(isTiny.select(a * 0x1p52, a))
    let e = isTiny.select(scaledExponent - 52, scaledExponent)
    // s = (m − 1) / (m + 1) in two: m − 1 is exact, m + 1 = g + d.
    let f = m - 1
    let g = m + 1
    let d = m - (g - 1)
    let inverse = 1 / g
    let s = f * inverse
    let sLow = (-s).multiplyAdd(d, (-s).multiplyAdd(g, f)) * inverse
    // z = s² in two.
    let z = s * s
    let zLow = s.multiplyAdd(s, -z) + (s * sLow) * 2
    // c = 2/3 + z T(z) in two.
    let tail = z * z.polynomial(KernelBuilder.atanhTail)
    let c = tail + 0x1.5555555555555p-1
    let cLow = (tail - (c - 0x1.5555555555555p-1)) + 0x1.5555555555555p-55
    // p = s z c in two.
    let sz = s * z
    let szLow = s.multiplyAdd(z, -sz) + s.multiplyAdd(zLow, sLow * z)
    let p = sz * c
    let pLow = sz.multiplyAdd(c, -p) + sz.multiplyAdd(cLow, szLow * c)
    // e ln 2 + 2 s + p; the first is exact with a ln 2 of 42 bits, and larger than the others unless e = 0.
    let double = s + s
    let base = e * 0x1.62e42fefa38p-1
    let first = base + double
    let firstLow = double - (first - base)
    let sum = first + p
    let sumLow = p - (sum - first)
    let low = sumLow + (firstLow + (sLow + sLow + e.multiplyAdd(0x1.ef35793c7673p-45, pLow)))
    let high = sum + low
    return (high, low - (high - sum))
  }

  /// The logarithms of 0, ∞ and NaN.
  private func withLimits(_ logarithm: Term, of a: Term) -> Term {
    (a == 0.0).select(a.constant(-Double.infinity), (a < Double.infinity).select(logarithm, a))
  }

  /// The sign of the result, and the cases in which the logarithm does not tell: x = ±1, y = 0, negative x.
  private func finished(_ result: Term, _ x: Term, _ y: Term) -> Term {
    // 1 to any power, anything to the power 0, −1 to the power ±∞.
    let isOne = (x == 1.0) | (y == 0.0) | ((x == -1.0) & (y.magnitude == Double.infinity))
    let isWhole = y.floor == y
    let half = y * 0.5
    let isOdd = isWhole & (half.floor != half)
    let isNegative = (x.bits & x.signMask) != 0
    let flipped = (isOdd & isNegative).select(-result, result)
    // Negative numbers, but −0 and −∞, have no powers between whole ones.
    let isUndefined = (x < 0.0) & (x.constant(-Double.infinity) < x) & !isWhole
    return isOne.select(x.constant(1.0), isUndefined.select(x.constant(.nan), flipped))
  }

  private static let logarithmToBase2 = [
    0.96179669415567504, 0.57707792628071353, 0.41221085806781443, 0.31984324778547929, 0.28374067818673182,
  ]
  private static let powerOf2 = [
    0.99999999996107614, 0.69314718208030479, 0.24022651208705273, 0.055504059626954885, 0.0096180256795470962,
    0.0013337462016056263, 0.00015469802536353396, 1.438988504645808e-5,
  ]
  private static let atanhTail = [
    0.40000000000003544, 0.28571428569567237, 0.22222222604262754, 0.18181777690930664, 0.15387039382484041,
    0.13250731776380378, 0.13249094390244101,
  ]
}
