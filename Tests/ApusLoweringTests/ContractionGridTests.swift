import Apus
import ApusCore
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
    // The second operand must stay in the second cache beside them: three quarters of it.
    #expect(grid(4096, [256], 768).chunks > 1)
    #expect(grid(4096, [256], 769).chunks == 1)
    #expect(!grid(4096, [256], 769).isFirstStreamed)
  }

  /// Each core has rows of its own where what lies in rows is more than twice the second operand and the first cache.
  @Test func coresHaveRowsOfTheirOwn() {
    var many = Self.processor
    many.cores = 6
    for (rows, k, n, others) in [(129, 64, 64, 1), (86, 64, 64, 2), (257, 256, 256, 1), (512, 64, 256, 3)] {
      let grid = grid(rows, [k], n, others: others)
      #expect(grid.chunks == 2 && !grid.isFirstStreamed, "\(rows) × \(k) × \(n)")
    }
    #expect(grid(512, [64], 256, others: 3, many).chunks == 6)
    for (rows, k, n, others) in [(128, 64, 64, 1), (85, 64, 64, 2), (256, 256, 256, 1), (32, 784, 128, 1)] {
      #expect(grid(rows, [k], n, others: others).chunks == 1, "\(rows) × \(k) × \(n)")
    }
    // Gradients of weights, places of a batch, windows.
    #expect(grid(784, [32], 128, others: nil).chunks == 1)
    #expect(grid(1024, [64], 256, batch: [2]).chunks == 1)
    #expect(grid(1024, [8, 8], 256).chunks == 1)
  }

  /// 784 × 128 sums of 32 products each, in tiles of 14 rows: all blocks of a panel where the first operand is transposed,
  /// as in the gradient of weights, else those of one core.
  @Test(arguments: [("32, 784", true, 56), ("784, 32", false, 28)]) func weightsAreSharedByColumns(
    _ shape: String, _ isTransposed: Bool, _ blocks: Int
  ) throws {
    let graph = try Graph.parse(
      """
      graph @product(%x: f32[\(shape)], %y: f32[32, 128]) {
        %p = matmul(%x, %y, transpose_a: \(isTransposed))
        return %p
      }

      """)[0]
    let backend = NativeBackend(target: try .named("x86-64-v4"))
    let kernels = try backend.plan(backend.optimized(graph)).program.kernels
    let inner = kernels.flatMap { $0.description.split(separator: "\n") }.first { $0.contains(" = constant \(blocks)") }
    #expect(kernels.count == 1 && inner != nil, "\(kernels)")
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
