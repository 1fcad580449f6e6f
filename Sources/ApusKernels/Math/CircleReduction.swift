/// x = q π/2 + r, |r| ≤ π/4, in f64: by Cody and Waite's subtraction of multiples while they are exact, and for larger x
/// by the bits of 2/π that matter (Payne and Hanek), in a branch that is taken where one lane needs it. What a lane
/// gets does not depend on its neighbors.
struct CircleReduction {
  /// Whether x was f32: `small` is then left out.
  let isSingle: Bool
  /// q; only its last two bits count.
  let quadrant: Term
  /// r, rounded.
  let rest: Term
  /// What the rounding of r left off.
  let small: Term

  init(_ argument: Term) {
    let isSingle = argument.isSingle
    let builder = argument.builder
    let x = isSingle ? argument.double : argument
    // Adding 1.5 · 2⁵² rounds to an integer and leaves it in the low bits.
    let shifted = x.multiplyAdd(0x1.45f306dc9c883p-1, x.constant(0x1.8p52))
    let n = shifted - 0x1.8p52
    let usual = isSingle ? CircleReduction.short(x, n) : CircleReduction.long(x, n)
    let isLarge = x.magnitude > (isSingle ? 0x1p28 : 0x1p19)
    let results = builder.branch(
      isLarge.holdsAnywhere,
      then: {
        let large = CircleReduction.large(x)
        return [
          isLarge.select(large.quadrant, shifted.bits).register, isLarge.select(large.rest, usual.rest).register,
          isLarge.select(large.small, usual.small).register,
        ]
      }, otherwise: { [shifted.bits.register, usual.rest.register, usual.small.register] })
    self.isSingle = isSingle
    quadrant = Term(builder, results[0])
    rest = Term(builder, results[1])
    small = Term(builder, results[2])
  }

  /// With π/2 in two doubles: to within 2⁻⁷⁵ for |x| ≤ 2²⁸, enough for f32.
  private static func short(_ x: Term, _ n: Term) -> (rest: Term, small: Term) {
    let r = n.multiplyAdd(-0x1.1a62633145c07p-54, n.multiplyAdd(-0x1.921fb54442d18p0, x))
    return (r, x.constant(0.0))
  }

  /// With π/2 in two parts of 33 bits, whose multiples are exact for |x| ≤ 2¹⁹, and a third.
  private static func long(_ x: Term, _ n: Term) -> (rest: Term, small: Term) {
    let first = n.multiplyAdd(-0x1.921fb544p0, x)
    let second = n.multiplyAdd(-0x1.0b4611a6p-34, first)
    let lost = n.multiplyAdd(-0x1.0b4611a6p-34, first - second)
    let low = n.multiplyAdd(-0x1.3198a2e037073p-69, lost)
    let rest = second + low
    return (rest, (second - rest) + low)
  }

  /// Of numbers from 2¹⁹ on; not finite ones give NaN.
  private static func large(_ x: Term) -> (quadrant: Term, rest: Term, small: Term) {
    // |x| = M 2ᴱ with a whole M of 53 bits.
    let bits = x.magnitude.bits
    let exponent = (bits >> 52) - bits.constant(1075)
    let whole = (bits & bits.constant(0xf_ffff_ffff_ffff)) | bits.constant(0x10_0000_0000_0000)
    // Bits of 2/π that, multiplied by 2ᴱ, count 4 or more give whole turns. W: the 192 bits from the next on, so that
    // x · 2/π modulo 4 is 4 · (M W / 2¹⁹² modulo 1).
    let start = exponent + exponent.constant(62)
    let position = start >> 6
    let shift = start & start.constant(63)
    let last = twoByPi.count - 4
    var words = (0..<4).map { bits.constant(twoByPi[last + $0]) }
    for k in (0..<last).reversed() {
      let isHere = position == k
      words = words.indices.map { isHere.select(bits.constant(twoByPi[k + $0]), words[$0]) }
    }
    let window = (0..<3).map { i in
      (words[i] << shift) | ((words[i + 1] >> 1) >> (shift.constant(63) - shift))
    }
    // The product of M = h 2³² + l and W by limbs of 32 bits, modulo 2¹⁹².
    let mask = bits.constant(0xffff_ffff)
    let limbs = window.reversed().flatMap { [$0 & mask, $0 >> 32] }
    let (high, low) = (whole >> 32, whole & mask)
    var product: [Term] = []
    var carry = bits.constant(0)
    for i in limbs.indices {
      // Below 2⁶⁴: (2³² − 1)² + (2³² − 1) + 2³³.
      let a = low * limbs[i]
      let b = i > 0 ? high * limbs[i - 1] : bits.constant(0)
      let sum = (a & mask) + (b & mask) + carry
      product.append(sum & mask)
      carry = (sum >> 32) + (a >> 32) + (b >> 32)
    }
    // The nearest quarter of the circle, and the rest in units of 2⁻⁶² quarters, with a sign.
    let top = (product[5] << 32) | product[4]
    let quarter = (top + top.constant(1 << 61)) >> 62
    let fraction = top - (quarter << 62)
    let parts = [fraction.shiftedRightSigned(32), fraction & mask, product[3], product[2]]
    let scales = [0x1p-30, 0x1p-62, 0x1p-94, 0x1p-126]
    let values = zip(parts, scales).map { $0.floatValue * $1 }
    // Their sum in two doubles; each part is below the last place of the one before it.
    let least = values[2] + values[3]
    let sum = values[0] + values[1]
    let lost = (values[0] - sum) + values[1] + least
    let upper = sum + lost
    let lower = (sum - upper) + lost
    // · π/2
    let rest = upper * 0x1.921fb54442d18p0
    let error = upper.multiplyAdd(0x1.921fb54442d18p0, -rest)
    let small = error + lower.multiplyAdd(0x1.921fb54442d18p0, upper * 0x1.1a62633145c07p-54)
    let angle = rest + small
    let remainder = (rest - angle) + small
    // Of a negative x everything is negative; of infinity and NaN nothing is known.
    let sign = x.bits & x.signMask
    let isNegative = sign != 0
    let isFinite = x.magnitude < Double.infinity
    return (
      isNegative.select(quarter.constant(0) - quarter, quarter),
      isFinite.select((angle.bits ^ sign).float, x.constant(.nan)), (remainder.bits ^ sign).float
    )
  }

  /// 2/π in words of 64 bits, after a first one of zeros.
  private static let twoByPi: [Int] = twoByPiWords.map { Int(bitPattern: UInt($0)) }
  private static let twoByPiWords: [UInt64] = [
    0x0000_0000_0000_0000, 0xa2f9_836e_4e44_1529, 0xfc27_57d1_f534_ddc0, 0xdb62_9599_3c43_9041,
    0xfe51_63ab_debb_c561, 0xb724_6e3a_424d_d2e0, 0x0649_2eea_09d1_921c, 0xfe1d_eb1c_b129_a73e,
    0xe882_35f5_2ebb_4484, 0xe99c_7026_b45f_7e41, 0x3991_d639_8353_39f4, 0x9c84_5f8b_bdf9_283b,
    0x1ff8_97ff_de05_980f, 0xef2f_118b_5a0a_6d1f, 0x6d36_7ecf_27cb_09b7, 0x4f46_3f66_9e5f_ea2d,
    0x7527_bac7_ebe5_f17b, 0x3d07_39f7_8a52_92ea, 0x6bfb_5fb1_1f8d_5d08, 0x5603_3046_fc7b_6bab,
  ]
}
