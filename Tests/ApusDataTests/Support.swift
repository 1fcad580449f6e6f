import ApusCore
import ApusData
import Foundation
import Testing

/// The folder of reference files, and the script that wrote them.
let resources = (#filePath as NSString).deletingLastPathComponent + "/Resources"

/// A folder of its own for a test, gone with the value.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = (NSTemporaryDirectory() as NSString).appendingPathComponent("apus-\(UUID().uuidString)")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  /// Writes a file and returns its path.
  func write(_ bytes: [UInt8], as name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }

  func write(_ text: String, as name: String) throws -> String { try write(Array(text.utf8), as: name) }

  var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() } }
}

func contents(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

/// Expects `body` to throw an `ApusError` of the user's whose text holds every one of `parts`.
func expectFault(
  _ parts: String..., location: Testing.SourceLocation = #_sourceLocation, _ body: () throws -> some Any
) {
  do {
    _ = try body()
    Issue.record("no error was thrown; expected one with \(parts)", sourceLocation: location)
  } catch let error as ApusError {
    #expect(error.fault == .input, sourceLocation: location)
    for part in parts {
      #expect(error.description.contains(part), "\(error.description)", sourceLocation: location)
    }
  } catch {
    Issue.record("not an ApusError: \(error)", sourceLocation: location)
  }
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
