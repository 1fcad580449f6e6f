import ApusCore
import ApusKernels
import ApusPlanning

/// The register tile of a matrix product: `rows` × `vectors` accumulators stay in registers while k runs.
struct ContractionTile: Hashable {
  var rows: Int
  var vectors: Int

  /// The tile that makes an m × n × k product cheapest by the processor's model: shapes are known, so the best split of m
  /// and n into tiles is a search, not a rule of thumb.
  /// - Parameters:
  ///   - lanes: numbers in a vector.
  ///   - processor: whose registers, loads and cores count.
  ///   - mostRows: of the first operand that can be read without packing them first; nil: any number.
  ///   - fixed: vectors that a tile must have; nil: any number.
  static func best(
    m: Int, n: Int, k: Int, batch: Int = 1, lanes: Int, processor: ProcessorModel, mostRows: Int? = nil,
    vectors fixed: Int? = nil
  ) -> ContractionTile {
    var best = ContractionTile(rows: 1, vectors: 1)
    var least = Double.infinity
    for vectors in fixed.map({ $0...$0 }) ?? 1...mostVectors {
      for rows in 1...mostRowsOfTile where fits(rows: rows, vectors: vectors, registers: processor.vectorRegisters) {
        let tile = ContractionTile(rows: rows, vectors: vectors)
        var cost = tile.cost(m: m, n: n, k: k, batch: batch, lanes: lanes, processor)
        if let mostRows, rows > mostRows, m > 1, n >= 4 * vectors * lanes {
          cost += packingCost * Double(m * k * batch)
        }
        if cost < least { (best, least) = (tile, cost) }
      }
    }
    return best
  }

  /// Whether a tile's loop keeps all in registers: sums, a row of the second operand, an element of the first, and one for
  /// what LLVM wants. Where fewer than four are left beside the sums, LLVM moves some of these to memory in each step.
  private static func fits(rows: Int, vectors: Int, registers: Int) -> Bool {
    rows * vectors + max(4, vectors + 2) <= registers
  }

  /// The largest tiles that are tried. With more rows, each has an address of its own in a register, of which there are 16;
  /// more vectors than four leave too few rows to use them.
  private static let (mostRowsOfTile, mostVectors) = (16, 4)

  // Measured on Zen 4, in multiply-adds of a vector, and taken to hold for other processors too.

  /// What it costs to pack an element of the first operand.
  private static let packingCost = 2.8
  /// What loads' delays cost in a step of k: `delay / sums²`, at most `longestDelay`. Fitted to tiles of 16 to 28 sums.
  private static let (delay, longestDelay) = (750.0, 8.0)
  /// What a tile's start and end cost, and storing each sum.
  private static let (tileCost, storeCost) = (20.0, 2.0)
  /// What each additional shape of tile costs: code to compile and to hold in the cache.
  private static let shapeCost = 0.01

  /// Multiply-adds that take as long as the whole product on one core, with a penalty where the cores could not share it
  /// evenly.
  private func cost(m: Int, n: Int, k: Int, batch: Int, lanes: Int, _ processor: ProcessorModel) -> Double {
    let loadCost = processor.multiplyAddsPerCycle / processor.vectorLoads
    let broadcastCost = processor.multiplyAddsPerCycle / processor.broadcastLoads
    let allVectors = (n + lanes - 1) / lanes
    let panels = (allVectors / vectors, allVectors % vectors)
    let blocks = (m / rows, m % rows)
    func tile(_ r: Int, _ v: Int) -> Double {
      if r == 0 || v == 0 { return 0 }
      let sums = Double(r * v)
      // The fewer sums, the more of the loads' delays show.
      let arithmetic = sums + min(Self.longestDelay, Self.delay / (sums * sums))
      let loads = Double(v) * loadCost + Double(r) * broadcastCost
      return max(arithmetic, loads) * Double(k) + Self.tileCost + Self.storeCost * sums
    }
    let total =
      Double(panels.0 * blocks.0) * tile(rows, vectors) + Double(panels.0) * tile(blocks.1, vectors)
      + Double(blocks.0) * tile(rows, panels.1) + tile(blocks.1, panels.1)
    let units = batch * (panels.0 + (panels.1 > 0 ? 1 : 0)) * (blocks.0 + (blocks.1 > 0 ? 1 : 0))
    let shapes = (blocks.1 > 0 && blocks.0 > 0 ? 2 : 1) * (panels.1 > 0 && panels.0 > 0 ? 2 : 1)
    let cores = processor.cores
    let balance = Double((units + cores - 1) / cores * cores) / Double(max(1, units))
    return total * balance * (1 + Self.shapeCost * Double(shapes - 1))
  }
}
