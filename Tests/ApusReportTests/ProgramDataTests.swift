import Apus
import ApusReport
import Foundation
import TestSupport
import Testing

/// What a page says of programs: launches and the nodes that they compute, roofs.
@Suite struct ProgramDataTests {
  private static func report(
    _ text: String, level: OptimizationLevel = .none, seconds: Double? = nil
  ) throws -> Report {
    var builder = ReportBuilder(compilation: Compilation(backend: NativeBackend(), passes: .level(level)))
    builder.draws = false
    builder.profileSeconds = seconds
    return try builder.report(of: Graph.parse(text, file: "test.graph")[0])
  }

  /// A branch has values of the names that are outside, too: its launches belong to its own nodes.
  @Test func launchesInBranchesBelongToThem() throws {
    let report = try Self.report(
      """
      graph @branch(%flag: bool, %x: f32[4]) {
        %2 = exp(%x)
        %3 = if(%flag, %2, %x) { (%a: f32[4], %b: f32[4]) in
          %2 = exp(%a)
          return %2
        } { (%a: f32[4], %b: f32[4]) in
          %2 = sqrt(%b)
          return %2
        }
        %4 = exp(%3)
        return %4
      }
      """)
    let nodes = report.programs[0].launches.filter { $0.origin.contains("exp") || $0.origin.contains("sqrt") }
      .map { "\($0.origin) \($0.node ?? "")" }
    #expect(nodes == ["%2 = exp 2", "%2 = exp 3.0.2", "%2 = sqrt 3.1.2", "%4 = exp 4"])
  }

  /// Loops count as before, and a branch that has ended does not.
  @Test func launchesAfterABranchAreOutside() throws {
    let report = try Self.report(
      """
      graph @after(%flag: bool, %x: f32[4]) {
        %y = if(%flag, %x) { (%a: f32[4]) in
          %z = exp(%a)
          return %z
        } { (%a: f32[4]) in
          %z = sqrt(%a)
          return %z
        }
        %z = exp(%y)
        return %z
      }
      """)
    let nodes = report.programs[0].launches.filter { $0.origin.hasPrefix("%z") }.map { $0.node ?? "" }
    #expect(nodes == ["2.0.1", "2.1.1", "3"])
  }

  /// Double precision has a roof of its own.
  @Test(.enabled(if: NativeBackend.isAvailable), arguments: ["f32", "f64"]) func roofsAreThoseOfTheType(_ dtype: String)
    throws
  {
    let report = try Self.report(
      "graph @g(%x: \(dtype)[64, 64], %w: \(dtype)[64, 64]) {\n  %y = matmul(%x, %w)\n  return %y\n}", seconds: 0.02)
    let roof = try #require(report.roof)
    // Half, but measured on a machine that others use, too.
    #expect(roof.gigaflopsDouble > 0 && roof.gigaflopsDouble != roof.gigaflops)
    let program = report.programs[0]
    #expect(!program.kernels.isEmpty && program.kernels.allSatisfy { $0.isDouble == (dtype == "f64") })
    let product = try #require(program.launches.first { $0.origin.contains("matmul") })
    let seconds = try #require(product.seconds)
    let peak = (dtype == "f64" ? roof.gigaflopsDouble : roof.gigaflops) * 1e9 * Double(roof.workers)
    // Of two bounds the larger one: never less than arithmetic's.
    #expect(try #require(product.roofShare) >= Double(product.flops) / seconds / peak * 0.999)
  }

  /// A bar for each step, and no step that holds more than the arena.
  @Test func memoryOverTimeIsThatOfTheBuffers() throws {
    let (graph, file) = try ReportTests.model("cnn")
    let report = try ReportTests.builder(file).report(of: graph.bound(to: .inference).specialized(["batch": 2]))
    for program in report.programs where program.arenaBytes > 0 {
      for (step, bytes) in program.liveBytes.enumerated() {
        let live = program.buffers.filter { buffer in
          buffer.offset != nil && (buffer.first ?? .max) <= step && (buffer.last ?? -1) >= step
        }
        let spans = live.map { ($0.offset ?? 0)..<(($0.offset ?? 0) + $0.bytes) }
        let covered = Set(spans.flatMap { span in span.lowerBound / 64..<(span.upperBound + 63) / 64 }).count * 64
        #expect(bytes <= covered && bytes > covered - 64 * live.count - 1, "step \(step): \(bytes), \(covered)")
      }
    }
  }
}
