import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

extension KernelBuilder {
  /// The four words of a block of Philox 4x32-10, as 64-bit integers below 2³²; see `ApusCore.Philox`.
  func philox(seed: UInt64, block: Register, stream: Register) -> [Register] {
    let type = type(of: block)
    let low = constant(bits: 0xFFFF_FFFF, type)
    func halves(_ x: Register) -> (Register, Register) {
      (binary(.and, x, low), binary(.shiftRight, x, constant(32, type)))
    }
    var (c0, c1) = halves(block)
    var (c2, c3) = halves(splat(stream, lanes: type.lanes))
    var (k0, k1) = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    for _ in 0..<10 {
      let (p0Low, p0High) = halves(binary(.multiply, c0, constant(bits: 0xD251_1F53, type)))
      let (p1Low, p1High) = halves(binary(.multiply, c2, constant(bits: 0xCD9E_8D57, type)))
      (c0, c1, c2, c3) = (
        binary(.xor, binary(.xor, p1High, c1), constant(bits: UInt64(k0), type)), p1Low,
        binary(.xor, binary(.xor, p0High, c3), constant(bits: UInt64(k1), type)), p0Low
      )
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return [c0, c1, c2, c3]
  }
}

extension NodeLowering {
  /// Draws numbers for all elements of the result: several blocks side by side in the lanes.
  /// - Parameters:
  ///   - words: of each element, 1 or 2.
  ///   - draw: a number of the result's type from an element's words.
  fileprivate func draw(
    _ name: String, seed: UInt64, words: Int, _ draw: @escaping (KernelBuilder, Register, Register) -> Register
  ) throws {
    // Elements are numbered in row-major order, and stored by their numbers.
    let y = results[0].view.isContiguous ? results[0] : temporary(results[0].dtype, results[0].dimensions)
    let perBlock = 4 / words
    let lanes = target.lanes(of: .i64)
    let groups = (y.count + perBlock * lanes - 1) / (perBlock * lanes)
    forEachPosition(name, of: [groups], work: 100 * lanes) { scope in
      let b = scope.builder
      let counter = scope.read(operands[0])
      let result = scope.write(y)
      let type = RegisterType.index.with(lanes: lanes)
      return { at in
        let stream = counter.load([])
        let block = b.add(b.splat(b.multiply(at[0], lanes), lanes: lanes), b.lanes(type))
        let bits = b.philox(seed: seed, block: block, stream: stream)
        for element in 0..<perBlock {
          let number = draw(b, bits[element * words], bits[(element * words + 1) & 3])
          let place = b.add(b.multiply(block, perBlock), element)
          let isInside = b.compare(.less, place, b.constant(y.count, type))
          if lanes == 1 {
            b.branch(isInside) {
              b.store(result.buffer, place, number)
              return []
            }
          } else {
            b.store(result.buffer, place, number, mask: isInside)
          }
        }
      }
    }
    if y != results[0] { try copy(from: y, to: results[0]) }
  }
}

extension RandomUniform: Lowerable {
  public func lower(_ node: NodeLowering) throws {
    let y = node.results[0]
    guard y.count > 0 else { return }
    let (low, high) = (low, high)
    if y.dtype == .f32 {
      try node.draw("random_uniform", seed: seed, words: 1) { b, word, _ in
        let type = b.type(of: word).with(.f32)
        let bits = b.convert(.truncate, b.binary(.shiftRight, word, b.constant(8, b.type(of: word))), to: .i32)
        let unit = b.binary(.multiply, b.convert(.signedToFloat, bits, to: .f32), b.constant(0x1p-24, type))
        let number = b.binary(
          .add, b.binary(.multiply, unit, b.constant(Double(Float(high) - Float(low)), type)),
          b.constant(Double(Float(low)), type))
        let most = b.constant(Double(Float(high).nextDown), type)
        return b.select(b.compare(.less, most, number), most, number)
      }
    } else {
      try node.draw("random_uniform", seed: seed, words: 2) { b, word, next in
        let own = b.type(of: word)
        let type = own.with(.f64)
        let both = b.binary(.or, b.binary(.shiftLeft, next, b.constant(32, own)), word)
        let bits = b.binary(.shiftRight, both, b.constant(11, own))
        let unit = b.binary(.multiply, b.convert(.signedToFloat, bits, to: .f64), b.constant(0x1p-53, type))
        let number = b.binary(.add, b.binary(.multiply, unit, b.constant(high - low, type)), b.constant(low, type))
        let most = b.constant(high.nextDown, type)
        return b.select(b.compare(.less, most, number), most, number)
      }
    }
  }
}

extension RandomNormal: Lowerable {
  public func lower(_ node: NodeLowering) throws {
    let y = node.results[0]
    guard y.count > 0 else { return }
    let (mean, deviation) = (mean, deviation)
    try node.draw("random_normal", seed: seed, words: 2) { b, word, next in
      let number = b.standardNormal(word, next)
      let type = b.type(of: number)
      let scaled = b.binary(
        .add, b.constant(mean, type), b.binary(.multiply, b.constant(deviation, type), number))
      return b.cast(scaled, from: .f64, to: y.dtype)
    }
  }
}

extension KernelBuilder {
  /// As `StandardNormal.draw`, operation by operation: the same bits.
  fileprivate func standardNormal(_ word: Register, _ next: Register) -> Register {
    let (integer, type) = (type(of: word), type(of: word).with(.f64))
    func c(_ x: Double) -> Register { constant(x, type) }
    func n(_ x: UInt64) -> Register { constant(bits: x, integer) }
    func product(_ a: Register, _ b: Register) -> Register { binary(.multiply, a, b) }
    func horner(_ coefficients: [Double], _ t: Register) -> Register {
      coefficients.dropFirst().reduce(c(coefficients[0])) { binary(.add, product($0, t), c($1)) }
    }

    // ln u, u = m 2ᵉ.
    let u = product(binary(.add, convert(.signedToFloat, word, to: .f64), c(1)), c(0x1p-32))
    let bits = convert(.bits, u, to: .i64)
    let e = binary(.subtract, binary(.shiftRight, bits, n(52)), n(1023))
    let significand = convert(
      .bits, binary(.or, binary(.and, bits, n(1 << 52 - 1)), n(1023 << 52)), to: .f64)
    let isLarge = compare(.greater, significand, c(1.4142135623730951))
    let m = select(isLarge, product(significand, c(0.5)), significand)
    let exponent = binary(.add, convert(.signedToFloat, e, to: .f64), select(isLarge, c(1), c(0)))
    let s = binary(.divide, binary(.subtract, m, c(1)), binary(.add, m, c(1)))
    let log = binary(
      .add, product(exponent, c(0.6931471805599453)),
      product(product(c(2), s), horner(StandardNormal.artanh, product(s, s))))

    // cos 2πv by the nearest quarter turn.
    let quarter = binary(
      .shiftRight, binary(.and, binary(.add, next, n(0x2000_0000)), n(0xFFFF_FFFF)), n(30))
    let turned = binary(.subtract, next, binary(.shiftLeft, quarter, n(30)))
    let rest = convert(.signExtend, convert(.truncate, turned, to: .i32), to: .i64)
    let x = product(convert(.signedToFloat, rest, to: .f64), c(6.283185307179586 * 0x1p-32))
    let square = product(x, x)
    let even = horner(StandardNormal.cosine, square)
    let odd = product(x, horner(StandardNormal.sine, square))
    func isQuarter(_ number: UInt64) -> Register { compare(.equal, quarter, n(number)) }
    let minusOdd = product(unary(.negate, x), horner(StandardNormal.sine, square))
    let cosine = select(
      isQuarter(0), even, select(isQuarter(1), minusOdd, select(isQuarter(2), unary(.negate, even), odd)))
    return product(unary(.squareRoot, product(c(-2), log)), cosine)
  }
}
