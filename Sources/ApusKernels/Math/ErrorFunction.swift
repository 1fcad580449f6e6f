/// The error function.
///
/// Near 0 x + x p(x²), p a polynomial; else 1 − e^Q(|x|), Q the logarithm of erfc as a polynomial: where its error weighs
/// most, erfc is small (Scripts/fit_polynomials.py, `f32.erf.small`, `f32.erf.large`, `f64.erf.small`, `f64.erf.large`).
extension KernelBuilder {
  /// erf x: at most 2 ULP.
  public func erf(_ x: Register) -> Register {
    let x = Term(self, x)
    let a = x.magnitude
    let (small, large) =
      x.isSingle
      ? (KernelBuilder.erfSmallSingle, KernelBuilder.erfLargeSingle)
      : (KernelBuilder.erfSmallDouble, KernelBuilder.erfLargeDouble)
    let near = x.multiplyAdd((x * x).polynomial(small), x)
    // From 4 in f32, from 6 in f64 on erf is 1.
    let far = 1 - exponential(a.atMost(x.isSingle ? 4 : 6).polynomial(large))
    return (a < 0.9).select(near, far.withSign(of: x)).register
  }

  private static let erfSmallSingle = [
    0.128379151, -0.376125038, 0.112819217, -0.026770493, 0.00499895914, -0.000602079963,
  ]
  private static let erfLargeSingle = [
    -0.000177503462, -1.12774956, -0.637059689, -0.104037479, 0.0222771782, -0.00305564026, 0.000197186251,
  ]
  private static let erfSmallDouble = [
    0.12837916709551259, -0.37612638903184109, 0.11283791670972039, -0.026866170648260562, 0.0052239776550775082,
    -0.00085483286522960056, 0.00012055388225180091, -1.4926829993384394e-5, 1.647763526282862e-6,
    -1.6479701988913494e-7, 1.5098305549317349e-8, -1.0825051445246815e-9,
  ]
  private static let erfLargeDouble = [
    -7.106782551917586e-8, -1.1283784124414094, -0.63662345284783517, -0.10276174483088479, 0.019107077308172706,
    0.00023799315941333037, -0.0017213647725740505, 0.00059952513835531923, -1.6036461836025999e-5,
    -8.6211880183680733e-5, 5.1999428321527722e-5, -1.8949737883099495e-5, 5.0005788781774533e-6,
    -9.9577283450869409e-7, 1.4957148653821183e-7, -1.6513023816036949e-8, 1.2675536662019802e-9,
    -6.0491262860130377e-11, 1.3517802576272998e-12,
  ]
}
