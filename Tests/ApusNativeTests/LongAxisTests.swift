import Apus
import ApusNative
import ApusPlanning
import TestSupport
import Testing

/// Axes of more elements than a table of their positions could have.
@Suite struct LongAxisTests {
  private static let interpreter = InterpreterBackend()

  /// One 1 among zeros: its position, by each level. With 1 at −1 there is none, and the first 0 is the largest.
  @Test(arguments: [(1000, 999), (1 << 16, 77), (1 << 24, 12_345_678), ((1 << 24) + 5, (1 << 24) + 3), (1 << 24, -1)])
  func positionsOfExtrema(_ size: Int, _ position: Int) throws {
    let builder = GraphBuilder("argument")
    let x = try builder.iota(.i32, [2, .number(size)], axis: 1)
      .equal(builder.parameter("position", .i32, [])).cast(to: .f32)
    let columns = try x.transposed([1, 0])
    let graph = try builder.build([
      try x.argMax(axis: 1), try (-x).argMin(axis: 1, keepDims: true), try columns.argMax(axis: 0),
    ])
    let feeds = [try Tensor([Int32(position)], [])]
    for level in OptimizationLevel.allCases where size < 1 << 20 || level != .none {
      let outputs = try NativeBackend(workers: 2).compile(graph, passes: .level(level)).run(feeds, variables: [])
        .outputs
      for output in outputs {
        #expect(output.doubles().allSatisfy { $0 == Double(max(0, position)) }, "\(size), \(level.name)")
      }
    }
    if size < 1 << 20 {
      let outputs = try Self.interpreter.prepare(graph).run(feeds, variables: []).outputs
      #expect(outputs.allSatisfy { $0.doubles().allSatisfy { $0 == Double(max(0, position)) } })
    }
  }

  /// NaN wins, the first of several, also beyond what a constant holds.
  @Test func theFirstNaNWins() throws {
    let builder = GraphBuilder("nan")
    let size = 300_000
    let i = try builder.iota(.i32, [.number(size)])
    let x = try i.greater(builder.constant(200_000, .i32)).select(builder.constant(.nan), i.cast(to: .f32))
    let graph = try builder.build([try x.argMax(), try x.argMin()])
    for level in OptimizationLevel.allCases {
      let outputs = try NativeBackend(workers: 2).compile(graph, passes: .level(level)).run([], variables: []).outputs
      #expect(outputs.map { $0.doubles()[0] } == [200_001, 200_001])
    }
  }

  /// No constant, and no buffer of positions: what a plan holds is a few times the operand.
  @Test(arguments: [1 << 24, (1 << 31) - 1]) func memoryIsThatOfTheOperand(_ size: Int) throws {
    let builder = GraphBuilder("memory")
    let x = try builder.parameter("x", .u8, [.number(size)])
    let backend = NativeBackend(workers: 2)
    for graph in try [builder.build([x.argMax()]), builder.build([x.argMin()])] {
      for level in OptimizationLevel.allCases {
        let program = try backend.plan(backend.optimized(graph, passes: .level(level))).program
        let constants = program.buffers.reduce(0) { sum, buffer in
          if case .constant(let value) = buffer.place { sum + value.byteCount } else { sum }
        }
        #expect(constants < 1000)
        // Positions are 4 bytes. Without fusion there are truth values, positions, and the chosen ones.
        let isFused = level == .standard || level == .aggressive
        #expect(program.arenaByteCount <= (isFused ? 4 : 11) * size + 4096)
      }
    }
  }

  /// Classes far apart, and none: an axis of any length costs nothing if the result is empty.
  @Test func oneHot() throws {
    let builder = GraphBuilder("classes")
    let labels = try builder.parameter("labels", .i64, [3])
    let none = try builder.parameter("none", .i64, [0, 2])
    let depth = 1 << 22
    let graph = try builder.build([
      try labels.oneHot(depth: depth, dtype: .u8).argMax(), try none.oneHot(depth: Int(Int32.max)),
    ])
    let feeds = try [
      Tensor([Int64(depth - 1), 0, 12_345], [3]), Tensor([Int64](), [0, 2]),
    ]
    for level in OptimizationLevel.allCases {
      let outputs = try NativeBackend(workers: 2, verifies: true).compile(graph, passes: .level(level))
        .run(feeds, variables: []).outputs
      #expect(outputs[0].doubles() == [Double(depth - 1), 0, 12_345], "\(level.name)")
      #expect(outputs[1].dimensions == [0, 2, Int(Int32.max)])
    }
    let empty = GraphBuilder("empty")
    let result = try empty.build([try empty.parameter("none", .i64, [0, 2]).oneHot(depth: Int(Int32.max))])
    let outputs = try Self.interpreter.prepare(result).run([feeds[1]], variables: []).outputs
    #expect(outputs[0].dimensions == [0, 2, Int(Int32.max)])
  }

  /// Positions in a nest are those that the interpreter counts: of any type, axis and stride, in rows and columns.
  @Test(arguments: [DType.i32, .i64, .u8, .i8, .f32, .f64]) func positionsInNests(_ dtype: DType) throws {
    let builder = GraphBuilder("positions")
    let x = try builder.parameter("x", dtype, [3, 5, 70])
    var outputs: [Value] = []
    for axis in 0..<3 {
      let i = try builder.iota(dtype, [3, 5, 70], axis: axis)
      let y = try x + i
      outputs += [y, try y.sum(axes: [axis]), try (y * i).sum(axes: [0, 2]), try y.max(axes: [2], keepDims: true) + i]
    }
    // A row of positions that is read as broadcast, and as what the reductions leave.
    let row = try builder.iota(dtype, [70])
    outputs += [
      try x * row, try (x + row).sum(axes: [0, 1]) - row, try x.sum(axes: [2]) + builder.iota(dtype, [3, 5], axis: 1),
    ]
    let graph = try builder.build(outputs)
    let feeds = [try RandomInputs(seed: 3).tensor("x", graph.type(of: graph.parameters[0]))]
    let expected = try Self.interpreter.prepare(graph).run(feeds, variables: []).outputs
    for level in OptimizationLevel.allCases {
      let actual = try NativeBackend(workers: 2, verifies: true).compile(graph, passes: .level(level))
        .run(feeds, variables: []).outputs
      for (position, pair) in zip(expected, actual).enumerated() {
        let difference = TensorComparison.firstDifference(pair.0, pair.1)
        #expect(difference == nil, "result \(position) at \(level.name)")
      }
    }
    let fused = try NativeBackend(workers: 2).optimized(graph)
    #expect(!fused.nodes.contains { $0.op.name == "iota" }, "all positions are computed in nests")
  }

  /// Orders of long lines.
  @Test func sortingLongLines() throws {
    let size = 1 << 18
    let builder = GraphBuilder("sort")
    let i = try builder.iota(.i64, [.number(size)])
    // A permutation: an odd factor, modulo a power of two.
    let x = try (i * builder.constant(40_503, .i64)).remainder(builder.constant(Double(size), .i64))
    let graph = try builder.build([
      try x.sorted().equal(i).all(),
      try x.sorted(descending: true).equal(builder.constant(Double(size - 1), .i64) - i).all(),
      try x.takeAlongAxis(x.argSort(), axis: 0).equal(i).all(),
    ])
    let outputs = try NativeBackend(workers: 2).compile(graph).run([], variables: []).outputs
    #expect(outputs.allSatisfy { $0.doubles() == [1] })
  }
}
