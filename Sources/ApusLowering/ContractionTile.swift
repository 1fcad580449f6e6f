import ApusCore
import ApusKernels
import ApusPlanning

/// The register tile of a matrix product: `rows` × `vectors` accumulators stay in registers while k runs.
struct ContractionTile: Hashable {
  var rows: Int
  var vectors: Int

  /// The tile that makes an m × n × k product cheapest by a small model of the processor, shapes being known: the best
  /// split of m and n into tiles is a search, not a rule of thumb.
  /// - Parameters:
  ///   - mostRows: of the first operand that can be read without packing them first; nil: any number.
  ///   - fixed: vectors that a tile must have; nil: any number.
  static func best(
    m: Int, n: Int, k: Int, batch: Int = 1, lanes: Int, registers: Int, mostRows: Int? = nil, vectors fixed: Int? = nil
  ) -> ContractionTile {
    var best = ContractionTile(rows: 1, vectors: 1)
    var least = Double.infinity
    for vectors in fixed.map({ $0...$0 }) ?? 1...4 {
      for rows in 1...16 where rows * vectors + vectors + 1 <= registers - 1 {
        let tile = ContractionTile(rows: rows, vectors: vectors)
        var cost = tile.cost(m: m, n: n, k: k, batch: batch, lanes: lanes)
        if let mostRows, rows > mostRows, m > 1, n >= 4 * vectors * lanes {
          cost += packingCost * Double(m * k * batch)
        }
        if cost < least { (best, least) = (tile, cost) }
      }
    }
    return best
  }

  /// Cycles that it takes to pack an element of the first operand, as measured.
  private static let packingCost = 2.8

  /// Cycles of the whole product on one core, and a penalty where two could not share it evenly.
  private func cost(m: Int, n: Int, k: Int, batch: Int, lanes: Int) -> Double {
    let allVectors = (n + lanes - 1) / lanes
    let panels = (allVectors / vectors, allVectors % vectors)
    let blocks = (m / rows, m % rows)
    func tile(_ r: Int, _ v: Int) -> Double {
      if r == 0 || v == 0 { return 0 }
      // In units of a vector multiply-add, of which there are one or two a cycle, eight in flight; as long as a vector load
      // or two scalar ones. The fewer accumulators, the more of the loads' delays show: what is lost was measured with
      // 16 to 28 of them. A tile's start and end cost some 20 units, and storing each accumulator about 2.
      let sums = Double(r * v)
      let arithmetic = sums + min(8, 750 / (sums * sums))
      let loads = Double(v) + Double(r) * 0.5
      return max(arithmetic, loads) * Double(k) + 20 + 2 * Double(r * v)
    }
    let total =
      Double(panels.0 * blocks.0) * tile(rows, vectors) + Double(panels.0) * tile(blocks.1, vectors)
      + Double(blocks.0) * tile(rows, panels.1) + tile(blocks.1, panels.1)
    let units = batch * (panels.0 + (panels.1 > 0 ? 1 : 0)) * (blocks.0 + (blocks.1 > 0 ? 1 : 0))
    let shapes = (blocks.1 > 0 && blocks.0 > 0 ? 2 : 1) * (panels.1 > 0 && panels.0 > 0 ? 2 : 1)
    let balance = Double((units + 1) / 2 * 2) / Double(max(1, units))
    // Each further shape of tile is code to compile and to hold in the cache.
    return total * balance * (1 + 0.01 * Double(shapes - 1))
  }
}
