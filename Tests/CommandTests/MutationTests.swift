import Apus
import Foundation
import TestSupport
import Testing

/// Damaged graph files through `apus dump`: it may accept or refuse them, but never crash, hang, or refuse without
/// saying where.
@Suite struct MutationTests {
  static let sources = Repository.files(below: "Graphs", ending: ".graph")

  /// Whether a refusal begins with a place in the text.
  private func hasLocation(_ message: String) -> Bool {
    message.contains(#/^[^\n:]+:\d+:\d+: error: /#)
  }

  @Test func damagedFilesAreRefusedWithAPlace() async throws {
    let seeds = try Self.sources.map { try Repository.text($0) }
    var generator = MutationGenerator(seeds: seeds, seed: 2)
    let files = (0..<2_000).map { _ in generator.next() }
    let verdicts = try await withThrowingTaskGroup(of: (accepted: Int, refused: Int).self) { group in
      let lanes = 2
      for lane in 0..<lanes {
        group.addTask {
          var counts = (accepted: 0, refused: 0)
          for index in stride(from: lane, to: files.count, by: lanes) {
            let result = try runProgram(arguments: ["dump", "-"], input: files[index], limit: 20)
            let shown = String(decoding: files[index], as: UTF8.self)
            #expect(!result.wasSignalled, "crash or hang on:\n\(shown)")
            #expect(result.status == 0 || result.status == 1, "status \(result.status) on:\n\(shown)\n\(result.errors)")
            if result.status == 0 {
              counts.accepted += 1
            } else {
              counts.refused += 1
              #expect(hasLocation(result.errors), "no place in: \(result.errors)\non:\n\(shown)")
            }
          }
          return counts
        }
      }
      return try await group.reduce(into: (accepted: 0, refused: 0)) {
        $0 = ($0.accepted + $1.accepted, $0.refused + $1.refused)
      }
    }
    // A generator that damages nothing, or everything beyond recognition, would test little.
    #expect(verdicts.accepted > 20 && verdicts.refused > 200, "\(verdicts)")
  }

  /// The same in process and in greater number: what is accepted prints and parses to the same graph.
  @Test func whatIsAcceptedRoundTrips() throws {
    let seeds = try Self.sources.map { try Repository.text($0) }
    var generator = MutationGenerator(seeds: seeds, seed: 3)
    for _ in 0..<1_000 {
      let text = String(decoding: generator.next(), as: UTF8.self)
      guard let graphs = try? Graph.parse(text) else { continue }
      let printed = graphs.map(\.description).joined()
      #expect(try Graph.parse(printed) == graphs, "\(printed)")
    }
  }
}
