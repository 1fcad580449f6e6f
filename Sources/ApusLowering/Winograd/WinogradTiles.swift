import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// The tiles of Winograd's algorithm as units of a kernel: a unit is a tile, in all its channels or in one vector of them.
struct WinogradTiles {
  let geometry: WinogradGeometry
  let vectors: ChannelVectors
  /// Images and tiles along both axes; of a filter its inputs.
  let outer: [Int]
  /// Whether vectors of channels are units of their own, for want of tiles.
  let sharesChannels: Bool

  /// - Parameter dimensions: of what is transformed.
  init(_ geometry: WinogradGeometry, _ dimensions: [Int], _ dtype: DType, _ target: ProcessorModel) {
    self.geometry = geometry
    vectors = ChannelVectors(dimensions[3], dtype, target)
    outer = geometry.part == .filter ? [dimensions[2]] : [dimensions[0]] + geometry.tiles
    sharesChannels = outer.reduce(1, *) < target.manyUnits
  }

  var units: Int { outer.reduce(1, *) * (sharesChannels ? vectors.count : 1) }

  /// One vector of channels of a tile.
  struct Tile {
    let tiles: WinogradTiles
    let outer: [Register]
    /// The first row and column, which may lie in the padding.
    let origin: [Register]
    let channel: Register
    /// Lanes that hold channels; nil: all.
    let mask: Register?
    let builder: KernelBuilder

    /// Where an element of the tile lies in what is transformed.
    func element(_ u: Int, _ v: Int) -> [Register] {
      tiles.geometry.part == .filter
        ? [builder.index(u), builder.index(v), outer[0], channel]
        : [outer[0], builder.add(origin[0], u), builder.add(origin[1], v), channel]
    }

    /// Where the tile lies among those of its image.
    var number: Register {
      tiles.geometry.part == .filter
        ? builder.index(0) : builder.add(builder.multiply(outer[1], tiles.geometry.tiles[1]), outer[2])
    }

    /// Where a point of the tile lies in what the transform gives.
    func point(_ p: Int, _ q: Int) -> [Register] {
      let point = builder.index(p * tiles.geometry.points + q)
      return tiles.geometry.part == .filter ? [point, number, outer[0], channel] : [point, outer[0], number, channel]
    }

    /// Emits `body` for tiles that lie wholly inside, and again for those that do not.
    /// - Parameter body: gets where an element of the tile lies, and its lanes that exist (nil: all). One that does not
    ///   exist has the place of its nearest neighbor that does, so that what does not vary along the lanes can be read.
    func emit(_ body: @escaping (_ element: (_ u: Int, _ v: Int) -> (indices: [Register], mask: Register?)) -> Void) {
      let geometry = tiles.geometry
      let open = [0, 1].filter { axis in
        geometry.part != .filter
          && (geometry.low[axis] > 0
            || (geometry.tiles[axis] - 1) * geometry.step + geometry.window > geometry.size[axis])
      }
      let inside = { body { (element($0, $1), mask) } }
      if open.isEmpty { return inside() }
      let border = {
        /// By axis, for each element along it.
        let lines = [0, 1].map { axis in
          (0..<geometry.window).map { builder.inside(builder.add(origin[axis], $0), geometry.size[axis]) }
        }
        body { u, v in
          let (row, column) = (lines[0][u], lines[1][v])
          let exists = builder.binary(.and, row.exists, column.exists)
          let lanes = builder.splat(exists, lanes: tiles.vectors.lanes)
          return (
            [outer[0], row.position, column.position, channel], mask.map { builder.binary(.and, lanes, $0) } ?? lanes
          )
        }
      }
      if open.contains(where: { geometry.size[$0] < geometry.window }) { return border() }
      let conditions = open.map {
        builder.compare(.lessUnsigned, origin[$0], builder.index(geometry.size[$0] - geometry.window + 1))
      }
      let all = conditions.dropFirst().reduce(conditions[0]) { builder.binary(.and, $0, $1) }
      builder.branch(all) {
        inside()
        return []
      } otherwise: {
        border()
        return []
      }
    }
  }

  /// Emits `body` for each vector of a unit.
  func forEachVector(_ unit: Register, _ b: KernelBuilder, _ body: (Tile) -> Void) {
    let parts = b.split(unit, by: outer + (sharesChannels ? [vectors.count] : []))
    let places = Array(parts.prefix(outer.count))
    let origin =
      geometry.part == .filter
      ? [] : [0, 1].map { b.add(b.multiply(places[$0 + 1], geometry.step), -geometry.low[$0]) }
    func emit(_ vector: Register) {
      let (channel, mask) = vectors.place(vector, b)
      body(Tile(tiles: self, outer: places, origin: origin, channel: channel, mask: mask, builder: b))
    }
    if sharesChannels { emit(parts[outer.count]) } else { b.loop(vectors.count, emit) }
  }
}

extension WinogradTiles {
  /// Pᵀ t P of a tile: by row and column.
  func transposed(_ tile: Tile, _ from: TensorAccess, _ b: KernelBuilder) -> [[Register]] {
    let p = geometry.matrix.rows
    let transposed = p[0].indices.map { j in p.map { $0[j] } }
    let columns = p.indices.map { q in
      b.product(transposed, p.indices.map { from.load(tile.point($0, q), lanes: vectors.lanes, mask: tile.mask) })
    }
    return transposed.indices.map { u in b.product(transposed, columns.map { $0[u] }) }
  }
}

/// Where tiles lie side by side a nest computes the transpose; here they overlap.
extension WinogradTranspose: Lowerable {
  public func lower(_ node: NodeLowering) throws {
    let (v, y) = (node.operands[0], node.results[0])
    guard y.count > 0 else { return }
    let geometry = try geometry(Shape(y.dimensions))
    try node.fill(y, with: Tensor(repeating: 0, y.dtype, []))
    let tiles = WinogradTiles(geometry, y.dimensions, y.dtype, node.target)
    let vectors = tiles.vectors
    // An image's tiles one after the other: neighbors add to the same elements.
    node.kernel(
      "winograd_transpose_\(settings.part)", units: y.dimensions[0] * vectors.count, flopCount: geometry.flopCount,
      isSerial: geometry.flopCount < node.target.serialWork
    ) { scope in
      let b = scope.builder
      let (from, to) = (scope.read(v), scope.update(y))
      b.forEachUnit { unit in
        let parts = b.split(unit, by: [y.dimensions[0], vectors.count])
        let (channel, mask) = vectors.place(parts[1], b)
        b.loop(geometry.tiles[0]) { i in
          b.loop(geometry.tiles[1]) { j in
            let origin = zip([i, j], geometry.low).map { b.add(b.multiply($0, geometry.step), -$1) }
            let tile = WinogradTiles.Tile(
              tiles: tiles, outer: [parts[0], i, j], origin: origin, channel: channel, mask: mask, builder: b)
            tile.emit { element in
              for (u, row) in tiles.transposed(tile, from, b).enumerated() {
                for (v, value) in row.enumerated() {
                  let (indices, mask) = element(u, v)
                  let old = to.load(indices, lanes: vectors.lanes, mask: mask)
                  to.store(indices, b.binary(.add, old, value), mask: mask)
                }
              }
            }
          }
        }
      }
    }
  }
}
