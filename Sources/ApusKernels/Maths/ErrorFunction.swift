/// The error function.
///
/// Near 0 x + x p(x²), p a polynomial; else 1 − e^Q(|x|), Q the logarithm of erfc as a polynomial: where its error weighs
/// most, erfc is small (Scripts/fit_polynomials.py, `f32.erf.small`, `f32.erf.large`).
extension KernelBuilder {
  /// erf x: at most 2 ULP in f32.
  public func erf(_ x: Register) -> Register {
    let x = Term(self, x)
    let a = x.magnitude
    let near = x.multiplyAdd((x * x).polynomial(KernelBuilder.erfSmall), x)
    // erf 4 is 1 in f32.
    let far = 1 - exponential(a.atMost(4).polynomial(KernelBuilder.erfLarge))
    return (a < 0.9).select(near, far.withSign(of: x)).register
  }

  private static let erfSmall = [
    0.128379151, -0.376125038, 0.112819217, -0.026770493, 0.00499895914, -0.000602079963,
  ]
  private static let erfLarge = [
    -0.000177503462, -1.12774956, -0.637059689, -0.104037479, 0.0222771782, -0.00305564026, 0.000197186251,
  ]
}
