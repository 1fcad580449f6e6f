import Apus
import Foundation
import TestSupport
import Testing

/// `--subnormals`, of commands that run native code and of those that show it.
@Suite(.enabled(if: NativeBackend.isAvailable)) struct SubnormalCommandTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    _ = try folder.write(
      """
      graph @model(%x: f32[batch, 4]) {
        %w: f32[4, 2] = variable(glorot_uniform)
        %1 = matmul(%x, %w)
        return %1
      }
      """, as: "model.graph")
  }

  @Test(arguments: [
    (["--training"], true), (["--training", "--subnormals", "keep"], false), ([], false),
    (["--subnormals", "flush"], true),
  ])
  func plansSayIt(_ arguments: [String], _ flushes: Bool) throws {
    let plan = try runProgram(
      arguments: ["dump", "model.graph", "--bind", "batch=2", "--stage", "plan"] + arguments,
      in: URL(fileURLWithPath: folder.path))
    #expect(plan.status == 0, "\(plan.errors)")
    #expect(plan.output.contains("flushes subnormals") == flushes)
  }

  @Test func otherWordsAreRefused() throws {
    for command in [["bench"], ["dump"], ["compile", "--output", "out"]] {
      let bad = try runProgram(
        arguments: [command[0], "model.graph", "--subnormals", "zero"] + command.dropFirst(),
        in: URL(fileURLWithPath: folder.path))
      #expect(bad.status != 0)
      #expect(bad.errors.contains("'zero'") && bad.errors.contains("keep"), "\(bad.errors)")
    }
  }
}
