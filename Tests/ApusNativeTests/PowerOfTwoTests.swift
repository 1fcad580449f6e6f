import ApusCore
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Foundation
import Testing

#if arch(x86_64)
  /// x · 2ⁿ must be rounded once, whatever x and n: wider numbers hold the product exactly. (The standard library's
  /// `scalbn` rounds some subnormal results twice.)
  @Suite struct PowerOfTwoTests {
    @Test(arguments: runnableTargets, [1, 4, 16, 32])
    func singlePrecision(_ target: NativeTarget, lanes: Int) throws {
      var values: [Float] = [
        0, -0.0, 1, -1.9999999, 1.5, 3.4e38, 1.1754944e-38, 0x2cap-149, 0x1p-149, .infinity, .nan, 1.0000001,
      ]
      for index in 0..<4 { values.append(Float(bitPattern: UInt32(truncatingIfNeeded: 2_654_435_761 &* (index &+ 7)))) }
      let powers: [Float] =
        (-320...320).filter { $0 % 5 == 0 || (-160)...(-100) ~= $0 }.map(Float.init) + [
          -.infinity, .infinity, -1e30, 1e30, -1000, 1000, -2048,
        ]
      let results = try scaled(
        Elements(values.flatMap { x in powers.map { _ in x } }), Elements(values.flatMap { _ in powers }), target, lanes
      )
      var position = 0
      for x in values {
        for n in powers {
          // What a processor makes of 0 · 2^∞, ∞ · 2^-∞ and NaN · 2^±∞ does not matter.
          let isUndefined = n.isInfinite && !(x.isFinite && x != 0)
          let expected = Float(Double(x) * Double(sign: .plus, exponent: Int(max(-800, min(800, n))), significand: 1))
          let result = results.floats[position]
          #expect(
            isUndefined || result.bitPattern == expected.bitPattern || result.isNaN && expected.isNaN,
            "\(x) · 2^\(n) is \(result), not \(expected)")
          position += 1
        }
      }
    }

    @Test(arguments: runnableTargets, [1, 4, 8, 16])
    func doublePrecision(_ target: NativeTarget, lanes: Int) throws {
      var values: [Double] = [
        0, -0.0, 1, -1.9999999999, 1.5, 1.7e308, 0x1p-1022, Double(bitPattern: 0x1268_8b70_e62b), 0x1p-1074, .infinity,
      ]
      for index in 0..<6 { values.append(Double(bitPattern: 0x9e37_79b9_7f4a_7c15 &* UInt64(index + 3))) }
      let powers: [Double] =
        stride(from: -2200, through: 2200, by: 7).map(Double.init) + (-1080...(-1010)).map(Double.init)
        + [-.infinity, .infinity, -1e300, 1e300]
      let results = try scaled(
        Elements(values.flatMap { x in powers.map { _ in x } }), Elements(values.flatMap { _ in powers }), target, lanes
      )
      var position = 0
      for x in values {
        for n in powers {
          let isUndefined = n.isInfinite && !(x.isFinite && x != 0)
          let expected = Double(
            Float80(x) * Float80(sign: .plus, exponent: Int(max(-9000, min(9000, n))), significand: 1))
          let result = results.doubles[position]
          #expect(
            isUndefined || result.bitPattern == expected.bitPattern || result.isNaN && expected.isNaN,
            "\(x) · 2^\(n) is \(result), not \(expected)")
          position += 1
        }
      }
    }

    /// What functions made of eˣ need: numbers near 1, exponents of results from 0 over subnormal ones to infinity.
    @Test(arguments: runnableTargets, [1, 4, 8, 16, 32])
    func nearOne(_ target: NativeTarget, lanes: Int) throws {
      let values: [Float] = [0.25, 0.5, 0.70710677, 0.7500001, 1, 1.0000001, 1.4142137, 1.9999999, -3.9999998, .nan]
      let powers = (-240...240).map(Float.init)
      let results = try scaled(
        Elements(values.flatMap { x in powers.map { _ in x } }), Elements(values.flatMap { _ in powers }),
        target, lanes, .scaleNearOne
      ).floats
      let doubles = values.map(Double.init)
      let widePowers = stride(from: -2000, through: 2000, by: 1).map(Double.init)
      let wideResults = try scaled(
        Elements(doubles.flatMap { x in widePowers.map { _ in x } }), Elements(doubles.flatMap { _ in widePowers }),
        target, lanes, .scaleNearOne
      ).doubles
      for (row, x) in values.enumerated() {
        for (column, n) in powers.enumerated() {
          let expected = Float(Double(x) * Double(sign: .plus, exponent: Int(n), significand: 1))
          let result = results[row * powers.count + column]
          #expect(
            result.bitPattern == expected.bitPattern || x.isNaN && result.isNaN, "\(x) · 2^\(n) is \(result)")
        }
        for (column, n) in widePowers.enumerated() {
          let expected = Double(Float80(doubles[row]) * Float80(sign: .plus, exponent: Int(n), significand: 1))
          let result = wideResults[row * widePowers.count + column]
          #expect(
            result.bitPattern == expected.bitPattern || x.isNaN && result.isNaN, "f64 \(x) · 2^\(n) is \(result)")
        }
      }
    }

    private func scaled(
      _ x: Elements, _ n: Elements, _ target: NativeTarget, _ lanes: Int, _ op: Binary = .scaleByPowerOfTwo
    ) throws -> Elements {
      var (x, n) = (x, n)
      while x.bits.count % lanes != 0 {
        x.bits.append(0)
        n.bits.append(0)
      }
      let count = x.bits.count
      let b = KernelBuilder(target: target.vector)
      let (a, e) = (b.buffer(x.dtype, .read, count: count), b.buffer(x.dtype, .read, count: count))
      let y = b.buffer(x.dtype, .write, count: count)
      b.forEachUnit { unit in
        let at = b.multiply(unit, lanes)
        b.store(y, at, b.binary(op, b.load(a, at, lanes: lanes), b.load(e, at, lanes: lanes)))
      }
      var buffers = [x, n, Elements(zeros: count, x.dtype)]
      try run(b.build(name: "scale", units: count / lanes), on: target, &buffers)
      return buffers[2]
    }
  }
#endif
