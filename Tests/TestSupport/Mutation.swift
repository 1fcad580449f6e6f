import Apus

/// Damages texts as disks, editors and hurried people do: reproducibly.
public struct MutationGenerator {
  private var generator: PhiloxGenerator
  private let seeds: [[UInt8]]

  /// - Parameter seeds: sound texts.
  public init(seeds: [String], seed: UInt64) {
    self.seeds = seeds.map { Array($0.utf8) }
    generator = PhiloxGenerator(seed: seed)
  }

  /// One of the texts with one to four mutations.
  public mutating func next() -> [UInt8] {
    guard var bytes = seeds.randomElement(using: &generator) else { return [] }
    for _ in 0..<Int.random(in: 1...4, using: &generator) { mutate(&bytes) }
    return bytes
  }

  private mutating func mutate(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return }
    let place = Int.random(in: 0..<bytes.count, using: &generator)
    switch Int.random(in: 0..<9, using: &generator) {
    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    case 1: bytes[place] = UInt8.random(in: 0...255, using: &generator)
    case 2: bytes.remove(at: place)
    case 3: bytes.removeSubrange(place...)
    case 4: withLines(&bytes) { lines, g in lines.remove(at: Int.random(in: 0..<lines.count, using: &g)) }
    case 5:
      withLines(&bytes) { lines, g in
        lines.swapAt(Int.random(in: 0..<lines.count, using: &g), Int.random(in: 0..<lines.count, using: &g))
      }
    case 6:
      withLines(&bytes) { lines, g in
        lines.insert(lines[Int.random(in: 0..<lines.count, using: &g)], at: Int.random(in: 0..<lines.count, using: &g))
      }
    case 7: swapWords(&bytes)
    default: changeNumber(&bytes)
    }
  }

  private mutating func withLines(
    _ bytes: inout [UInt8], _ change: (inout [ArraySlice<UInt8>], inout PhiloxGenerator) -> Void
  ) {
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    change(&lines, &generator)
    bytes = Array(lines.joined(separator: [UInt8(ascii: "\n")]))
  }

  private mutating func swapWords(_ bytes: inout [UInt8]) {
    var words = bytes.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    let a = Int.random(in: 0..<words.count, using: &generator)
    words.swapAt(a, Int.random(in: 0..<words.count, using: &generator))
    bytes = Array(words.joined(separator: [UInt8(ascii: " ")]))
  }

  /// Replaces a number by one that is hard to digest.
  private mutating func changeNumber(_ bytes: inout [UInt8]) {
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    let places = bytes.indices.filter { digits.contains(bytes[$0]) }
    guard let start = places.randomElement(using: &generator) else { return }
    let end = bytes[start...].firstIndex { !digits.contains($0) } ?? bytes.endIndex
    let numbers = [
      "0", "-1", "2147483647", "2147483648", "9223372036854775807", "99999999999999999999", "1e400", "nan", "-0", "7",
    ]
    bytes.replaceSubrange(start..<end, with: Array((numbers.randomElement(using: &generator) ?? "0").utf8))
  }
}
