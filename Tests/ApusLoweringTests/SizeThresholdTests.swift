import Apus
import ApusCore
import ApusKernels
import ApusNative
import TestSupport
import Testing

@testable import ApusLowering

/// Every size from which lowering does something else: just below it, at it and above it, with ragged tails, native code
/// against the interpreter. Elements are small integers, so that sums are exact in any order and a lost one shows.
@Suite struct SizeThresholdTests {
  /// A graph around a threshold, and a word that says that its other side was reached.
  struct Case: CustomStringConvertible, Sendable {
    let name: String
    let text: String
    /// What a kernel's name or text must contain; nil: nothing.
    var reaches: String?
    var description: String { name }
  }

  /// The model whose caches are so small that small shapes cross its thresholds.
  static let model = ProcessorModelTests.small[0]
  private static var lanes: Int { model.floatLanes }

  private static func product(
    _ name: String, _ m: Int, _ k: Int, _ n: Int, transposed: Bool = false, reaches: String? = nil
  ) -> Case {
    Case(
      name: "\(name): \(m) × \(k) × \(n)",
      text: """
        graph @product(%x: f32[\(m), \(k)], %y: f32[\(transposed ? "\(n), \(k)" : "\(k), \(n)")], %b: f32[\(n)]) {
          %p = matmul(%x, %y, transpose_b: \(transposed))
          %s = add(%p, %b)
          %r = abs(%s)
          return %r
        }

        """, reaches: reaches)
  }

  /// A product in a loop that does not change the second operand. Sums stay small: each round cuts them off.
  private static func loop(_ name: String, _ m: Int, _ k: Int) -> Case {
    Case(
      name: "\(name): \(m) × \(k) × \(k)",
      text: """
        graph @loop(%h: f32[\(m), \(k)], %e: f32[5, \(m), \(k)], %w: f32[\(k), \(k)]) {
          %last, %all = scan(%h, %e, %w, carries: 1, sequences: 1) { (%s: f32[\(m), \(k)], %x: f32[\(m), \(k)], %u: f32[\(k), \(k)]) in
            %p = matmul(%s, %u)
            %q = add(%p, %x)
            %least: f32 = constant(-2)
            %most: f32 = constant(2)
            %a = maximum(%q, %least)
            %r = minimum(%a, %most)
            return %r, %q
          }
          return %all
        }

        """)
  }

  /// A product whose first operand is transposed, as the gradient of weights.
  private static func weights(_ name: String, _ k: Int, _ m: Int, _ n: Int, reaches: String? = nil) -> Case {
    Case(
      name: "\(name): \(k)",
      text: """
        graph @product(%x: f32[\(k), \(m)], %y: f32[\(k), \(n)]) {
          %p = matmul(%x, %y, transpose_a: true)
          return %p
        }

        """, reaches: reaches)
  }

  private static func unary(_ name: String, _ shape: [Int], _ body: String, reaches: String? = nil) -> Case {
    let dimensions = shape.map(String.init).joined(separator: ", ")
    return Case(
      name: "\(name): [\(dimensions)]",
      text: "graph @unary(%x: f32[\(dimensions)]) {\n  \(body)\n  return %y\n}\n", reaches: reaches)
  }

  private static func around(_ threshold: Int, _ make: (_ size: Int, _ isAbove: Bool) -> Case) -> [Case] {
    [threshold - 1, threshold, threshold + 1, threshold + 3].map { make($0, $0 > threshold) }
  }

  /// Parts of k, their number, and blocks within one.
  static let products: [Case] = {
    let depth = TileGrid.depth(model)
    let cache = model.secondCache.bytes
    let wide = cache / 4 / depth + 5
    var cases = around(depth + depth / 2) { k, isAbove in
      product("k in parts", wide, k, wide + 2, reaches: isAbove ? "_from_" : nil)
    }
    cases += around(2 * depth) { k, _ in product("two and three parts", wide, k, wide - 3, reaches: "_from_") }
    cases += around(16 * depth) { k, isAbove in
      product("sums of parts in f64", 45, k, 47, reaches: isAbove ? "extend" : "_from_")
    }
    cases += around(cache / 4 / 64) { m, isAbove in
      product("the smaller operand fills the cache", m, 64, 2 * m, reaches: isAbove ? "_from_" : nil)
    }
    cases += around(SumBlock.mostProducts) { k, _ in product("blocks of a tile", 5, k, 7) }
    cases += around(SumBlock.fewBlocks * SumBlock.products) { k, isAbove in
      product("wide totals of a tile", 5, k, 7, reaches: isAbove ? "extend" : nil)
    }
    for ways in [1, 2, 4, 8, 16] {
      cases += around(SumBlock.mostProducts * ways) { k, _ in product("blocks of \(ways) ways", 1, k, 1) }
      cases += around(SumBlock.mostProducts * ways) { k, _ in product("blocks, transposed", 2, k, 3, transposed: true) }
    }
    // Panels of one to four vectors that three blocks use, and rows of which each core has some.
    for vectors in 1...4 {
      cases += around(cache / 8 / (vectors * lanes)) { k, _ in product("a deep panel", 44, k, vectors * lanes) }
    }
    cases.append(product("deep panels", 44, cache / 8 / lanes + 1, 3 * lanes, reaches: "_from_"))
    cases += around(cache / 8 / 16) { m, _ in product("chunks of rows", m, 16, lanes) }
    cases += around(cache / 8 / (9 + 2 * lanes)) { m, _ in product("rows of each core", m, 9, lanes) }
    cases.append(product("rows ahead", cache / 8 / 16 + 40, 16, 2 * lanes, reaches: "level 2"))
    cases += around(TileGrid.leastOwnRows * model.cores) { m, _ in loop("rows of each core in a loop", m, 19) }
    cases += around(cache / 2 / 4 / 32) { k, _ in loop("what each core keeps in a loop", 45, k) }
    cases += around(64) { k, _ in product("unrolled steps", 20, k, 41) }
    cases += around(3) { k, _ in product("few steps", 20, k, 41) }
    // Steps of k for each row of a tile.
    cases += [14, 28, 42].flatMap { around($0) { k, _ in product("rows of a tile are fetched", 29, k, 33) } }
    // A second operand that the cache just keeps, while chunks of rows pass by, and one that it does not.
    cases += around(cache / 4 / 48) { k, _ in product("chunks or panels", 600, k, 48) }
    return cases
  }()

  /// Rows that are streamed, their blocks, and columns that a row of sums may have.
  static let streamed: [Case] = {
    let (columns, units) = (StreamedProduct.mostColumns(model), StreamedProduct.units(model))
    func rows(_ n: Int) -> Int { StreamedProduct.leastBytes(columns: n, elementBytes: 4, model) / 4 / n }
    // Rows of a line and of several, and such as lie eight lines apart.
    var cases = [17, 61, 128].flatMap { n in
      around(max(rows(n), 4 * units)) { k, isAbove in
        product("streamed", 1, k, n, reaches: isAbove ? "_rows" : nil)
      }
    }
    cases += around(columns) { n, isAbove in
      product("columns", 1, rows(n) + 4 * units, n, reaches: isAbove ? nil : "_rows")
    }
    cases += around(SumBlock.mostProducts * units) { k, isAbove in
      product("blocks of rows", 1, k, 17, reaches: isAbove ? "extend" : "_rows")
    }
    return cases
  }()

  /// Packing: of a large second operand, and of rows that would share sets of the first cache.
  static let packed: [Case] = {
    let cache = model.secondCache.bytes
    var cases = around(cache / 4 / 4 / 33) { k, _ in product("second operand", 60, k, 33) }
    cases += around(64) { k, _ in product("rows without packing", 40, k, 160) }
    cases += [64, 96, 128, 130, 256].map { product("distances", 37, $0, 129, transposed: true) }
    // Of lines half or less of which a tile uses, half of the first cache and more.
    cases += around(model.firstCache.bytes / 2 / model.lineBytes) { k, _ in weights("thin rows", k, 37, 160) }
    // Lines far apart, more than stay in the first cache.
    cases += around(Packing.mostRows(distance: 2560, model)) { k, isAbove in
      weights("far rows", k, 640, 320, reaches: isAbove ? "@copy" : nil)
    }
    return cases
  }()

  /// k of several axes: windows and channels, images and places.
  static let convolutions: [Case] = {
    func convolution(_ side: Int, _ channels: Int, _ window: Int, _ outputs: Int, groups: Int = 1) -> Case {
      Case(
        name: "window \(window)², \(channels) channels in \(groups) groups",
        text: """
          graph @convolution(%x: f32[2, \(side), \(side), \(channels)], %w: f32[\(window), \(window), \(channels / groups), \(outputs)]) {
            %y = convolution(%x, %w, padding: same, groups: \(groups))
            return %y
          }

          """)
    }
    func filter(_ images: Int, _ side: Int, _ channels: Int, groups: Int = 1) -> Case {
      let shape = "\(images), \(side), \(side), \(channels)"
      return Case(
        name: "filter gradient over \(images) × \(side)², \(groups) groups",
        text: """
          graph @filter(%x: f32[\(shape)], %g: f32[\(shape)]) {
            %y = convolution_filter_gradient(%x, %g, shape: [3, 3, \(channels / groups), \(channels)], padding: same, groups: \(groups))
            return %y
          }

          """)
    }
    /// At several places, whose rows of the window are the parts of k.
    func deep(_ side: Int, _ channels: Int, stride: Int) -> Case {
      Case(
        name: "window 3², \(channels) channels, side \(side), stride \(stride)",
        text: """
          graph @convolution(%x: f32[1, \(side), \(side), \(channels)], %w: f32[3, 3, \(channels), 40], %b: f32[40]) {
            %c = convolution(%x, %w, strides: [\(stride), \(stride)], padding: same)
            %s = add(%c, %b)
            %y = relu(%s)
            return %y
          }

          """, reaches: "_from_")
    }
    return [
      deep(9, 90, stride: 2), deep(14, 64, stride: 2), deep(7, 70, stride: 1),
      // 9 · 113 = 1017 and 9 · 114 = 1026 products; 3 · 171 = 513 in a row of the window.
      convolution(5, 113, 3, 17), convolution(5, 114, 3, 17), convolution(5, 171, 3, 5), convolution(5, 600, 3, 5),
      convolution(9, 30, 7, 5), convolution(3, 1030, 1, 5), convolution(9, 12, 3, 12, groups: 12),
      convolution(9, 12, 7, 12, groups: 12), convolution(13, 4, 11, 4, groups: 4), convolution(9, 12, 3, 12, groups: 3),
      convolution(9, 32, 3, 8, groups: 2),
      filter(2, 22, 3), filter(2, 23, 3), filter(3, 40, 3), filter(1, 40, 3), filter(2, 8, 4, groups: 2),
      filter(2, 40, 4, groups: 2), filter(2, 5, 4, groups: 4), filter(2, 40, 18, groups: 18),
    ]
  }()

  /// Sums in blocks: along lanes and rows, of several axes, with and without tails; and how vectors are shared out.
  static let reductions: [Case] = {
    let most = SumBlock.mostTerms
    var cases = around(most * lanes) { n, isAbove in
      unary("along lanes", [3, n], "%y = reduce_sum(%x, axes: [1])", reaches: isAbove ? "extend" : nil)
    }
    cases += around(most * lanes + lanes) { unary("tail", [$0], "%y = reduce_sum(%x)", reaches: $1 ? "extend" : nil) }
    cases += around(most) { n, isAbove in
      unary("along rows", [n, 19], "%y = reduce_sum(%x, axes: [0])", reaches: isAbove ? "extend" : nil)
    }
    // Two vectors of columns at a time, with and without a third, a tail, and units for all cores.
    let pairs = 2 * lanes * model.cores
    for width in [pairs - 1, pairs, pairs + 1, pairs + lanes - 1, pairs + lanes, pairs + lanes + 3, 2 * pairs] {
      let reaches = width >= pairs ? "step \(2 * lanes)" : nil
      cases.append(unary("pairs of vectors", [most + 1, width], "%y = reduce_sum(%x, axes: [0])", reaches: reaches))
      cases.append(
        unary(
          "pairs of two folds", [2, most + 9, width],
          "%s = reduce_sum(%x, axes: [1])\n  %m = reduce_max(%x, axes: [1])\n  %y = subtract(%s, %m)",
          reaches: reaches))
    }
    // Shares of units that would not be whole pairs.
    for share in [3, 5] {
      let rows = max(most + 1, model.unitWork / (share * lanes))
      for width in (1...6).map({ pairs + 2 * lanes * $0 }) {
        cases.append(unary("shares of pairs", [rows, width], "%y = reduce_sum(%x, axes: [0])"))
      }
    }
    cases.append(
      unary("pairs in each row", [model.cores, most + 1, 2 * lanes], "%y = reduce_sum(%x, axes: [1])"))
    for inner in [1, 3, SumBlock.terms - 1, SumBlock.terms, SumBlock.terms + 1, 3 * SumBlock.terms] {
      cases.append(unary("two axes", [70, 5, inner, 6], "%y = reduce_sum(%x, axes: [0, 2])"))
      cases.append(unary("with lanes", [70, 5, inner * lanes + 1], "%y = reduce_sum(%x, axes: [0, 2])"))
    }
    cases += around(most) { n, _ in
      unary(
        "with a maximum", [n * lanes],
        "%s = reduce_sum(%x)\n  %m = reduce_max(%x)\n  %d = subtract(%x, %m)\n  %y = add(%d, %s)")
    }
    cases += around(model.manyUnits) { n, _ in unary("many units", [n, 2 * lanes + 3], "%y = negate(%x)") }
    cases += around(model.unitWork) { n, _ in unary("units of a vector axis", [2, n], "%y = abs(%x)") }
    return cases
  }()

  static let windows: [Case] = [(3, 3), (2, 5), (8, 8), (5, 13), (7, 30), (1, 70), (40, 33)].flatMap { height, width in
    ["reduce_window_sum", "reduce_window_max"].map {
      unary("\($0) of \(height) × \(width)", [2, 45, 75, 19], "%y = \($0)(%x, window: [\(height), \(width)])")
    }
  }

  @Test(arguments: products + streamed + packed) func productsOfAnySize(_ item: Case) throws { try check(item) }
  @Test(arguments: convolutions) func convolutionsOfAnySize(_ item: Case) throws { try check(item) }
  @Test(arguments: reductions + windows) func foldsOfAnySize(_ item: Case) throws { try check(item) }

  /// A layer whose weights each run changes, around all limits within which the cores own rows of them.
  @Test(arguments: [
    (5, 189, 7), (5, 192, 7), (5, 195, 7), (5, 193, 7), (16, 192, 32), (17, 192, 32), (16, 192, 33), (1, 384, 16),
    (1, 192, 1), (2, 192, 1), (13, 201, 19), (40, 480, 12),
  ]) func weightsThatEachRunChanges(_ m: Int, _ k: Int, _ n: Int) throws {
    let graph = try Graph.parse(
      """
      graph @layer(%x: f32[\(m), \(k)], %y: f32[\(m), \(n)]) {
        %w: f32[\(k), \(n)] = variable(zeros)
        %p = matmul(%x, %w)
        %r = abs(%p)
        %g = matmul(%x, %y, transpose_a: true)
        %next = subtract(%w, %g)
        update %w = %next
        return %r
      }

      """)[0]
    var target = NativeTarget.host
    guard target.processor.vectorBytes == Self.model.vectorBytes else { return }
    target.processor = Self.model
    let feeds = [try Self.integers([m, k], 1), try Self.integers([m, n], 2)]
    let weights = [try Self.integers([k, n], 3)]
    let expected = try InterpreterBackend().prepare(graph).run(feeds, variables: weights)
    for workers in [1, 2, 3] {
      let result = try NativeBackend(workers: workers, target: target, verifies: true).compile(graph)
        .run(feeds, variables: weights)
      #expect(result.outputs[0].doubles() == expected.outputs[0].doubles(), "\(workers) workers")
      #expect(result.updates[0].value.doubles() == expected.updates[0].value.doubles(), "\(workers) workers")
    }
  }

  /// No two units have a vector of columns in common, and none goes beyond the last: the kernel interpreter refuses that.
  @Test func sharesOfPairsAreWhole() throws {
    let backend = KernelInterpreterBackend(NativeBackend(target: try .named("emeraldrapids")))
    let work = try NativeTarget.named("emeraldrapids").processor.unitWork
    for share in [3, 5, 7] {
      let rows = max(SumBlock.mostTerms + 1, work / (16 * share))
      for width in stride(from: 2048, through: 2304, by: 64) {
        let graph = try Graph.parse(
          "graph @g(%x: f32[\(rows), \(width)]) {\n  %y = reduce_sum(%x, axes: [0])\n  return %y\n}\n")[0]
        let x = try Tensor(repeating: 1, .f32, [rows, width])
        let y = try backend.compile(graph).run([x], variables: []).outputs[0]
        #expect(y.doubles() == [Double](repeating: Double(rows), count: width), "\(rows) × \(width)")
      }
    }
  }

  /// The sizes that a real processor's model cuts: parts of k, more than sixteen of them, and a row of 40 MB.
  @Test(arguments: [
    product("k in parts", 300, 1700, 310, reaches: "_from_"), product("many parts", 70, 20_000, 33, reaches: "_from_"),
    product("streamed", 1, 20_000, 500, reaches: "_rows"), product("in blocks", 14, 30_000, 32, transposed: true),
  ])
  func trueSizes(_ item: Case) throws { try check(item, .zen4) }

  private func check(_ item: Case, _ model: ProcessorModel = model) throws {
    let graph = try Graph.parse(item.text)[0]
    var target = NativeTarget.host
    guard target.processor.vectorBytes == model.vectorBytes else { return }
    target.processor = model
    let feeds = try graph.parameters.enumerated().map { position, id in
      try Self.integers(graph.type(of: id).shape.numbers ?? [], UInt64(position))
    }
    let expected = try InterpreterBackend().prepare(graph).run(feeds, variables: []).outputs[0]
    for workers in [1, 3] {
      var backend = NativeBackend(workers: workers, target: target, verifies: true)
      backend.winogradTile = 0
      let result = try backend.compile(graph).run(feeds, variables: []).outputs[0]
      let difference = TensorComparison.firstDifference(expected, result, tolerance: 0)
      #expect(difference == nil, "\(item) by \(workers) workers")
      guard let word = item.reaches, workers == 1 else { continue }
      let kernels = try backend.plan(backend.optimized(graph)).program.kernels
      #expect(kernels.contains { $0.description.contains(word) }, "\(item) has no \(word): \(kernels.map(\.name))")
    }
  }

  /// −2 to 2, so that sums of 10⁵ products stay far below 2²⁴.
  private static func integers(_ dimensions: [Int], _ stream: UInt64) throws -> Tensor {
    var generator = PhiloxGenerator(seed: stream + 1)
    let block = (0..<977).map { _ in Float(Int.random(in: -2...2, using: &generator)) }
    let count = dimensions.reduce(1, *)
    var elements: [Float] = []
    elements.reserveCapacity(count + block.count)
    while elements.count < count { elements += block }
    return try Tensor(Array(elements.prefix(count)), dimensions)
  }
}
