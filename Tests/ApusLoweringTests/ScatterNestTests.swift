import Apus
import ApusCore
import ApusNative
import ApusOperators
import TestSupport
import Testing

@testable import ApusLowering

/// Gradients of pools whose windows lie side by side, with what follows on them in the same kernel.
@Suite struct ScatterNestTests {
  /// A pool's gradient, cut off where x is not above 0, and two sums with it.
  static func text(_ shape: String, window: String, kind: String, dtype: String, options: String = "") throws -> String
  {
    let windows = try #require(
      Graph.parse(
        "graph @pool(%x: \(dtype)\(shape)) {\n  %y = reduce_window_max(%x, window: \(window), strides: \(window)"
          + "\(options))\n  return %y\n}\n"
      ).first
    ).outputTypes[0].shape
    return """
      graph @gradient(%x: \(dtype)\(shape), %g: \(dtype)\(windows), %a: \(dtype)\(shape)) {
        %zero: \(dtype) = constant(0)
        %s = window_scatter(%x, %g, window: \(window), strides: \(window), kind: \(kind)\(options))
        %p = greater(%x, %zero)
        %y = select(%p, %s, %zero)
        %z = add(%y, %a)
        return %y, %z
      }
      """
  }

  /// Windows that cover everything, that leave a row, a column or both; channels of less than a vector, and of more.
  @Test(arguments: [
    "[2, 6, 8, 8]: [2, 2]", "[2, 7, 8, 8]: [2, 2]", "[2, 6, 9, 3]: [2, 2]", "[3, 7, 9, 19]: [2, 2]",
    "[1, 11, 10, 17]: [3, 3]", "[1, 9, 9, 16]: [3, 3]", "[2, 3, 2, 40]: [2, 2]", "[2, 13, 5]: [2]", "[2, 14, 5]: [9]",
    "[1, 5, 7, 3, 9]: [2, 2, 2]", "[1, 4, 6, 1]: [1, 3]", "[1, 1, 1, 1]: [1, 1]", "[0, 4, 4, 3]: [2, 2]",
    "[2, 4, 4, 0]: [2, 2]", "[2, 40, 41, 33]: [2, 2]",
  ])
  func everyElementOnce(_ words: String) throws {
    let parts = words.split(separator: ": ").map(String.init)
    for (kind, dtype) in [("max", "f32"), ("min", "f64"), ("max", "i32"), ("min", "i8")] {
      try expectSameWindows(
        Self.text(parts[0], window: parts[1], kind: kind, dtype: dtype), rarity: 10, others: 10)
    }
  }

  /// What is no head keeps its own lowering: windows in the padding, and windows of ten elements.
  @Test(arguments: [("[2, 5, 5, 3]", "[2, 2]", ", padding: same"), ("[2, 11, 3]", "[10]", "")])
  func otherWindows(_ shape: String, _ window: String, _ options: String) throws {
    let text = try Self.text(shape, window: window, kind: "max", dtype: "f32", options: options)
    let graph = try Graph.parse(text)[0]
    let scatter = try #require(graph.nodes.first { $0.op is WindowScatter })
    #expect(!scatter.headsNest(graph))
    try expectSameWindows(text, rarity: 10, others: 10)
  }

  /// All of it is one kernel, which writes where x was, if nothing else reads that.
  @Test func takesThePlaceOfX() throws {
    let graph = try Graph.parse(
      """
      graph @gradient(%c: f32[2, 8, 8, 3], %w: f32[1, 1, 3, 16], %g: f32[2, 4, 4, 16]) {
        %sum = convolution(%c, %w)
        %x = relu(%sum)
        %s = window_scatter(%x, %g, window: [2, 2], strides: [2, 2])
        %zero: f32 = constant(0)
        %p = greater(%x, %zero)
        %y = select(%p, %s, %zero)
        %z = reverse(%y, axes: [1])
        return %z
      }
      """)[0]
    let backend = NativeBackend(workers: 1, verifies: true)
    let plan = try backend.plan(backend.optimized(graph))
    let names = plan.program.kernels.map(\.name).filter { $0.hasPrefix("window_scatter") }
    #expect(names == ["window_scatter_greater_select"])
    // x, and nothing else, is in the arena.
    #expect(plan.program.arenaByteCount == 2 * 8 * 8 * 16 * 4)
  }
}
