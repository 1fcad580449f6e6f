/// Roots and reciprocals.
extension KernelBuilder {
  /// √x, rounded correctly.
  public func sqrt(_ x: Register) -> Register { unary(.squareRoot, x) }

  /// 1 / x, rounded correctly.
  public func reciprocal(_ x: Register) -> Register { binary(.divide, constant(1.0, type(of: x)), x) }

  /// 1 / √x: at most 2 ULP. ±∞ of ±0, NaN of negative numbers.
  public func rsqrt(_ x: Register) -> Register {
    let x = Term(self, x)
    // Only there the estimate is an instruction.
    guard target == .avx512, x.type == RegisterType(.f32, lanes: 16) else { return (1 / x.squareRoot).register }
    let y = x.reciprocalSquareRootEstimate
    // Newton: y + y (1 − x y²) / 2.
    let root = x * y
    let correction = (-root).multiplyAdd(y * 0.5, 0.5)
    // 0 · ∞: the estimate is exact for 0 and ∞, and NaN where it should be.
    return root.isNaN.select(y, y.multiplyAdd(correction, y)).register
  }
}
