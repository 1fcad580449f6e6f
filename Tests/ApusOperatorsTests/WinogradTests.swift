import Apus
import ApusOperators
import TestSupport
import Testing

@Suite struct WinogradTests {
  @Test(arguments: try ReferenceCase.load("winograd.jsonl"))
  func agreesWithInterpolation(_ reference: ReferenceCase) throws {
    #expect(try reference.mismatches() == [])
  }

  /// Transforms, a product for each point, and the transform back are the convolution, in rational numbers; in doubles
  /// but for rounding.
  @Test(arguments: [2, 4, 6]) func isTheConvolution(_ tile: Int) throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f64, [2, 9, 8, 3])
    let w = try builder.parameter("w", .f64, [3, 3, 3, 4])
    let direct = try x.convolution(w, padding: .same)
    let points = try x.winogradTransform(.data, tile: tile, padding: .same)
      .matmul(w.winogradTransform(.filter, tile: tile))
    let y = try points.winogradTranspose(.result, shape: direct.shape, tile: tile)
    let graph = try builder.build([direct, y])
    let results = try Interpreter(graph).run(
      [samples([2, 9, 8, 3]), samples([3, 3, 3, 4], stream: 1)], variables: [])
    for (a, b) in zip(results.outputs[0].doubles(), results.outputs[1].doubles()) {
      #expect(abs(a - b) <= 1e-12 * max(1, abs(a)))
    }
  }

  @Test func gradients() throws {
    try expectGradients([samples([1, 5, 3, 2])]) { _, p in
      try p[0].winogradTransform(.data, tile: 2, padding: .same).tanh()
    }
    try expectGradients([samples([3, 3, 2, 1])]) { _, p in try p[0].winogradTransform(.filter).tanh() }
    try expectGradients([samples([36, 1, 2, 1])]) { _, p in
      try p[0].winogradTranspose(.result, shape: [1, 5, 3, 1]).tanh()
    }
    try expectGradients([samples([16, 1, 6, 1])]) { _, p in
      try p[0].winogradTranspose(.data, shape: [1, 5, 3, 1], tile: 2, padding: .same).tanh()
    }
  }

  @Test func refusals() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [1, 5, 5, 4])
    let line = try builder.parameter("l", .f32, [5, 5, 4])
    let small = try builder.parameter("s", .f32, [1, 2, 1, 1])
    let v = try builder.parameter("v", .f32, [36, 1, 1, 4])
    expectError("tile must be 2, 4 or 6, not 3") { try x.winogradTransform(.data, tile: 3) }
    expectError("only data has padding, not a filter") { try x.winogradTransform(.filter, padding: .same) }
    expectError("takes tensors of four axes, not [5, 5, 4]") { try line.winogradTransform(.data) }
    expectError("the filter must be [3, 3, in, out]") { try x.winogradTransform(.filter) }
    expectError("the kernel is larger than the padded input") { try small.winogradTransform(.data) }
    expectError("the tiles of [1, 5, 5, 4] have shape [36, 1, 4, 4]") {
      try v.winogradTranspose(.result, shape: [1, 5, 5, 4])
    }
  }
}
