import Apus

/// What a tensor that the generator makes up may hold.
enum Domain: Hashable {
  case any
  /// Positions 0 …< size, or −size …< size where they may count from the end.
  case index(below: Int, countsFromEnd: Bool)
  /// Few distinct numbers: ties for everything that looks for an extremum.
  case coarse
}

/// What kind of numbers a graph is fed.
enum Flavor: CaseIterable {
  /// Small numbers of both signs.
  case ordinary
  /// Magnitudes from 2⁻⁴⁰ to 2⁴⁰; integers of all sizes.
  case wide
  /// Ordinary numbers with NaN, infinities, −0, the largest and the smallest among them.
  case special
}

extension PhiloxGenerator {
  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
  mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
  mutating func pick<T>(_ choices: [T]) -> T { choices[Int.random(in: choices.indices, using: &self)] }
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A tensor of a static type.
  mutating func tensor(_ type: TensorType, _ domain: Domain = .any, _ flavor: Flavor = .ordinary) throws -> Tensor {
    let dimensions = type.shape.numbers ?? []
    let count = type.shape.elementCount ?? 0
    let values: [Double]
    switch domain {
    case .index(let size, let countsFromEnd):
      values = (0..<count).map { _ in
        Double(Int.random(in: (countsFromEnd && type.dtype != .u8 ? -size : 0)..<max(size, 1), using: &self))
      }
    case .coarse: values = (0..<count).map { _ in Double(int(-4...4)) * (type.dtype.isFloating ? 0.5 : 1) }
    case .any: values = (0..<count).map { _ in number(type.dtype, flavor) }
    }
    var fill = Fill(values: values, dimensions: dimensions)
    return try type.dtype.dispatch(&fill)
  }

  private mutating func number(_ dtype: DType, _ flavor: Flavor) -> Double {
    if dtype == .bool { return chance(50) ? 1 : 0 }
    switch flavor {
    case .ordinary: break
    case .wide:
      if dtype.isFloating {
        return (chance(50) ? -1 : 1) * (1 + unit()) * Double(sign: .plus, exponent: int(-40...40), significand: 1)
      }
      return Double(Int64(bitPattern: next()) >> Int64(int(0...63)))
    case .special:
      guard chance(15) else { break }
      return dtype.isFloating
        ? pick(specials(dtype)) : pick([0, -1, 1, 127, -128, 0x1p31 - 1, -0x1p31, 0x1p63, -0x1p63])
    }
    if dtype.isFloating { return 4 * unit() - 2 }
    return Double(dtype == .u8 ? int(0...9) : int(-5...5))
  }

  private func specials(_ dtype: DType) -> [Double] {
    let (largest, least, subnormal) =
      dtype == .f64
      ? (Double.greatestFiniteMagnitude, Double.leastNormalMagnitude, Double.leastNonzeroMagnitude)
      : (Double(Float.greatestFiniteMagnitude), Double(Float.leastNormalMagnitude), Double(Float.leastNonzeroMagnitude))
    return [
      .nan, .infinity, -.infinity, -0.0, 0, 1, largest, -largest, least, -least, subnormal, -subnormal, 1e30, -1e-30,
    ]
  }
}

private struct Fill: TensorElementVisitor {
  let values: [Double]
  let dimensions: [Int]
  mutating func visit<Element: TensorElement>(_ type: Element.Type) throws -> Tensor {
    try Tensor(values.map { Element(converting: $0) }, dimensions)
  }
}
