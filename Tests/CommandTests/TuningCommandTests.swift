import Apus
import Foundation
import TestSupport
import Testing

/// `bench --tune`, and the record that it writes.
@Suite(.enabled(if: NativeBackend.isAvailable)) struct TuningCommandTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    _ = try folder.write(
      """
      graph @layer(%x: f32[1, 12, 12, 32]) {
        %w: f32[3, 3, 32, 32] = variable(glorot_uniform)
        %1 = convolution(%x, %w, padding: same)
        return %1
      }
      """, as: "layer.graph")
  }

  private func apus(_ arguments: String...) throws -> ProgramResult {
    try runProgram(arguments: arguments, in: URL(fileURLWithPath: folder.path))
  }

  @Test func theRecordSaysHowLayersAreComputed() throws {
    let tuned = try apus("bench", "layer.graph", "--tune", "--tuning", "record.txt", "--seconds", "0.01")
    #expect(tuned.status == 0, "\(tuned.errors)")
    #expect(tuned.errors.contains("ms  convolution(f32[1, 12, 12, 32], fixed f32[3, 3, 32, 32],"), "\(tuned.errors)")
    #expect(tuned.errors.contains(": remembered"))
    let record = try String(contentsOfFile: folder.file("record.txt"), encoding: .utf8)
    let text = try #require(tuned.errors.split(separator: "\n").first { $0.contains(" ms  convolution(") })
    let layer = try #require(text.range(of: "convolution(")).lowerBound
    // Either the cost model was the fastest, and nothing is said, or the layer has its way.
    #expect(record.split(separator: "\n").count == 1 || record.contains(text[layer...]), "\(record)")
    // A record of one's own decides.
    for (way, isDirect) in [("direct", true), ("4", false)] {
      _ = try folder.write("\(way) \(text[layer...])\n", as: "mine.txt")
      let profile = try apus("bench", "layer.graph", "--tuning", "mine.txt", "--profile", "--seconds", "0.01")
      #expect(profile.status == 0 && profile.output.contains("winograd") != isDirect, "\(way): \(profile.output)")
    }
  }

  @Test func faultsHaveTheirPlace() throws {
    _ = try folder.write("# mine\nfast convolution(f32[1])\n", as: "bad.txt")
    let bad = try apus("bench", "layer.graph", "--tuning", "bad.txt")
    #expect(bad.status == 1 && bad.errors.contains("bad.txt:2:1: error: 'fast' is not a way"), "\(bad.errors)")
    let none = try apus("compile", "layer.graph", "--output", "out", "--tuning", "none.txt")
    #expect(none.status == 1 && none.errors.contains("there is no file 'none.txt'"), "\(none.errors)")
    let folder = try apus("bench", "layer.graph", "--tune", "--tuning", "no/such/place.txt")
    #expect(folder.status != 0 && folder.errors.contains("--tuning"), "\(folder.errors)")
  }
}
