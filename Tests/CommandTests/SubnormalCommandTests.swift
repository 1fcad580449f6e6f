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

  /// A run of a graph that updates a variable: what is returned is the half of the least normal number.
  @Test(arguments: [("keep", "5.87"), ("flush", "0]"), ("auto", "0]")])
  func runsFollow(_ choice: String, _ start: String) throws {
    _ = try folder.write(
      """
      graph @half() {
        %v: f32[1] = variable(fill(value: 1.1754943508222875e-38))
        %c: f32 = constant(0.5)
        %y = multiply(%v, %c)
        update %v = %y
        return %y
      }
      """, as: "half.graph")
    let result = try runProgram(
      arguments: ["run", "half.graph", "--backend", "native", "--subnormals", choice],
      in: URL(fileURLWithPath: folder.path))
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("[\(start)"), "\(result.output)")
  }

  @Test func otherWordsAreRefused() throws {
    for command in [["bench"], ["run"], ["dump"], ["compile", "--output", "out"]] {
      let bad = try runProgram(
        arguments: [command[0], "model.graph", "--subnormals", "zero"] + command.dropFirst(),
        in: URL(fileURLWithPath: folder.path))
      #expect(bad.status != 0)
      #expect(bad.errors.contains("'zero'") && bad.errors.contains("keep"), "\(bad.errors)")
    }
  }
}
