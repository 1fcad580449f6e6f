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

  /// One row that sees the first columns, and a mask that has another one for each matrix, of which there are as many as rows.
  @Test func masksOfOneRowAndOfMatrices() throws {
    for (batch, rows, mask, computed) in [
      (2, 1, "[1, 64]", Set([16])), (6, 6, "[6, 1, 64]", [64]), (6, 6, "[1, 6, 64]", [16]),
    ] {
      let graph = try Graph.parse(
        """
        graph @g(%q: f32[\(batch), \(rows), 4], %k: f32[\(batch), 64, 4], %v: f32[\(batch), 64, 5]) {
          %row = iota(shape: \(mask == "[6, 1, 64]" ? "[6, 1, 1]" : "[\(rows), 1]"), dtype: i32)
          %column = iota(shape: [64], dtype: i32)
          %seen = greater_equal(%row, %column)
          %mask = reshape(%seen, shape: \(mask))
          %low: f32 = constant(-1e9)
          %s = matmul(%q, %k, transpose_b: true)
          %t = select(%mask, %s, %low)
          %p = softmax(%t)
          %y = matmul(%p, %v)
          return %y
        }
        """)[0]
      let (whole, parts) = try Self.tiled(graph, rows: 2)
      #expect(Self.columns(parts) == computed, "\(mask)")
      let found = try TranslationValidation(seeds: [1, 2]).firstMismatch(
        whole, parts, precision: .rounded.assumingFinite)
      #expect(found == nil)
    }
  }

  /// Divisions that the loop reads are none of its own; sums over one element of each row are none over rows of weights.
  @Test(arguments: [
    """
    %mx = reduce_max(%x, axes: [1], keep_dims: true)
    %xd = subtract(%x, %mx)
    %xe = exp(%xd)
    %xz = reduce_sum(%xe, axes: [1], keep_dims: true)
    %xp = divide(%xe, %xz)
    %h = subtract(%m, %xz)
    %c = greater(%s, %h)
    %w = select(%c, %xp, %zero)
    %y = matmul(%w, %v)
    """,
    """
    %d = subtract(%s, %m)
    %e = exp(%d)
    %z = reduce_sum(%e, axes: [1], keep_dims: true)
    %y = matmul(%z, %q, transpose_a: true)
    """,
    """
    %d = subtract(%s, %m)
    %e = exp(%d)
    %z = reduce_sum(%e, axes: [1], keep_dims: true)
    %y = matmul(%q, %z, transpose_a: true)
    """,
    """
    %d = subtract(%s, %m)
    %y0 = matmul(%d, %v)
    %middle = variable(zeros)
    %late = variable(ones)
    %y1 = matmul(%d, %late)
    %y2 = add(%y0, %y1)
    %y = add(%y2, %middle)
    """,
  ])
  func whatOnlyLooksLikeIt(_ lines: String) throws {
    let typed = lines.replacing("%middle", with: "%middle: f32[4, 2]").replacing("%late =", with: "%late: f32[5, 2] =")
      .replacing("(%y2, %middle: f32[4, 2])", with: "(%y2, %middle)")
    let graph = try Graph.parse(
      """
      graph @g(%x: f32[4, 5], %q: f32[4, 3], %k: f32[5, 3], %v: f32[5, 2]) {
        %zero: f32 = constant(0)
        %s = matmul(%q, %k, transpose_b: true)
        %m = reduce_max(%s, axes: [1], keep_dims: true)
        \(typed)
        return %y
      }
      """)[0]
    let parts = try Pipeline(parsing: "tile-attention{rows=2}").run(graph).graph
    let found = try TranslationValidation(seeds: [1, 2]).firstMismatch(graph, parts, precision: .rounded)
    #expect(found == nil, "\(parts)")
  }

  /// Graphs that make much of what is looked for, or begin it ever again, take time in proportion.
  @Test(
    .timeLimit(.minutes(30)),
    arguments: [
      ("%r# = matmul(%s#, %w) %t# = matmul(%x, %w) %c# = matmul(%r#, %t#, transpose_a: true) %s@ = add(%c#, %x)", "%s"),
      ("%r# = matmul(%s#, %w) %s@ = add(%s#, %r#)", "%s"), ("%r# = matmul(%x, %w) %s@ = add(%r#, %s#)", "%s"),
      ("%c# = greater(%b, %i) %s@ = select(%c#, %s#, %x)", "%s"),
    ])
  func manyOfThemTakeLittleTime(_ step: String, _ last: String) throws {
    func seconds(_ count: Int) throws -> Double {
      let steps = (0..<count).map { step.replacing("#", with: "\($0)").replacing("@", with: "\($0 + 1)") }
        .joined(separator: "\n").replacing(" %", with: "\n%").replacing(",\n", with: ", ").replacing("=\n", with: "= ")
      let graph = try Graph.parse(
        """
        graph @g(%x: f32[4, 4], %w: f32[4, 4]) {
          %b = iota(shape: [4, 1], dtype: i32)
          %i = iota(shape: [4], dtype: i32)
          %p = matmul(%x, %w)
          %m = reduce_max(%p, axes: [1], keep_dims: true)
          %s0 = subtract(%p, %m)
          \(steps)
          return \(last)\(count)
        }
        """)[0]
      let start = ContinuousClock.now
      _ = try Pipeline(parsing: "tile-attention{rows=2}").run(graph)
      return (ContinuousClock.now - start) / .seconds(1)
    }
    _ = try seconds(50)
    // Thirty times as many: less than in proportion to the square by far, though others use the machine.
    let few = try (0..<3).map { _ in try seconds(100) }.min() ?? 0
    let many = try (0..<3).map { _ in try seconds(3000) }.min() ?? 0
    #expect(many < 200 * few, "\(few) and \(many) seconds")
  }

  /// A large product before the queries is none of scores.
  @Test func attentionFollowsOtherProducts() throws {
    let builder = GraphBuilder("projected")
    let x = try builder.parameter("x", .f32, [6, 4])
    let w = try builder.parameter("w", .f32, [4, 4])
    let k = try builder.parameter("k", .f32, [8, 4])
    let graph = try builder.build([(x.matmul(w) * 0.5).matmul(k, transposeB: true).softmax().matmul(k)])
    let (whole, parts) = try Self.tiled(graph, rows: 2)
    #expect(parts.nodes.count { $0.op is Scan } == 1)
    #expect(parts.nodes.count { $0.op is Matmul } == 1)
    let found = try TranslationValidation(seeds: [1, 2]).firstMismatch(whole, parts, precision: .rounded)
    #expect(found == nil)
  }

  /// Bands have kernels of their own, which an eighth of the scores must be worth: one row here sees few columns, or more.
  @Test func bandsLeaveOutAnEighth() throws {
    for (seen, computed) in [(112, Set([112])), (113, [128])] {
      let graph = try Graph.parse(
        """
        graph @g(%q: f32[2, 8, 4], %k: f32[2, 128, 4], %v: f32[2, 128, 5]) {
          %i = iota(shape: [8, 128], dtype: i32, axis: 1)
          %n: i32 = constant(\(seen))
          %mask = less(%i, %n)
          %low: f32 = constant(-1e9)
          %s = matmul(%q, %k, transpose_b: true)
          %t = select(%mask, %s, %low)
          %p = softmax(%t)
          %y = matmul(%p, %v)
          return %y
        }
        """)[0]
      #expect(Self.columns(try Self.tiled(graph, rows: 2).parts) == computed)
    }
  }

  /// A loop for the result and one for its gradients; with a third one scores would be computed three times.
  @Test func threeStagesAreLeft() throws {
    for (lines, isTiled) in [
      ("%y1 = matmul(%p, %y0) return %y1", true), ("%y1 = matmul(%p, %y0) %y2 = matmul(%p, %y1) return %y2", false),
    ] {
      let graph = try Graph.parse(
        """
        graph @g(%q: f32[6, 4], %k: f32[6, 4], %v: f32[6, 5]) {
          %s = matmul(%q, %k, transpose_b: true)
          %m = reduce_max(%s, axes: [1], keep_dims: true)
          %p = subtract(%s, %m)
          %y0 = matmul(%p, %v)
          \(lines.replacing(" %y2", with: "\n  %y2").replacing(" return", with: "\n  return"))
        }
        """)[0]
      #expect(try (Pipeline(parsing: "tile-attention{rows=2}").run(graph).graph != graph) == isTiled)
    }
  }

  /// What a mask hides counts where the sum or the maximum would be another without.
  @Test func hiddenColumnsThatCountStay() throws {
    func computed(_ lines: String) throws -> Set<Int> {
      let graph = try Graph.parse(
        """
        graph @g(%q: f32[64, 4], %k: f32[64, 4], %v: f32[64, 5], %pad: bool[1, 64], %bias: f32[64], %given: f32[64, 1]) {
          %half: f32 = constant(0.5)
          %lowest: f32 = constant(-inf)
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
    // Another mask may hide all that is seen: by a number as low, or by one that is added. Nothing is as low as -∞.
    let causal = "%t = select(%mask, %u, %low) %m = reduce_max(%t, axes: [1], keep_dims: true) \(softmax)"
    #expect(try computed("%u = select(%pad, %s, %low) \(causal)") == [64])
    #expect(try computed("%u = add(%s, %bias) \(causal)") == [64])
    #expect(try computed("%u = add(%s, %bias) \(causal.replacing("%low", with: "%lowest"))") == bands)
    #expect(try computed("%u = multiply(%s, %half) \(causal)") == bands)
    // On both sides of what is low, and of what a score may be multiplied by beside that.
    for (number, isHidden) in [("-1e8", true), ("-9.9e7", false)] {
      #expect(
        try computed("%o: f32 = constant(\(number)) \(causal.replacing("%u, %low", with: "%s, %o"))")
          == (isHidden ? bands : [64]))
    }
    for (number, isModest) in [("1e4", true), ("1.01e4", false)] {
      #expect(
        try computed("%o: f32 = constant(\(number)) %u = multiply(%s, %o) \(causal)") == (isModest ? bands : [64]))
    }
    // A number that is subtracted, and is no maximum of what is seen.
    let given = softmax.replacing("(%t, %m)", with: "(%t, %given)")
    #expect(try computed("%t = select(%mask, %s, %low) \(given)") == [64])
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
    func steps(
      _ batch: [Int], _ rows: Int, _ columns: Int, depth: Int = 64, hasGradients: Bool = false
    ) throws -> Int? {
      let graph = try Self.attention(
        batch: batch, rows: rows, columns: columns, depth: depth, hasGradients: hasGradients)
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
    // Gradients read as much again, their sums.
    #expect(try steps([1, 8], 8192, 8192, depth: 251, hasGradients: true) == 16)
    #expect(try steps([1, 8], 8192, 8192, depth: 252, hasGradients: true) == nil)
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
