import Apus
import ApusGraph
import ApusLowering
import ApusOperators
import ApusPasses
import TestSupport
import Testing

/// Attention by blocks of rows: the same numbers, and only where scores leave the caches.
@Suite struct TileAttentionTests {
  /// What may lie between the two products.
  enum Middle: CaseIterable {
    case softmax, scaled, causal, padding, sumOfSquares, bias
    /// Masks that are the same in all runs, as the layer applies them: rows see the columns up to their own; those around it;
    /// one row sees nothing.
    case hidden, window, blind
    /// The mask is given, or what it hides is not low enough to vanish.
    case given, notLow
  }

  /// Attention of a batch of heads.
  private static func attention(
    _ middle: Middle = .softmax, batch: [Int] = [2, 3], rows: Int = 7, columns: Int = 9, depth: Int = 4,
    sharesKeys: Bool = false, transposes: Bool = true, hasGradients: Bool = false
  ) throws -> Graph {
    let builder = GraphBuilder("attention")
    let q = try builder.parameter("q", .f32, Shape(batch + [rows, depth]))
    let matrices = sharesKeys ? [Int](repeating: 1, count: batch.count) : batch
    let k = try builder.parameter("k", .f32, Shape(matrices + (transposes ? [columns, depth] : [depth, columns])))
    let v = try builder.parameter("v", .f32, Shape(matrices + [columns, 5]))
    var scores = try q.matmul(k, transposeB: transposes)
    switch middle {
    case .softmax: break
    case .scaled: scores = try scores * 0.5
    case .causal:
      // Which row and which column, as a constant matrix.
      let mask = (0..<rows).flatMap { row in (0..<columns).map { Float($0 <= row ? 0 : -1e9) } }
      scores = try scores + builder.constant(Tensor(mask, [rows, columns]))
    case .padding:
      let mask = try builder.parameter(
        "mask", .f32, Shape([batch[0]] + batch.dropFirst().map { _ in 1 } + [1, columns]))
      scores = try scores * mask
    case .sumOfSquares:
      let sum = try (scores * scores).sum(axes: [-1], keepDims: true)
      return try finished((scores / (sum + 1)).matmul(v), hasGradients ? [q, k, v] : [])
    case .bias:
      let bias = try builder.parameter("bias", .f32, Shape(batch.dropFirst() + [rows, 1]))
      scores = try scores + bias
    case .hidden, .window, .blind, .given, .notLow:
      let row = try builder.iota(.i32, [.number(rows), 1])
      let column = try builder.iota(.i32, [.number(columns)])
      var mask = try row.greaterEqual(column)
      if middle == .window { mask = try mask.and(row.less(column + 5)) }
      if middle == .blind { mask = try mask.and(row.notEqual(builder.constant(2, .i32))) }
      if middle == .given { mask = try builder.parameter("seen", .bool, [.number(rows), .number(columns)]) }
      let low = try builder.constant(middle == .notLow ? -1e4 : -1e9)
      let weights = try mask.select(scores, low).softmax()
      return try finished(mask.select(weights, builder.constant(0)).matmul(v), hasGradients ? [q, k, v] : [])
    }
    return try finished(scores.softmax().matmul(v), hasGradients ? [q, k, v] : [])
  }

  /// The result, and the gradients of its sum of squares.
  private static func finished(_ result: Value, _ values: [Value]) throws -> Graph {
    let all = try values.isEmpty ? [] : gradients(of: (result * result).sum(), withRespectTo: values)
    return try result.builder.build([result] + all)
  }

  private static func tiled(_ graph: Graph, rows: Int) throws -> (whole: Graph, parts: Graph) {
    let whole = try Pipeline(parsing: "expand-composites,simplify").run(graph).graph
    return (whole, try Pipeline(parsing: "tile-attention{rows=\(rows)}").run(whole).graph)
  }

  private static func agree(_ a: Tensor, _ b: Tensor, _ error: Double = 1e-5) -> Bool {
    a.type == b.type
      && zip(a.doubles(), b.doubles()).allSatisfy { x, y in
        x == y || x.isNaN && y.isNaN || abs(x - y) <= error * max(1, abs(y))
      }
  }

  @Test(arguments: Middle.allCases, [1, 2, 3, 6, 7, 100])
  func blocksComputeTheSame(_ middle: Middle, rows: Int) throws {
    for batch in [[2, 3], [1, 3], [2, 1], [1, 1], [2]] {
      for (sharesKeys, transposes) in [(false, true), (true, true), (false, false)] {
        let graph = try Self.attention(middle, batch: batch, sharesKeys: sharesKeys, transposes: transposes)
        let (whole, parts) = try Self.tiled(graph, rows: rows)
        let isLeft = rows >= 7 && !batch.contains { $0 > 1 }
        #expect((parts == whole) == isLeft, "\(batch), \(rows) rows")
        let (feeds, variables) = try RandomInputs(seed: 3).arguments(of: whole)
        let expected = try InterpreterBackend().compile(whole).run(feeds, variables: variables).outputs[0]
        let actual = try InterpreterBackend().compile(parts).run(feeds, variables: variables).outputs[0]
        #expect(Self.agree(expected, actual), "\(middle), \(batch), \(rows) rows:\n\(parts)")
        #expect(try Pipeline(parsing: "tile-attention{rows=\(rows)}").run(parts).graph == parts)
      }
    }
  }

  @Test func nativeCodeComputesBlocksAsTheWhole() throws {
    for (rows, columns) in [(64, 40), (33, 130), (50, 1)] {
      let graph = try Self.attention(.causal, rows: rows, columns: columns, depth: 16)
      let (whole, parts) = try Self.tiled(graph, rows: 16)
      let (feeds, variables) = try RandomInputs(seed: 4).arguments(of: whole)
      let expected = try InterpreterBackend().compile(whole).run(feeds, variables: variables).outputs[0]
      for workers in [1, 3] {
        let program = try NativeBackend(workers: workers, verifies: true).compile(parts)
        #expect(Self.agree(expected, try program.run(feeds, variables: variables).outputs[0]))
      }
    }
  }

  /// Gradients wait for the result, so they have a loop of their own, in which five products make three.
  @Test(arguments: [Middle.softmax, .padding, .sumOfSquares, .hidden, .given], [1, 3, 7, 100])
  func gradientsAreComputedInBlocks(_ middle: Middle, rows: Int) throws {
    for batch in [[2, 3], [1, 1], [2]] {
      for (sharesKeys, transposes) in [(false, true), (true, true), (false, false)] {
        let graph = try Self.attention(
          middle, batch: batch, sharesKeys: sharesKeys, transposes: transposes, hasGradients: true)
        let (whole, parts) = try Self.tiled(graph, rows: rows)
        if batch.contains(where: { $0 > 1 }) {
          #expect(parts.nodes.count { $0.op is Scan } == 2)
          #expect(!parts.nodes.contains { $0.op is Matmul })
        } else {
          #expect((parts == whole) == (rows >= 7))
        }
        let (feeds, variables) = try RandomInputs(seed: 5).arguments(of: whole)
        let expected = try InterpreterBackend().compile(whole).run(feeds, variables: variables).outputs
        let actual = try InterpreterBackend().compile(parts).run(feeds, variables: variables).outputs
        for (a, b) in zip(expected, actual) {
          #expect(Self.agree(a, b), "\(middle), \(batch), \(rows) rows:\n\(parts)")
        }
      }
    }
  }

  @Test(arguments: [(64, 40), (33, 130), (50, 1)])
  func nativeCodeComputesGradientsOfBlocks(_ rows: Int, columns: Int) throws {
    for middle in [Middle.softmax, .hidden] {
      let graph = try Self.attention(middle, rows: rows, columns: columns, depth: 16, hasGradients: true)
      let (whole, parts) = try Self.tiled(graph, rows: 16)
      let (feeds, variables) = try RandomInputs(seed: 6).arguments(of: whole)
      let expected = try InterpreterBackend().compile(whole).run(feeds, variables: variables).outputs
      for (workers, graph) in [(1, parts), (3, parts), (2, whole)] {
        let program = try NativeBackend(workers: workers, verifies: true).compile(graph)
        let actual = try program.run(feeds, variables: variables).outputs
        for (a, b) in zip(expected, actual) { #expect(Self.agree(a, b, 1e-4), "\(middle)") }
      }
    }
  }

  /// Two layers: the gradient of the first one waits for that of the second.
  @Test func layersFollowEachOther() throws {
    let builder = GraphBuilder("layers")
    let x = try builder.parameter("x", .f32, [2, 6, 4])
    let w = try builder.parameter("w", .f32, [4, 4])
    var y = try x * 0.25
    for _ in 0..<2 { y = try (y + (y.matmul(w)).matmul(y, transposeB: true).softmax().matmul(y)) }
    let graph = try Self.finished(y, [x, w])
    let (whole, parts) = try Self.tiled(graph, rows: 2)
    #expect(parts.nodes.count { $0.op is Scan } == 4)
    let (feeds, variables) = try RandomInputs(seed: 7).arguments(of: whole)
    let expected = try InterpreterBackend().compile(whole).run(feeds, variables: variables).outputs
    let actual = try InterpreterBackend().compile(parts).run(feeds, variables: variables).outputs
    for (a, b) in zip(expected, actual) { #expect(Self.agree(a, b)) }
  }

  /// The columns for which exponentials are computed, in all loops.
  private static func columns(_ graph: Graph) -> Set<Int> {
    graph.nodes.reduce(into: []) { all, node in
      if node.op is Exp { all.insert(graph.type(of: node.result).shape.numbers?.last ?? 0) }
      for region in node.regions { all.formUnion(columns(region)) }
    }
  }

  /// A mask, rows and columns, and the numbers of columns that bands of rows have.
  private static let masked: [(Middle, Int, Int, Set<Int>)] = [
    (.hidden, 64, 64, [16, 32, 48, 64]), (.hidden, 62, 64, [16, 32, 48, 64]), (.hidden, 64, 200, [16, 32, 48, 64]),
    (.hidden, 64, 61, [16, 32, 48, 61]), (.hidden, 64, 8, [8]), (.hidden, 200, 64, [64]),
    // From the second band on the first columns are too far.
    (.window, 64, 64, [16, 32]),
    (.blind, 64, 64, [64]), (.given, 64, 64, [64]), (.notLow, 64, 64, [64]), (.causal, 64, 64, [64]),
  ]

  @Test(arguments: masked)
  func hiddenColumnsAreLeftOut(_ middle: Middle, rows: Int, columns: Int, computed: Set<Int>) throws {
    for hasGradients in [false, true] {
      let graph = try Self.attention(middle, batch: [2], rows: rows, columns: columns, hasGradients: hasGradients)
      let (whole, parts) = try Self.tiled(graph, rows: 4)
      #expect(Self.columns(parts) == computed)
      let (feeds, variables) = try RandomInputs(seed: 8).arguments(of: whole)
      let expected = try InterpreterBackend().compile(whole).run(feeds, variables: variables).outputs
      let actual = try InterpreterBackend().compile(parts).run(feeds, variables: variables).outputs
      for (a, b) in zip(expected, actual) { #expect(Self.agree(a, b), "\(middle)") }
    }
  }

  /// What a mask hides counts where the sum or the maximum would be another without.
  @Test func hiddenColumnsThatCountStay() throws {
    func computed(_ lines: String) throws -> Set<Int> {
      let graph = try Graph.parse(
        """
        graph @g(%q: f32[64, 4], %k: f32[64, 4], %v: f32[64, 5]) {
          %row = iota(shape: [64, 1], dtype: i32)
          %column = iota(shape: [64], dtype: i32)
          %mask = greater_equal(%row, %column)
          %low: f32 = constant(-1e9)
          %zero: f32 = constant(0)
          %s = matmul(%q, %k, transpose_b: true)
          \(lines)
          %y = matmul(%p, %v)
          return %y
        }
        """)[0]
      return Self.columns(try Pipeline(parsing: "tile-attention{rows=4}").run(graph).graph)
    }
    let bands: Set = [16, 32, 48, 64]
    let softmax =
      "%d = subtract(%t, %m) %e = exp(%d) %z = reduce_sum(%e, axes: [1], keep_dims: true) %p = divide(%e, %z)"
    #expect(
      try computed("%t = select(%mask, %s, %low) %m = reduce_max(%t, axes: [1], keep_dims: true) \(softmax)") == bands)
    // A maximum of what is hidden.
    #expect(
      try computed("%t = select(%mask, %s, %low) %m = reduce_max(%s, axes: [1], keep_dims: true) \(softmax)") == [64])
    // A least score is what hides the others.
    #expect(
      try computed("%t = select(%mask, %s, %low) %m = reduce_min(%t, axes: [1], keep_dims: true) \(softmax)") == [64])
    // Zeros that have become ones.
    #expect(
      try computed("%t = select(%mask, %s, %zero) %m = reduce_max(%t, axes: [1], keep_dims: true) \(softmax)") == [64])
    // Weights that do not vanish, though they are summed without what is hidden.
    #expect(
      try computed(
        "%e = exp(%s) %t = select(%mask, %e, %zero) %z = reduce_sum(%t, axes: [1], keep_dims: true) %p = divide(%e, %z)"
      )
        == [64])
    #expect(
      try computed(
        "%e = exp(%s) %t = select(%mask, %e, %zero) %z = reduce_sum(%t, axes: [1], keep_dims: true) %p = divide(%t, %z)"
      )
        == bands)
  }

  /// Where what is between the products is read by others, or mixes rows, it is left.
  @Test func whatIsNotAttentionIsLeft() throws {
    for body in [
      // Scores are a result.
      "%s = matmul(%x, %y) %m = reduce_max(%s, axes: [1], keep_dims: true) %p = subtract(%s, %m) %r = matmul(%p, %z) return %r, %s",
      // A maximum over each column.
      "%s = matmul(%x, %y) %m = reduce_max(%s, axes: [0], keep_dims: true) %p = subtract(%s, %m) %r = matmul(%p, %z) return %r",
      // Nothing that needs whole rows: the first product's epilogue computes it.
      "%s = matmul(%x, %y) %p = exp(%s) %r = matmul(%p, %z) return %r",
      // The rows are columns of the last product.
      "%s = matmul(%x, %y) %m = reduce_max(%s, axes: [1], keep_dims: true) %p = subtract(%s, %m) %r = matmul(%p, %z, transpose_a: true, transpose_b: true) return %r",
      "%s = matmul(%x, %y) %m = reduce_max(%s, axes: [1], keep_dims: true) %p = subtract(%s, %m) %r = matmul(%z, %p) return %r",
      // A running sum along each row is none of what is known.
      "%s = matmul(%x, %y) %m = reduce_max(%s, axes: [1], keep_dims: true) %p = subtract(%s, %m) %c = cumulative_sum(%p, axis: 1) %r = matmul(%c, %z) return %r",
      // Each row meets all others.
      "%s = matmul(%x, %y) %m = reduce_max(%s, axes: [1], keep_dims: true) %p = subtract(%s, %m) %r = matmul(%p, %p) return %r",
    ] {
      let lines = body.replacing(" %", with: "\n  %").replacing(" return", with: "\n  return")
        .replacing("(\n  %", with: "(%").replacing(",\n  %", with: ", %")
      let graph = try Graph.parse("graph @g(%x: f32[6, 6], %y: f32[6, 6], %z: f32[6, 6]) {\n  \(lines)\n}")[0]
      #expect(try Pipeline(parsing: "tile-attention{rows=2}").run(graph).graph == graph, "\(body)")
    }
  }

  @Test func theCachesSayHowManyRows() throws {
    func steps(_ batch: [Int], _ rows: Int, _ columns: Int, depth: Int = 64) throws -> Int? {
      let graph = try Self.attention(batch: batch, rows: rows, columns: columns, depth: depth)
      var parts = try Pipeline(parsing: "expand-composites,tile-attention").run(graph).graph
      var counts: [Int] = []
      while let scan = parts.nodes.first(where: { $0.op is Scan }) {
        counts.append(scan.regions[0].parameterTypes[0].shape[0].number ?? 0)
        parts = scan.regions[0]
      }
      return counts.last
    }
    // Two caches of 1 MiB: a matrix of half of that and more, all of them together more than twice.
    #expect(try steps([1, 8], 2048, 2048) == 64)
    #expect(try steps([1, 8], 1024, 1024) == 128)
    #expect(try steps([1, 5], 512, 512) == 256)
    #expect(try steps([1, 4], 512, 512) == nil)
    #expect(try steps([1, 64], 511, 512) == nil)
    // Blocks of one size where there are some of half the rows or more, else a rest.
    #expect(try steps([1, 8], 2000, 2000) == 50)
    #expect(try steps([1, 8], 2003, 2003) == 65)
    // Matrices of half of the scores, and more; of half of the last cache, and more.
    #expect(try steps([1, 8], 2048, 2048, depth: 1019) == 64)
    #expect(try steps([1, 8], 2048, 2048, depth: 1020) == nil)
    #expect(try steps([1, 8], 8192, 8192, depth: 507) == 16)
    #expect(try steps([1, 8], 8192, 8192, depth: 508) == nil)
    // Sixteen rows to a block, and fewer.
    #expect(try steps([1, 8], 8192, 8193) == nil)
    // Keys that are read again for each block, and are too large for that; rows too long for a block.
    #expect(try steps([1, 8], 2048, 2048, depth: 1024) == nil)
    #expect(try steps([1, 8], 65536, 65536, depth: 2) == nil)
  }

  /// The sizes of the last axes of what is divided, in all loops.
  private static func quotients(_ graph: Graph) -> [Int] {
    graph.nodes.flatMap { node in
      node.op is Divide
        ? [graph.type(of: node.result).shape.numbers?.last ?? 0] : node.regions.flatMap(quotients)
    }
  }

  /// Only what is at most 1, and divided by its own sum, is summed undivided.
  @Test func otherQuotientsStayInFront() throws {
    func divided(_ lines: String) throws -> [Int] {
      let graph = try Graph.parse(
        """
        graph @g(%q: f32[6, 4], %k: f32[9, 4], %v: f32[9, 5]) {
          %s = matmul(%q, %k, transpose_b: true)
          \(lines)
          %y = matmul(%p, %v)
          return %y
        }
        """)[0]
      let parts = try Pipeline(parsing: "tile-attention{rows=2}").run(graph).graph
      #expect(parts != graph)
      return Self.quotients(parts)
    }
    func softmax(_ extremum: String = "reduce_max(%s", _ sum: String = "reduce_sum(%e") -> String {
      """
      %m = \(extremum), axes: [1], keep_dims: true)
      %d = subtract(%s, %m)
      %e = exp(%d)
      %z = \(sum), axes: [1], keep_dims: true)
      %p = divide(%e, %z)
      """
    }
    #expect(try divided(softmax()) == [5])
    #expect(try divided(softmax("reduce_min(%s")) == [9])
    #expect(try divided(softmax("reduce_max(%s", "reduce_sum(%d")) == [9])
    #expect(try divided("%e = exp(%s) %z = reduce_sum(%e, axes: [1], keep_dims: true) %p = divide(%e, %z)") == [9])
  }

  /// Values so large that their weighted sum overflows before it is divided are the price; the result of others is as
  /// precise as before.
  @Test func dividedSumsAreAsPrecise() throws {
    let (whole, parts) = try Self.tiled(Self.attention(batch: [1], rows: 16, columns: 300, depth: 8), rows: 4)
    #expect(Self.quotients(parts) == [5])
    let (feeds, variables) = try RandomInputs(seed: 9).arguments(of: whole)
    let large = try Tensor(feeds[2].doubles().map { Float($0 * 1e30) }, feeds[2].dimensions)
    let expected = try InterpreterBackend().compile(whole).run([feeds[0], feeds[1], large], variables: variables)
    let actual = try InterpreterBackend().compile(parts).run([feeds[0], feeds[1], large], variables: variables)
    for (a, b) in zip(actual.outputs[0].doubles(), expected.outputs[0].doubles()) {
      #expect(abs(a - b) <= 1e-5 * 1e30)
    }
  }
}
