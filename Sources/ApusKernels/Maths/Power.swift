/// Powers.
extension KernelBuilder {
  /// xʸ as C's `pow` has it, with its special cases: at most 1 ULP in f32, which is computed in f64.
  public func power(_ x: Register, _ y: Register) -> Register {
    let (x, y) = (Term(self, x), Term(self, y))
    let result = x.isSingle ? powerSingle(x.magnitude.double, y.double) : powerSingle(x.magnitude, y)
    return signed(x.isSingle ? result.single : result, x, y).register
  }

  /// aʸ = 2^(y log₂ a) of an a that is not negative.
  private func powerSingle(_ a: Term, _ y: Term) -> Term {
    let (e, m) = split(a)
    let s = (m - 1) / (m + 1)
    let z = s * s
    let finite = s.multiplyAdd(z.multiplyAdd(z.polynomial(KernelBuilder.powerLogarithm), 2.8853900817779268), e)
    // Infinity and NaN are their own logarithms.
    let logarithm = (a == 0.0).select(a.constant(-.infinity), (a < Double.infinity).select(finite, a))
    let t = (y * logarithm).atMost(200).atLeast(-200)
    // The integer next to t in the low bits, with the exponent's bias: shifted left it is 2ⁿ.
    let shifted = t + (0x1.8p52 + 1023)
    let r = t - (shifted - (0x1.8p52 + 1023))
    return r.polynomial(KernelBuilder.powerExponential) * (shifted.bits << 52).float
  }

  /// The sign of the result, and the cases in which the logarithm does not tell: x = ±1, y = 0, negative x.
  private func signed(_ result: Term, _ x: Term, _ y: Term) -> Term {
    let one = x.constant(1.0)
    // 1 to any power, anything to the power 0, −1 to the power ±∞.
    let isOne = (x == 1.0) | (y == 0.0) | ((x == -1.0) & (y.magnitude == Double.infinity))
    let isWhole = y.floor == y
    let half = y * 0.5
    let isOdd = isWhole & (half.floor != half)
    let isNegative = (x.bits & x.signMask) != 0
    let flipped = (isOdd & isNegative).select(-result, result)
    // Negative numbers, but −0 and −∞, have no powers between whole ones.
    let isUndefined = (x < 0.0) & (x.constant(-Double.infinity) < x) & !isWhole
    return isOne.select(one, isUndefined.select(x.constant(.nan), flipped))
  }

  private static let powerLogarithm = [
    0.96179669415567504, 0.57707792628071353, 0.41221085806781443, 0.31984324778547929, 0.28374067818673182,
  ]
  private static let powerExponential = [
    0.99999999996107614, 0.69314718208030479, 0.24022651208705273, 0.055504059626954885, 0.0096180256795470962,
    0.0013337462016056263, 0.00015469802536353396, 1.438988504645808e-5,
  ]
}
