import Apus
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import TestSupport
import Testing

/// Copies between orders of axes, and products whose rows are taps: the interpreter moves and adds the same.
@Suite struct TransposingCopyTests {
  /// A transposed tensor joined with another is copied, for a concatenation is row-major.
  static let copies: [(DType, [Int], [Int])] = [
    (.f32, [16, 16], [1, 0]), (.f32, [17, 33], [1, 0]), (.f64, [5, 40], [1, 0]), (.i64, [130, 70], [1, 0]),
    (.u8, [100, 99], [1, 0]), (.bool, [4, 19], [1, 0]), (.f32, [3, 21, 18], [0, 2, 1]), (.f32, [7, 3, 50], [2, 0, 1]),
    // Squares in registers: whole ones, with half of their rows, with fewer, and what is left along them.
    (.f32, [32, 48], [1, 0]), (.i32, [24, 40], [1, 0]), (.f32, [23, 40], [1, 0]), (.f32, [28, 33], [1, 0]),
    (.f64, [12, 20], [1, 0]), (.f64, [11, 31], [1, 0]), (.i64, [2, 13, 24], [0, 2, 1]),
    (.f32, [3, 40], [1, 0]), (.f32, [40, 3], [1, 0]), (.f32, [1, 9], [1, 0]), (.f32, [0, 9], [1, 0]),
  ]

  /// Short rows that stay rows, some in a unit, and the last unit with fewer: of a vector, of parts of one, of lines, and
  /// of more than a unit has.
  static let rows: [(DType, [Int], [Int])] = {
    let floats = [1, 2, 3, 6, 8, 14, 16, 31, 64, 65].map { (DType.f32, [40, 61, $0]) }
    let others: [(DType, [Int])] = [
      (.f64, [33, 70, 3]), (.f64, [33, 70, 16]), (.f64, [33, 70, 33]), (.u8, [33, 70, 7]), (.u8, [33, 70, 24]),
      (.u8, [33, 70, 256]), (.u8, [33, 70, 257]), (.bool, [33, 70, 13]), (.f16, [33, 70, 9]), (.i64, [33, 70, 5]),
      (.f32, [200, 1000, 6]), (.f32, [2, 1000, 16]), (.f32, [1000, 2, 16]), (.f32, [4, 0, 16]),
    ]
    let deeper: [(DType, [Int], [Int])] = [
      (.f32, [3, 9, 50, 16], [0, 2, 1, 3]), (.f32, [5, 30, 20, 6], [2, 1, 0, 3]),
    ]
    return (floats + others).map { ($0.0, $0.1, [1, 0, 2]) } + deeper
  }()

  static func check(_ graph: Graph, tolerance: Double?) throws {
    let inputs = RandomInputs(seed: 5)
    let feeds = try graph.parameters.map { try inputs.tensor(graph.name(of: $0) ?? "", graph.type(of: $0)) }
    let expected = try InterpreterBackend().prepare(graph).run(feeds, variables: []).outputs
    for (workers, processor) in [(1, "native"), (2, "native"), (2, "x86-64-v3")] {
      let backend = NativeBackend(workers: workers, target: try .named(processor), verifies: true)
      for (a, b) in zip(try backend.compile(graph).run(feeds, variables: []).outputs, expected) {
        #expect(TensorComparison.firstDifference(b, a, tolerance: tolerance) == nil, "\(graph)")
      }
    }
  }

  @Test(arguments: copies) func movesEveryElement(_ dtype: DType, _ dimensions: [Int], _ order: [Int]) throws {
    let builder = GraphBuilder("copy")
    let x = try builder.parameter("x", dtype, Shape(dimensions.map { .number($0) }))
    let turned = try x.transposed(order)
    try Self.check(builder.build([concatenate([turned, turned], axis: 0)]), tolerance: nil)
  }

  @Test(arguments: rows) func shortRowsMove(_ dtype: DType, _ dimensions: [Int], _ order: [Int]) throws {
    try movesEveryElement(dtype, dimensions, order)
    guard dimensions.reduce(1, *) <= 1 << 18 else { return }
    // The form for AVX-512, which leaves out lanes, on any machine.
    let builder = GraphBuilder("copy")
    let turned = try builder.parameter("x", dtype, Shape(dimensions.map { .number($0) })).transposed(order)
    let graph = try builder.build([concatenate([turned, turned], axis: 0)])
    let feeds = [try RandomInputs(seed: 5).tensor("x", graph.type(of: graph.parameters[0]))]
    let kernels = KernelInterpreterBackend(NativeBackend(target: try .named("x86-64-v4")))
    let expected = try InterpreterBackend().prepare(graph).run(feeds, variables: []).outputs[0]
    let moved = try kernels.compile(graph).run(feeds, variables: []).outputs[0]
    #expect(TensorComparison.firstDifference(moved, expected, tolerance: nil) == nil)
  }

  /// Rows that are apart in the result, or in both.
  @Test(arguments: [1, 6, 16, 33]) func shortRowsSideBySide(_ width: Int) throws {
    let builder = GraphBuilder("rows")
    let x = try builder.parameter("x", .f32, [300, .number(width)])
    let y = try builder.parameter("y", .f32, [300, .number(width + 3)])
    let part = try y.sliced(starts: [0, 2], limits: [300, width + 2])
    try Self.check(builder.build([concatenate([x, part, x], axis: 1)]), tolerance: nil)
  }

  /// The gradient of a kernel that sees one channel, over few and over so many places that panels leave the cache.
  @Test(arguments: [(2, 9), (3, 64)]) func tapsAreRows(_ images: Int, _ side: Int) throws {
    let text = """
      graph @taps(%x: f32[\(images), \(side), \(side), 1], %g: f32[\(images), \(side - 2), \(side - 2), 20]) {
        %1: f32[3, 3, 1, 20] = convolution_filter_gradient(%x, %g, shape: [3, 3, 1, 20])
        return %1
      }

      """
    try Self.check(try #require(try Graph.parse(text).first), tolerance: 1e-4)
  }
}
