import Apus
import ApusCore
import ApusKernelInterpreter
import ApusKernels
import ApusNative
import Testing

@testable import ApusLowering

/// In which order the tiles of a product are computed, and how k is cut: on both sides of each condition.
@Suite struct ContractionGridTests {
  private static let processor = ProcessorModel.zen4
  private static let tile = ContractionTile(rows: 14, vectors: 2)

  private func grid(
    _ rows: Int, _ k: [Int], _ n: Int, others: Int? = 1, tile: ContractionTile = Self.tile, batch: [Int] = [],
    sharesB: Bool = true, _ processor: ProcessorModel = Self.processor
  ) -> TileGrid {
    TileGrid(
      rows: rows, n: n, k: k, rowElements: others.map { k.reduce(1, *) + n * $0 }, tile: tile,
      width: tile.vectors * processor.floatLanes, batch: batch, sharesB: sharesB, elementBytes: 4, processor: processor)
  }

  /// Where the first operand is more than half of the second cache, chunks of its rows are an eighth at most.
  @Test func largeFirstOperandsAreReadOnce() {
    for (rows, isLarge) in [(512, false), (513, true), (3136, true)] {
      let grid = grid(rows, [256], 8)
      #expect(grid.isFirstStreamed == isLarge, "\(rows)")
      let bytes = grid.chunk * Self.tile.rows * 256 * 4
      #expect(!isLarge || bytes <= Self.processor.secondCache.bytes / 8, "\(rows): \(bytes)")
      #expect(grid.chunks * grid.chunk >= grid.blocks && (grid.chunks - 1) * grid.chunk < grid.blocks, "\(rows)")
    }
    // The second operand stays in the second cache, or comes from beyond it for each chunk: 26 times 1.5 MiB are less than
    // 16 times 3 MiB, but not 38 times 2 MiB than 16 times 4 MiB.
    for (rows, k, n, isChunked) in [(1024, 1024, 256, true), (1024, 768, 512, true), (1024, 1024, 512, false)] {
      let grid = grid(rows, [k], n)
      #expect(grid.isFirstStreamed == isChunked && (grid.chunks > 1) == isChunked, "\(rows) × \(k) × \(n)")
    }
    // Gradients of weights, only if it stays.
    #expect(grid(1024, [1024], 256, others: nil).isFirstStreamed)
    #expect(!grid(1024, [1024], 257, others: nil).isFirstStreamed)
  }

  /// Each core has rows of its own where what lies in rows is more than the second operand, which each then reads once, and
  /// twice the first cache.
  @Test func coresHaveRowsOfTheirOwn() {
    var many = Self.processor
    many.cores = 6
    for (rows, k, n, others) in [(129, 64, 64, 1), (86, 64, 64, 2), (129, 256, 256, 1), (196, 256, 1024, 2)] {
      let grid = grid(rows, [k], n, others: others)
      #expect(grid.chunks == 2 && !grid.isFirstStreamed, "\(rows) × \(k) × \(n)")
    }
    // Six cores read the second operand six times, or the first.
    #expect(grid(512, [64], 256, others: 3, many).chunks == 6 && grid(128, [256], 256, others: 1, many).chunks == 1)
    for (rows, k, n, others) in [(128, 64, 64, 1), (85, 64, 64, 2), (128, 256, 256, 1), (32, 784, 128, 1)] {
      #expect(grid(rows, [k], n, others: others).chunks == 1, "\(rows) × \(k) × \(n)")
    }
    // Gradients of weights, places of a batch, windows.
    #expect(grid(784, [32], 128, others: nil).chunks == 1)
    #expect(grid(1024, [64], 256, batch: [2]).chunks == 1)
    #expect(grid(1024, [8, 8], 256).chunks == 1)
  }

  /// Workers share units evenly, so blocks that do not divide into equal chunks are dealt out evenly: 74 to ten chunks of
  /// seven or eight, and each core has half of them, each once.
  @Test func blocksAreDealtOutEvenly() throws {
    let grid = grid(1024, [256], 256)
    #expect(grid.blocks == 74 && grid.chunks == 10 && grid.chunk == 8)
    let builder = KernelBuilder(target: Self.processor.vector)
    let seen = builder.buffer(.i32, .write, count: grid.panels * grid.blocks)
    builder.forEachUnit { unit in
      grid.split(unit, builder) { _, panel, block in
        let place = builder.add(builder.multiply(panel, grid.blocks), block)
        builder.store(seen, place, builder.constant(1, RegisterType(.i32)))
      }
    }
    let kernel = try InterpretedKernel(builder.build(name: "split", units: grid.units))
    var halves: [[Int32]] = []
    for half in [0..<grid.units / 2, grid.units / 2..<grid.units] {
      var computed = [Int32](repeating: 0, count: grid.panels * grid.blocks)
      let failure = try computed.withUnsafeMutableBytes { try kernel.run([$0.baseAddress!], units: half) }
      #expect(failure == nil)
      halves.append(computed)
    }
    let counts: [Int32] = halves.map { half in half.reduce(0, +) }
    let sums: [Int32] = zip(halves[0], halves[1]).map { first, second in first + second }
    #expect(counts == [37 * 8, 37 * 8])
    #expect(sums.allSatisfy { $0 == 1 })
  }

  /// 784 × 128 sums in tiles of 14 rows: those of one core; but all blocks of a panel where the first operand is transposed,
  /// as in the gradient of weights, and examples are too many for cores to own rows of the weights.
  @Test(arguments: [("32, 784", 32, true, 28), ("128, 784", 128, true, 56), ("784, 32", 32, false, 28)])
  func weightsAreShared(_ shape: String, _ examples: Int, _ isTransposed: Bool, _ blocks: Int) throws {
    let graph = try Graph.parse(
      """
      graph @product(%x: f32[\(shape)], %y: f32[\(examples), 128]) {
        %p = matmul(%x, %y, transpose_a: \(isTransposed))
        return %p
      }

      """)[0]
    let backend = NativeBackend(target: try .named("x86-64-v4"))
    let kernels = try backend.plan(backend.optimized(graph)).program.kernels
    let inner = kernels.flatMap { $0.description.split(separator: "\n") }.first { $0.contains(" = constant \(blocks)") }
    #expect(kernels.count == 1 && inner != nil, "\(kernels)")
  }

  /// Each core keeps a second operand that a loop does not change, if that takes half of the second cache at most and each
  /// core has eight rows.
  @Test func coresKeepWhatALoopDoesNotChange() {
    var many = Self.processor
    many.cores = 6
    func keeps(_ rows: Int, _ k: Int, _ n: Int, _ processor: ProcessorModel = Self.processor) -> Bool {
      TileGrid.keepsSecond(rows: rows, n: n, k: k, elementBytes: 4, processor)
    }
    #expect(keeps(16, 128, 512) && !keeps(15, 128, 512))
    #expect(keeps(48, 128, 512, many) && !keeps(47, 128, 512, many))
    #expect(keeps(64, 256, 512) && !keeps(64, 256, 513))
    let rows = TileGrid(
      rows: 64, n: 512, k: [128], rowElements: 640, tile: ContractionTile(rows: 11, vectors: 2), width: 32, batch: [],
      sharesB: true, ownership: .rows, elementBytes: 4, processor: Self.processor)
    #expect(rows.chunk == 3 && rows.chunks == 2 && rows.units == 96)
  }

  /// Cores own rows of weights that few examples go through: as many for each, 64 or more, four for each example, and so
  /// that half of the second caches holds them.
  @Test func coresOwnRowsOfWeights() {
    func owns(_ k: Int, _ n: Int, _ rows: Int, cores: Int = 2) -> Bool {
      var processor = Self.processor
      processor.cores = cores
      return TileGrid.ownsWeights((k, n), rows: rows, elementBytes: 4, processor)
    }
    #expect(owns(784, 128, 32) && !owns(785, 128, 32))
    #expect(owns(784, 128, 98) && !owns(784, 128, 99))
    #expect(owns(128, 2048, 16) && !owns(126, 2048, 15))
    #expect(owns(1024, 256, 32) && !owns(1024, 257, 32))
    #expect(!owns(784, 128, 32, cores: 1) && owns(784, 128, 32, cores: 4) && !owns(1088, 128, 16, cores: 17))
    let work = Self.processor.serialWork
    #expect(owns(work / 4, 1, 4) && !owns(work / 4, 1, 3))
    let grid = TileGrid(
      rows: 32, n: 128, k: [784], rowElements: 1040, tile: ContractionTile(rows: 11, vectors: 2), width: 32, batch: [],
      sharesB: true, ownership: .depth, elementBytes: 4, processor: Self.processor)
    #expect(grid.parts.map(\.start) == [0, 784] && grid.parts.map(\.count) == [392, 0])
    #expect(grid.parts.map(\.splits) == [2, 1] && grid.units == 12 && grid.splits == 2)
  }

  /// Only weights that each run changes are read by rows: others stay in all caches that read them. They are not packed for
  /// it, though as many rows as 64 would be worth a copy of others; places of a batch are shared as they are.
  @Test(arguments: [
    ("32, 784", "784, 128", "update %w = %next", 2), ("64, 784", "784, 128", "update %w = %next", 2),
    ("32, 784", "784, 128", "", 1), ("2, 32, 784", "2, 784, 128", "update %w = %next", 1),
    ("32, 784", "128, 784", "update %w = %next", 1),
  ]) func changingWeightsAreReadByRows(_ x: String, _ weights: String, _ update: String, _ kernels: Int) throws {
    let graph = try Graph.parse(
      """
      graph @layer(%x: f32[\(x)]) {
        %w: f32[\(weights)] = variable(glorot_uniform)
        %p = matmul(%x, %w, transpose_b: \(weights.hasSuffix("784")))
        %next = negate(%w)
        \(update)
        return %p
      }

      """)[0]
    let draft = try GraphLowering.draft(graph, target: Self.processor)
    let products = draft.kernels.filter { $0.name.hasPrefix("matmul") }
    #expect(products.count == kernels, "\(draft.kernels.map(\.name))")
    #expect(kernels == 1 || products[0].units == 2 * products[1].units, "\(products.map(\.units))")
    #expect(kernels == 1 || !draft.buffers.contains { $0.name.contains("pack") }, "\(draft.buffers.map(\.name))")
  }

  /// The recurrent product of an LSTM: rows are shared, in eight blocks for two cores, only if all
  /// rounds multiply by the same matrix.
  @Test(arguments: [
    ("f32[160, 512]", "%h, %e, %w, carries: 1, sequences: 1", "%s, %x, %u", "%r, %q", 88),
    ("f32[4, 160, 512]", "%h, %e, %w, carries: 1, sequences: 2", "%s, %x, %u", "%r, %q", 80),
    ("f32[160, 512]", "%h, %w, %e, carries: 2, sequences: 1", "%s, %u, %x", "%r, %v, %q", 80),
  ]) func rowsAreSharedInLoops(
    _ weights: String, _ operands: String, _ parameters: String, _ results: String, _ units: Int
  ) throws {
    let types = ["%s": "f32[64, 160]", "%x": "f32[64, 512]", "%u": "f32[160, 512]"]
    let typed = parameters.split(separator: ", ").map { "\($0): \(types[String($0)] ?? "")" }.joined(separator: ", ")
    let names = results.split(separator: ", ").indices.map { "%o\($0)" }.joined(separator: ", ")
    let graph = try Graph.parse(
      """
      graph @loop(%h: f32[64, 160], %e: f32[4, 64, 512], %w: \(weights)) {
        \(names) = scan(\(operands)) { (\(typed)) in
          %p = matmul(%s, %u)
          %q = add(%p, %x)
          %r = slice(%q, starts: [0, 0], limits: [64, 160])
          %v = negate(%u)
          return \(results)
        }
        return \(names)
      }

      """)[0]
    let backend = NativeBackend(target: try .named("x86-64-v4"))
    let kernels = try backend.plan(backend.optimized(graph)).program.kernels
    let product = try #require(kernels.first { $0.name.hasPrefix("matmul") }, "\(kernels.map(\.name))")
    #expect(product.description.contains("units \(units)"), "\(product.description.prefix(200))")
  }

  /// The gradients of an LSTM's two matrices multiply by the same cotangents: these are packed once, and both read the copy,
  /// though the second product alone has too few rows to be worth one.
  @Test func packedPanelsAreReadByAll() throws {
    let graph = try Graph.parse(
      """
      graph @gradients(%h: f32[1792, 128], %x: f32[1792, 28], %z: f32[1792, 512]) {
        %u = matmul(%h, %z, transpose_a: true)
        %w = matmul(%x, %z, transpose_a: true)
        return %u, %w
      }

      """)[0]
    let draft = try GraphLowering.draft(graph, target: Self.processor)
    let packed = draft.buffers.indices.filter { draft.buffers[$0].name.contains("x1792x512") }
    #expect(packed.count == 1, "\(draft.buffers.map(\.name))")
    let readers = draft.steps.filter { step in
      guard case .launch(let launch) = step, draft.kernels[launch.launch.kernel].name == "matmul" else { return false }
      return launch.launch.arguments.contains { $0.buffer == packed.first }
    }
    #expect(readers.count == 2)
  }

  /// k is cut where a panel that three blocks or more use takes more than half of the second cache.
  @Test func deepPanelsAreCut() {
    #expect(grid(42, [4096], 512).partCount == 1)
    #expect(grid(42, [4097], 512).partCount == 5)
    #expect(grid(28, [4097], 512).partCount == 1)
    #expect(grid(29, [4097], 512).partCount == 5)
    #expect(grid(14, [4097], 512, batch: [3]).partCount == 5)
    #expect(grid(42, [4097], 512, batch: [3], sharesB: false).partCount == 1)
  }

  /// Of several axes the outermost is cut, at its own steps.
  @Test func windowsAreCutBetweenRows() {
    let tile = ContractionTile(rows: 7, vectors: 3)
    let window = grid(7, [3, 1536], 512, tile: tile, batch: [7])
    #expect(window.parts.map(\.start) == [0, 1, 2] && window.parts.allSatisfy { $0.count == 1 && $0.repetitions == 1 })
    #expect(window.uses == 7 && window.units == 77)
    // Five rows in parts of about 1,024 steps would be six: as many as there are.
    #expect(grid(7, [5, 1200], 512, tile: tile, batch: [7]).partCount == 5)
    let uneven = grid(7, [7, 600], 512, tile: tile, batch: [7])
    #expect(uneven.parts.map(\.start) == [0, 2, 6] && uneven.parts.map(\.count) == [2, 2, 1])
    #expect(uneven.parts.map(\.repetitions) == [1, 2, 1])
  }

  /// What is fetched ahead: rows of the next block, or those at the next place of the batch; nothing that stays.
  @Test func rowsAreFetchedAhead() {
    func operand(_ batch: [Int], free: Int, k: [Int]) -> ContractionOperand {
      ContractionOperand(
        handle: TensorHandle(buffer: 0, view: TensorView(.f32, [8, 8])), batch: batch, free: free, k: k)
    }
    let (rows, tile) = (operand([], free: 256, k: [1]), Self.tile)
    #expect(grid(3136, [256], 64).fetchDistance(rows, k: [256], tile: tile) == 14 * 256)
    #expect(grid(512, [256], 64).fetchDistance(rows, k: [256], tile: tile) == nil)
    #expect(grid(3136, [256], 64).fetchDistance(operand([], free: 300, k: [1]), k: [256], tile: tile) == nil)
    #expect(grid(3136, [256], 64).fetchDistance(operand([], free: 1, k: [3136]), k: [256], tile: tile) == nil)
    let places = operand([12_560], free: 64, k: [1])
    #expect(
      grid(196, [64], 64, batch: [36], sharesB: false).fetchDistance(places, k: [64], tile: tile) == 12_560)
    #expect(grid(196, [64], 64, batch: [10], sharesB: false).fetchDistance(places, k: [64], tile: tile) == nil)
    #expect(grid(196, [64], 64, batch: [36]).fetchDistance(places, k: [64], tile: tile) == nil)
  }
}
