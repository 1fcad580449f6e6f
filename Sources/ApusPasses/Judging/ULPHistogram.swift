import ApusCore

/// How far the elements of two tensors are apart, in units in the last place: the number of floats between them.
///
/// Whole numbers count by their difference.
public struct ULPHistogram: Sendable, Hashable {
  /// Elements by distance: the same, 1, 2 to 3, 4 to 7, and so on by powers of two.
  public private(set) var counts: [Int] = [0]
  /// Elements of which one is NaN and the other is not.
  public private(set) var strangers = 0
  public private(set) var largest: UInt64 = 0

  /// - Parameter b: has the type of `a`.
  public init(_ a: Tensor, _ b: Tensor) {
    for (x, y) in zip(ULPHistogram.keys(a), ULPHistogram.keys(b)) {
      switch (x, y) {
      case (nil, nil): counts[0] += 1
      case (let x?, let y?): add(x > y ? UInt64(bitPattern: x &- y) : UInt64(bitPattern: y &- x))
      case (nil, _?), (_?, nil): strangers += 1
      }
    }
  }

  private mutating func add(_ distance: UInt64) {
    let bucket = UInt64.bitWidth - distance.leadingZeroBitCount
    while counts.count <= bucket { counts.append(0) }
    counts[bucket] += 1
    largest = max(largest, distance)
  }

  /// Whether all elements are the same number, NaN being one.
  public var isZero: Bool { strangers == 0 && largest == 0 }

  /// Numbers in order of their elements, neighbors one apart; nil for NaN.
  private static func keys(_ tensor: Tensor) -> [Int64?] {
    /// Bits of a float, sign first, as a number: both zeros are 0.
    func key<Bits: FixedWidthInteger>(_ bits: Bits) -> Int64 {
      let sign: Bits = 1 << (Bits.bitWidth - 1)
      return bits & sign == 0 ? Int64(bits) : -Int64(bits & ~sign)
    }
    switch tensor.dtype {
    case .i64: return tensor.elements(as: Int64.self).map { $0 }
    case .f64: return tensor.doubles().map { $0.isNaN ? nil : key($0.bitPattern) }
    case .f32: return tensor.doubles().map { $0.isNaN ? nil : key(Float($0).bitPattern) }
    case .f16: return tensor.doubles().map { $0.isNaN ? nil : key(Float16($0).bitPattern) }
    // The upper half of a float.
    case .bf16: return tensor.doubles().map { $0.isNaN ? nil : key(UInt16(Float($0).bitPattern >> 16)) }
    case .i8, .u8, .i32, .bool: return tensor.doubles().map { Int64($0) }
    }
  }
}

extension ULPHistogram {
  /// The distances that occur, in words, and how many elements have them: `0`, `1`, `2 to 3`, `2^10 to 2^11`, `NaN or not`.
  public var rows: [(name: String, count: Int)] {
    var rows: [(name: String, count: Int)] = []
    for (bucket, count) in counts.enumerated() where count > 0 {
      let first = bucket == 0 ? 0 : UInt64(1) << UInt64(bucket - 1)
      let last = bucket == 0 ? 0 : first &* 2 &- 1
      let name = first == last ? "\(first)" : first < 1024 ? "\(first) to \(last)" : "2^\(bucket - 1) to 2^\(bucket)"
      rows.append((name, count))
    }
    if strangers > 0 { rows.append(("NaN or not", strangers)) }
    return rows
  }
}

extension ULPHistogram: CustomStringConvertible {
  /// A line for each distance that occurs, with a bar.
  public var description: String {
    let rows = rows
    let total = max(1, rows.reduce(0) { $0 + $1.count })
    let width = max("ULP apart".count, rows.map(\.name.count).max() ?? 0)
    func padded(_ text: String) -> String { text + String(repeating: " ", count: width - text.count) }
    let lines = rows.map { row in
      let bar = String(repeating: "#", count: max(1, row.count * 32 / total))
      return "  \(padded(row.name))  \(row.count)  \(bar)"
    }
    return (["  \(padded("ULP apart"))  elements"] + lines).joined(separator: "\n")
  }
}
