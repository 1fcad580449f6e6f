import Apus
import ApusNative
import Foundation
import TestSupport
import Testing

/// Sums of many terms stay as accurate as the operators' records say, in native code of all levels and in the interpreter.
///
/// Right values are closed forms: terms of which there are few kinds, so that errors do not cancel as those of random terms
/// do.
@Suite struct SumAccuracyTests {
  /// Runs a graph in each way that there is.
  /// - Parameters:
  ///   - heavy: whether to leave out the ways that store each term.
  ///   - tolerance: relative.
  private func check(
    _ graph: Graph, _ feeds: [Tensor] = [], gives expected: [Double], tolerance: Double, heavy: Bool = false
  ) throws {
    func compare(_ outputs: [Tensor], _ way: String) {
      for (position, (output, right)) in zip(outputs, expected).enumerated() {
        let worst = output.doubles().map { abs($0 - right) }.max() ?? 0
        #expect(worst <= tolerance * abs(right), "@\(graph.name), result \(position), \(way): off by \(worst / right)")
      }
    }
    for level in heavy ? [OptimizationLevel.standard, .aggressive] : OptimizationLevel.allCases {
      let results = try [1, 3].map { workers in
        try NativeBackend(workers: workers, verifies: !heavy).compile(graph, passes: .level(level))
          .run(feeds, variables: []).outputs
      }
      #expect(results[0] == results[1], "@\(graph.name) by 1 and 3 workers at \(level.name)")
      compare(results[0], "native \(level.name)")
    }
    if !heavy { compare(try InterpreterBackend().prepare(graph).run(feeds, variables: []).outputs, "interpreter") }
  }

  /// A graph whose terms are 0.1 and 0.3 in turn, along the axis before the last, or along the last.
  private func terms(_ name: String, _ dimensions: [Int], along axis: Int, _ body: (Value) throws -> [Value]) throws
    -> Graph
  {
    let builder = GraphBuilder(name)
    let isEven = try builder.iota(.i32, Shape(dimensions), axis: axis).remainder(builder.constant(2, .i32))
      .equal(builder.constant(0, .i32))
    let x = try isEven.select(builder.constant(0.1), builder.constant(0.3))
    return try builder.build(try body(x))
  }

  /// The mean of the terms: those are not 0.1 and 0.3 themselves.
  private static let mean = (Double(Float(0.1)) + Double(Float(0.3))) / 2
  private static let square = (Double(Float(0.1) * Float(0.1)) + Double(Float(0.3) * Float(0.3))) / 2

  @Test(arguments: [1 << 12, 1 << 16, 1 << 20, 1 << 25]) func sums(_ n: Int) throws {
    let isHeavy = n > 1 << 16
    let count = Double(n)
    let whole = try terms("whole", [n], along: 0) { x in
      [try x.sum(), try x.mean(), try (x * x).sum(), try x.l2Norm(), try x.max()]
    }
    let expected = [
      count * Self.mean, Self.mean, count * Self.square, (count * Self.square).squareRoot(), Double(Float(0.3)),
    ]
    try check(whole, gives: expected, tolerance: 1e-6, heavy: isHeavy)
    // Kept axes before and behind, lanes that are folded and kept, tails.
    let rows = try terms("rows", [2, n / 2], along: 1) { [try $0.sum(axes: [1])] }
    try check(rows, gives: [count / 2 * Self.mean], tolerance: 1e-6, heavy: isHeavy)
    let columns = try terms("columns", [n / 16, 16], along: 0) { [try $0.sum(axes: [0]), try $0.mean(axes: [0])] }
    try check(columns, gives: [count / 16 * Self.mean, Self.mean], tolerance: 1e-6, heavy: isHeavy)
    let tail = try terms("tail", [n / 64, 62], along: 1) { [try $0.sum(), try $0.sum(axes: [1])] }
    try check(tail, gives: [count / 64 * 62 * Self.mean, 62 * Self.mean], tolerance: 1e-6, heavy: isHeavy)
    let apart = try terms("apart", [n / 256, 4, 64], along: 2) { [try $0.sum(axes: [0, 2])] }
    try check(apart, gives: [count / 4 * Self.mean], tolerance: 1e-6, heavy: isHeavy)
    let double = try terms("double", [n], along: 0) { [try $0.cast(to: .f64).sum()] }
    try check(double, gives: [count * Self.mean], tolerance: 1e-14, heavy: isHeavy)
  }

  /// The denominators of softmax, which a fusion computes in a sweep of its own.
  @Test func softmaxOfLongRows() throws {
    let n = 1 << 16
    let graph = try terms("softmax", [2, n], along: 1) { x in
      [try x.softmax(axis: 1).max(), try x.logSoftmax(axis: 1).max()]
    }
    let denominator = Double(n) / 2 * (1 + Foundation.exp(Double(Float(0.1) - Float(0.3))))
    try check(graph, gives: [1 / denominator, -Foundation.log(denominator)], tolerance: 2e-6)
  }

  /// 101 + k / 1024 for each k below 1024 in turn, each a number of `f32`.
  @Test(arguments: [[4, 32, 32, 8], [32, 112, 112, 16]]) func batchStatistics(_ dimensions: [Int]) throws {
    let builder = GraphBuilder("statistics")
    let channels = dimensions[3]
    let rows = dimensions.dropLast().reduce(1, *)
    let k = try builder.iota(.i32, [.number(rows), .number(channels)], axis: 0).remainder(builder.constant(1024, .i32))
    let x = try (k.cast(to: .f32) / 1024 + 101).reshaped(Shape(dimensions))
    let ones = try builder.constant(Tensor(repeating: 1, .f32, [channels]))
    let result = try x.batchNormTraining(scale: ones, offset: ones)
    let graph = try builder.build([result.mean, result.variance, x.variance(), x.variance(axes: [0, 1, 2])])
    let variance = (1024.0 * 1024 - 1) / 12 / 1024 / 1024
    let isHeavy = rows > 1 << 16
    try check(
      try builder.build([result.mean]), gives: [101 + 1023.0 / 2048], tolerance: 1e-7, heavy: isHeavy)
    try check(
      graph, gives: [101 + 1023.0 / 2048, variance, variance, variance], tolerance: 1e-5, heavy: isHeavy)
  }

  // MARK: Products

  private static let product = Double(Float(0.1)) * Double(Float(0.3))

  private static func constant(_ value: Double, _ dimensions: [Int]) throws -> Tensor {
    try Tensor(repeating: value, .f32, dimensions)
  }

  /// One tile, several, and a row that is streamed, with k below and above what is cut. The bound is 1,100 u, u = 2⁻²⁴.
  @Test(arguments: [
    (1, 1, 1024), (1, 1, 1 << 22), (5, 40, 1025), (3, 33, 100_003), (64, 64, 30_001), (64, 96, 100_000),
    (1, 16, 1 << 19),
  ])
  func longProducts(_ m: Int, _ n: Int, _ k: Int) throws {
    let isHeavy = m * n * k > 1 << 24
    for (transposeA, transposeB) in [(false, false), (false, true), (true, false)] {
      let builder = GraphBuilder("product")
      let (a, b) = (transposeA ? [k, m] : [m, k], transposeB ? [n, k] : [k, n])
      let x = try builder.parameter("x", .f32, Shape(a))
      let y = try builder.parameter("y", .f32, Shape(b))
      let graph = try builder.build([
        try x.matmul(y, transposeA: transposeA, transposeB: transposeB) + 1
      ])
      try check(
        graph, [Self.constant(0.1, a), Self.constant(0.3, b)], gives: [Double(k) * Self.product + 1], tolerance: 2e-5,
        heavy: isHeavy)
    }
  }

  /// Filters' gradients sum over images and places: as a product, for groups, and for single channels.
  @Test(arguments: [1, 2, 8]) func filterGradients(_ groups: Int) throws {
    let (images, side, channels) = (6, 100, 8)
    let shape = [images, side, side, channels]
    let graph = try Graph.parse(
      """
      graph @filter(%x: f32[\(images), \(side), \(side), \(channels)], %g: f32[\(images), \(side), \(side), \(channels)]) {
        %w = convolution_filter_gradient(%x, %g, shape: [1, 1, \(channels / groups), \(channels)], groups: \(groups))
        return %w
      }

      """)[0]
    let count = Double(images * side * side)
    try check(
      graph, [Self.constant(0.1, shape), Self.constant(0.3, shape)], gives: [count * Self.product], tolerance: 2e-5)
  }

  /// Bias gradients, windows of a whole image, and convolutions whose window is a whole image.
  @Test func windows() throws {
    let graph = try Graph.parse(
      """
      graph @windows(%x: f32[1, 120, 130, 20], %w: f32[120, 130, 1, 20], %v: f32[120, 130, 10, 4]) {
        %sum = reduce_window_sum(%x, window: [120, 130])
        %depthwise = convolution(%x, %w, groups: 20)
        %grouped = convolution(%x, %v, groups: 2)
        %bias = reduce_sum(%x, axes: [0, 1, 2])
        return %sum, %bias, %depthwise, %grouped
      }

      """)[0]
    let feeds = try [
      Self.constant(0.1, [1, 120, 130, 20]), Self.constant(0.3, [120, 130, 1, 20]),
      Self.constant(0.3, [120, 130, 10, 4]),
    ]
    let count = 120.0 * 130
    try check(
      graph, feeds,
      gives: [
        count * Double(Float(0.1)), count * Double(Float(0.1)), count * Self.product, 10 * count * Self.product,
      ], tolerance: 2e-5)
  }
}
