import Apus
import ApusNative
import TestSupport
import Testing

/// Products whose second operand is so large that it comes from memory: read in order, or in panels made for it.
@Suite struct LargeProductTests {
  private static func floats(_ dimensions: [Int], stream: UInt64) throws -> Tensor {
    try Tensor(samples(dimensions, stream: stream).doubles().map { Float($0) }, dimensions)
  }

  /// One row times 18 MB, with all that may follow; columns that fill no vector.
  @Test(arguments: [4000, 3995]) func aRowTimesALargeMatrix(_ columns: Int) throws {
    let builder = GraphBuilder("row")
    let x = try builder.parameter("x", .f32, [1, 1103])
    let w = try builder.variable("w", .f32, Shape([1103, columns]), .zeros)
    let b = try builder.variable("b", .f32, Shape([columns]), .zeros)
    let graph = try builder.build([(x.matmul(w) + b).relu()])
    let feeds = [try Self.floats([1, 1103], stream: 1)]
    let variables = [try Self.floats([1103, columns], stream: 2), try Self.floats([columns], stream: 3)]
    let plan = try NativeBackend(workers: 2).plan(NativeBackend(workers: 2).optimized(graph))
    #expect(plan.program.kernels.contains { $0.name.hasSuffix("_rows") })
    let results = try [1, 2, 3].map { workers in
      try NativeBackend(workers: workers, verifies: true).compile(graph).run(feeds, variables: variables).outputs[0]
    }
    #expect(results[0] == results[1] && results[0] == results[2])
    let expected = try InterpreterBackend().prepare(graph).run(feeds, variables: variables).outputs[0]
    #expect(TensorComparison.firstDifference(expected, results[0]) == nil)
  }

  /// Operands of which neither stays in the second cache: k is cut into parts, of which the last is shorter, and the panels'
  /// last is narrower. Elements are small integers, so that sums are exact in any order.
  @Test(arguments: [(160, 161, 4099), (131, 200, 9001)]) func longProductsInParts(_ rows: Int, _ columns: Int, _ k: Int)
    throws
  {
    let a = (0..<rows * k).map { Float(($0 * 7 + $0 / k) % 5 - 2) }
    let b = (0..<k * columns).map { Float(($0 * 11 + $0 / columns) % 7 - 3) }
    let builder = GraphBuilder("parts")
    let x = try builder.parameter("x", .f32, Shape([rows, k]))
    let y = try builder.parameter("y", .f32, Shape([k, columns]))
    let graph = try builder.build([x.matmul(y)])
    let results = try NativeBackend(workers: 2, verifies: true).compile(graph)
      .run([Tensor(a, [rows, k]), Tensor(b, [k, columns])], variables: []).outputs[0].doubles()
    // Some of the elements, at all edges of tiles and panels.
    for (i, j) in sampled(rows, columns) {
      let expected = (0..<k).reduce(0) { $0 + Double(a[i * k + $1] * b[$1 * columns + j]) }
      #expect(results[i * columns + j] == expected, "\(i), \(j)")
    }
  }

  private func sampled(_ rows: Int, _ columns: Int) -> [(Int, Int)] {
    [0, 1, 13, 14, rows / 2, rows - 1].flatMap { i in
      [0, 31, 32, columns / 2, columns - 33, columns - 1].map { (i, $0) }
    }
  }

  /// Filters go into panels of which the last is narrower, once for blocks of several sizes.
  @Test(arguments: [272, 256]) func filtersInPanels(_ filters: Int) throws {
    let builder = GraphBuilder("panels")
    let x = try builder.parameter("x", .f32, [1, 20, 20, 256])
    let w = try builder.variable("w", .f32, Shape([3, 3, 256, filters]), .zeros)
    let graph = try builder.build([x.convolution(w, padding: .same)])
    let feeds = [try Self.floats([1, 20, 20, 256], stream: 1)]
    let variables = [try Self.floats([3, 3, 256, filters], stream: 2)]
    var backend = NativeBackend(workers: 2, verifies: true)
    backend.winogradTile = 4
    let preparation = try #require(try backend.plan(backend.optimized(graph)).preparation)
    #expect(preparation.buffers.contains { $0.name.contains("in panels of") && $0.lifetime != nil })
    let result = try backend.compile(graph).run(feeds, variables: variables).outputs[0]
    let expected = try InterpreterBackend().prepare(graph).run(feeds, variables: variables).outputs[0]
    #expect(TensorComparison.firstDifference(expected, result, tolerance: 1e-4) == nil)
  }

  /// So many blocks of rows that the next panel is fetched slowly, and one more than that; a matrix from memory.
  @Test(arguments: [96, 97, 120, 192, 208]) func productsThatFetchPanels(_ rows: Int) throws {
    let builder = GraphBuilder("panels")
    let x = try builder.parameter("x", .f32, [.number(rows), 520])
    let w = try builder.variable("w", .f32, [520, 530], .glorotUniform)
    let graph = try builder.build([x.matmul(w)])
    let feeds = [try Self.floats([rows, 520], stream: 1)]
    let variables = [try Self.floats([520, 530], stream: 2)]
    let expected = try InterpreterBackend().prepare(graph).run(feeds, variables: variables).outputs[0]
    let found = try NativeBackend(workers: 2, verifies: true).compile(graph).run(feeds, variables: variables).outputs[0]
    #expect(TensorComparison.firstDifference(expected, found, tolerance: 1e-4) == nil)
  }
}
