import ApusCore
import ApusData
import Foundation
import TestSupport
import Testing

/// The folder of reference files, and the script that wrote them.
let resources = (#filePath as NSString).deletingLastPathComponent + "/Resources"

func contents(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

/// Expects `body` to throw an `ApusError` of the input that says every one of `parts`.
func expectFault(
  _ parts: String..., location: Testing.SourceLocation = #_sourceLocation, _ body: () throws -> some Any
) {
  expectFault(.input, parts, location: location, body)
}

/// A tensor of every type: 2 by 3 elements, `bool` alternating.
func samples() throws -> [Tensor] {
  try DType.allCases.map { dtype in
    var fill = SampleFill()
    return try dtype.dispatch(&fill)
  }
}

private struct SampleFill: TensorElementVisitor {
  mutating func visit<Element: TensorElement>(_ type: Element.Type) throws -> Tensor {
    let first = Element.dtype.kind == .unsigned || Element.dtype == .bool ? 0 : -3
    return try Tensor(
      (0..<6).map { Element(converting: Double(first + $0 % (Element.dtype == .bool ? 2 : 6))) }, [2, 3])
  }
}

/// Copies of `bytes`, each damaged in one way: bytes changed, cut off, inserted, removed or doubled.
func mutations(of bytes: [UInt8], count: Int, seed: UInt64) -> [[UInt8]] {
  var generator = PhiloxGenerator(seed: seed)
  func below(_ bound: Int) -> Int { Int(generator.next() % UInt64(max(bound, 1))) }
  return (0..<count).map { _ in
    var copy = bytes
    // Headers lie in front (and zip's at the end): half of the damage goes there.
    let reach = below(2) == 0 ? min(bytes.count, 80) : bytes.count
    let place = below(4) == 0 ? bytes.count - 1 - below(reach) : below(reach)
    switch below(6) {
    case 0: copy[place] ^= UInt8(1 << below(8))
    case 1: copy[place] = [0, 1, 0x7F, 0x80, 0xFF, 0x20][below(6)]
    case 2: for i in place..<min(place + 4, copy.count) { copy[i] = UInt8(below(256)) }
    case 3: copy.removeSubrange(place...)
    case 4: copy.insert(contentsOf: (0..<1 + below(9)).map { _ in UInt8(below(256)) }, at: place)
    default: copy.removeSubrange(place..<min(place + 1 + below(9), copy.count))
    }
    return copy
  }
}
