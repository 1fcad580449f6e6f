import Apus
import Foundation
import TestSupport
import Testing

/// The folder of reference files, and the script that wrote them.
func resource<Content: Decodable>(_ name: String, as type: Content.Type = Content.self) throws -> Content {
  let file = Repository.file("Tests/ApusNNTests/Resources/\(name)")
  return try JSONDecoder().decode(Content.self, from: Data(contentsOf: file))
}

/// A folder of its own for a test, gone with the value.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = (NSTemporaryDirectory() as NSString).appendingPathComponent("apus-\(UUID().uuidString)")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }
  func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: file(name))) }
  func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }
}

/// Expects an `ApusError` of the command line that says every one of `parts`.
func expectUsage(
  _ parts: String..., location: Testing.SourceLocation = #_sourceLocation, _ body: () throws -> some Any
) {
  do {
    _ = try body()
    Issue.record("no error was thrown; expected one with \(parts)", sourceLocation: location)
  } catch let error as ApusError {
    #expect(error.fault == .usage, sourceLocation: location)
    for part in parts {
      #expect(error.description.contains(part), "\(error.description)", sourceLocation: location)
    }
  } catch {
    Issue.record("not an ApusError: \(error)", sourceLocation: location)
  }
}

/// Images of 4 × 4 bytes in three classes: a bright row tells the class, the rest is noise.
struct SyntheticImages {
  let images: Tensor
  let labels: Tensor

  init(count: Int, seed: UInt64 = 1) throws {
    var generator = PhiloxGenerator(seed: seed)
    var pixels: [UInt8] = []
    var classes: [UInt8] = []
    for _ in 0..<count {
      let label = Int(generator.next() % 3)
      classes.append(UInt8(label))
      for position in 0..<16 {
        let noise = UInt8(generator.next() % 90)
        pixels.append(position / 4 == label ? 165 + noise : noise)
      }
    }
    images = try Tensor(pixels, [count, 4, 4])
    labels = try Tensor(classes, [count])
  }

  func rows(_ range: Range<Int>) throws -> (images: Tensor, labels: Tensor) {
    (try images.gather(rows: range), try labels.gather(rows: range))
  }
}

/// 16-8-3 on bytes.
func smallModel(dropout: Double = 0) throws -> Sequential {
  try Sequential(name: "small", input: [4, 4], dtype: .u8) {
    Rescaling(scale: 1 / 255)
    Flatten()
    Dense(8, activation: .relu)
    if dropout > 0 { Dropout(dropout) }
    Dense(3, activation: .softmax)
  }
}

extension Trainer {
  /// Every variable's bytes, by name.
  var state: [String: Tensor] { Dictionary(uniqueKeysWithValues: session.values.map { ($0.name, $0.value) }) }
}
