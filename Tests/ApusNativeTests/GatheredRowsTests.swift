import Apus
import ApusNative
import TestSupport
import Testing

/// Gathering and scattering whole rows: vectors and what is left of them, every type, strided operands, repeated and
/// negative indices. The interpreter moves and adds the same, to the bit.
@Suite struct GatheredRowsTests {
  /// Sizes after the indexed axis, on both sides of a vector of `f32` and of a unit of four.
  static let widths = [1, 3, 15, 16, 17, 63, 64, 65, 100, 130]

  private func check(_ graph: Graph, _ feeds: [Tensor]) throws {
    let expected = try InterpreterBackend().prepare(graph).run(feeds, variables: []).outputs
    var first: [Tensor]?
    for workers in 1...3 {
      let backend = NativeBackend(workers: workers, verifies: true)
      let results = try backend.compile(graph).run(feeds, variables: []).outputs
      #expect(results == first ?? results, "\(workers) workers: \(graph)")
      first = results
      for (a, b) in zip(results, expected) {
        #expect(TensorComparison.firstDifference(b, a, tolerance: nil) == nil, "\(graph)")
      }
    }
  }

  private func feeds(_ graph: Graph, indices: [Int32], _ shape: [Int]) throws -> [Tensor] {
    try graph.parameters.map { id in
      if graph.name(of: id) == "i" { return try Tensor(indices, shape) }
      return try RandomInputs(seed: 3, kind: .wide).tensor(graph.name(of: id) ?? "", graph.type(of: id))
    }
  }

  @Test(arguments: widths) func rowsOfEveryWidth(_ width: Int) throws {
    for dtype in [DType.f32, .f64, .i8, .u8, .i64] {
      let builder = GraphBuilder("rows")
      let x = try builder.parameter("x", dtype, [5, .number(width)])
      let i = try builder.parameter("i", .i32, [2, 4])
      let g = try builder.parameter("g", dtype, [2, 4, .number(width)])
      let graph = try builder.build([x.gather(i), x.scatterAdd(i, g)])
      try check(graph, feeds(graph, indices: [0, 4, 4, -1, 2, 0, 4, -5], [2, 4]))
    }
  }

  /// Elements that are only moved, of several widths: short ones fill a vector with more of them.
  @Test(arguments: [DType.bool, .bf16, .f16, .i32]) func elementsAreOnlyMoved(_ dtype: DType) throws {
    for width in [63, 64, 65, 200] {
      let builder = GraphBuilder("moved")
      let i = try builder.parameter("i", .i32, [3])
      let graph = try builder.build([builder.parameter("x", dtype, [4, .number(width)]).gather(i)])
      try check(graph, feeds(graph, indices: [3, 0, 3], [3]))
    }
  }

  /// An axis in the middle, rows of several axes, one index, and operands whose rows do not lie in order.
  @Test func otherAxesAndOrders() throws {
    func graph(_ body: (GraphBuilder) throws -> [Value]) throws -> Graph {
      let builder = GraphBuilder("orders")
      return try builder.build(body(builder))
    }
    let middle = try graph { b in
      let (x, i) = (try b.parameter("x", .f32, [3, 4, 2, 33]), try b.parameter("i", .i32, [5]))
      return [try x.gather(i, axis: 1), try x.scatterAdd(i, b.parameter("g", .f32, [3, 5, 2, 33]), axis: 1)]
    }
    try check(middle, feeds(middle, indices: [3, 1, 1, -4, 3], [5]))
    let one = try graph { b in
      let (x, i) = (try b.parameter("x", .f32, [4, 40]), try b.parameter("i", .i32, []))
      return [try x.gather(i), try x.scatterAdd(i, b.parameter("g", .f32, [40]))]
    }
    try check(one, feeds(one, indices: [-2], []))
    let turned = try graph { b in
      let i = try b.parameter("i", .i32, [3])
      let x = try b.parameter("x", .f32, [20, 4]).transposed([1, 0])
      let g = try b.parameter("g", .f32, [20, 3]).transposed([1, 0])
      return [try x.gather(i), try x.scatterAdd(i, g)]
    }
    try check(turned, feeds(turned, indices: [2, 2, 0], [3]))
    let parts = try graph { b in
      let i = try b.parameter("i", .i32, [3])
      let x = try b.parameter("x", .f32, [4, 50]).sliced(axis: 1, from: 3, to: 43)
      return [try x.gather(i), try x.scatterAdd(i, b.parameter("g", .f32, [3, 41]).sliced(axis: 1, from: 1, to: 41))]
    }
    try check(parts, feeds(parts, indices: [0, 3, 0], [3]))
    let none = try graph { b in
      let i = try b.parameter("i", .i32, [0])
      let x = try b.parameter("x", .f32, [4, 32])
      return [try x.gather(i), try x.scatterAdd(i, b.parameter("g", .f32, [0, 32]))]
    }
    try check(none, feeds(none, indices: [], [0]))
  }

  @Test(arguments: [5, -6]) func indicesOutOfRangeFail(_ index: Int32) throws {
    let builder = GraphBuilder("outside")
    let x = try builder.parameter("x", .f32, [5, 32])
    let i = try builder.parameter("i", .i32, [2])
    let g = try builder.parameter("g", .f32, [2, 32])
    for result in [try x.gather(i), try x.scatterAdd(i, g)] {
      let graph = try builder.build([result])
      expectError("index \(index) is out of range for axis 0 of size 5") {
        _ = try NativeBackend().compile(graph).run(feeds(graph, indices: [1, index], [2]), variables: [])
      }
    }
  }
}
