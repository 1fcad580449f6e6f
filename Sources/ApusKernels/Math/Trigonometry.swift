/// Sine, cosine, tangent.
///
/// x = q π/2 + r with |r| ≤ π/4: see CircleReduction.swift. f32 is computed in f64, which leaves little more than the
/// last rounding and costs less than carrying a second f32 along. Polynomials: `f32.sin`, `f32.cos`, `f64.sin`,
/// `f64.cos` of Scripts/fit_polynomials.py.
extension KernelBuilder {
  /// At most 1 ULP, for the largest floats too.
  public func sin(_ x: Register) -> Register {
    let x = Term(self, x)
    let angle = CircleReduction(x)
    let y = angle.wave(shiftedBy: 0)
    // q π/2 + r has lost the sign of 0.
    return (x == 0.0).select(x, y).register
  }

  /// At most 1 ULP, for the largest floats too.
  public func cos(_ x: Register) -> Register { CircleReduction(Term(self, x)).wave(shiftedBy: 1).register }

  /// At most 2 ULP, for the largest floats too.
  public func tan(_ x: Register) -> Register {
    let x = Term(self, x)
    let angle = CircleReduction(x)
    let (sine, cosine) = (angle.sine, angle.cosine)
    // tan(r + π/2) = −cos r / sin r
    let isOdd = (angle.quadrant & angle.quadrant.constant(1)) != 0
    let y = isOdd.select(-cosine, sine) / isOdd.select(sine, cosine)
    return (x == 0.0).select(x, x.isSingle ? y.single : y).register
  }
}

extension CircleReduction {
  /// sin(x + n π/2), in the type of x.
  fileprivate func wave(shiftedBy n: Int) -> Term {
    let quadrant = n == 0 ? quadrant : quadrant + quadrant.constant(n)
    let isOdd = (quadrant & quadrant.constant(1)) != 0
    let value = isOdd.select(cosine, sine)
    // Bit 1 of the quadrant becomes the sign.
    let signed = (value.bits ^ ((quadrant << 62) & quadrant.constant(.min))).float
    return isSingle ? signed.single : signed
  }

  /// sin r
  fileprivate var sine: Term {
    let z = rest * rest
    if isSingle { return (rest * z).multiplyAdd(z.polynomial(CircleReduction.sineSingle), rest) }
    // sin(r + s) = r + s + r³ p(r²) − r² s / 2 for a small s.
    let cube = rest * z
    let tail = z.polynomial(Array(CircleReduction.sineDouble.dropFirst()))
    let correction = z.multiplyAdd((small * 0.5) - (cube * tail), -small)
    return rest - cube.multiplyAdd(-CircleReduction.sineDouble[0], correction)
  }

  /// cos r
  fileprivate var cosine: Term {
    let z = rest * rest
    if isSingle {
      return (z * z).multiplyAdd(z.polynomial(CircleReduction.cosineSingle), z.multiplyAdd(-0.5, z.constant(1.0)))
    }
    // 1 − r²/2 in two parts, then what is small.
    let half = z * 0.5
    let whole = 1 - half
    let lost = (1 - whole) - half
    let tail = (z * z).multiplyAdd(z.polynomial(CircleReduction.cosineDouble), -(rest * small))
    return whole + (lost + tail)
  }

  private static let sineSingle = [
    -0.16666666640588426, 0.0083333292805418211, -0.00019839304420252426, 2.7180465148833376e-6,
  ]
  private static let cosineSingle = [
    0.041666666622477366, -0.0013888883722656276, 2.4799511773184904e-5, -2.7209548553324233e-7,
  ]
  private static let sineDouble = [
    -0.1666666666666663, 0.0083333333333218407, -0.00019841269829358503, 2.7557313538496878e-6,
    -2.5050734385361191e-8, 1.5895433008320562e-10,
  ]
  private static let cosineDouble = [
    0.041666666666666602, -0.0013888888888874441, 2.4801587289636314e-5, -2.7557314387469883e-7,
    2.0875727058978719e-9, -1.1359802471593814e-11,
  ]
}
