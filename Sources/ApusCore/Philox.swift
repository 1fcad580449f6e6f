/// Philox 4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy
/// as 1, 2, 3", SC 2011. Block `n` of a stream is a pure function of key and counter: any element can be drawn on any
/// thread, on any backend, in any order, with the same bits.
public struct Philox: Sendable {
  public let key: (UInt32, UInt32)

  /// - Parameters:
  ///   - seed: the key.
  public init(seed: UInt64) { key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)) }

  /// Four words of 32 random bits.
  /// - Parameters:
  ///   - index: the low half of the counter: which block.
  ///   - stream: the high half: independent streams under one seed, as one a training step.
  @inlinable public func block(_ index: UInt64, stream: UInt64 = 0) -> SIMD4<UInt32> {
    var c0 = UInt32(truncatingIfNeeded: index)
    var c1 = UInt32(truncatingIfNeeded: index >> 32)
    var c2 = UInt32(truncatingIfNeeded: stream)
    var c3 = UInt32(truncatingIfNeeded: stream >> 32)
    var (k0, k1) = key
    for _ in 0..<10 {
      let p0 = UInt64(c0) &* 0xD251_1F53
      let p1 = UInt64(c2) &* 0xCD9E_8D57
      (c0, c1, c2, c3) = (
        UInt32(truncatingIfNeeded: p1 >> 32) ^ c1 ^ k0, UInt32(truncatingIfNeeded: p1),
        UInt32(truncatingIfNeeded: p0 >> 32) ^ c3 ^ k1, UInt32(truncatingIfNeeded: p0)
      )
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return SIMD4(c0, c1, c2, c3)
  }

  /// Two numbers in [0, 1) with 53 random bits each, as `PhiloxGenerator` draws them one after the other.
  @inlinable public func pair(_ index: UInt64, stream: UInt64 = 0) -> (Double, Double) {
    let words = block(index, stream: stream)
    let (a, b) = (UInt64(words.x) | UInt64(words.y) << 32, UInt64(words.z) | UInt64(words.w) << 32)
    // Of a signed number the conversion is one instruction.
    return (Double(Int64(a >> 11)) * 0x1p-53, Double(Int64(b >> 11)) * 0x1p-53)
  }

  /// Word `index` of a stream.
  @inlinable public func word(_ index: Int, stream: UInt64 = 0) -> UInt32 {
    block(UInt64(index) >> 2, stream: stream)[index & 3]
  }

  /// A number in [0, 1) with 24 random bits: every value is exact in `f32`.
  @inlinable public func uniform(_ index: Int, stream: UInt64 = 0) -> Double {
    Double(word(index, stream: stream) >> 8) * 0x1p-24
  }
}

/// Philox as a sequential generator, for shuffling and initial weights.
public struct PhiloxGenerator: RandomNumberGenerator, Sendable {
  private let philox: Philox
  private let stream: UInt64
  private var index: UInt64 = 0
  private var spare: UInt64?

  public init(seed: UInt64, stream: UInt64 = 0) {
    philox = Philox(seed: seed)
    self.stream = stream
  }

  public mutating func next() -> UInt64 {
    if let value = spare {
      spare = nil
      return value
    }
    let words = philox.block(index, stream: stream)
    index += 1
    spare = UInt64(words.z) | UInt64(words.w) << 32
    return UInt64(words.x) | UInt64(words.y) << 32
  }
}
