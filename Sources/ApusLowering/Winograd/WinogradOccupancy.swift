import ApusCore
import ApusKernels
import ApusOperators
import ApusPlanning

/// Which elements of a convolution's result have a window in the image that is not all zeros, the padding's included.
///
/// A word of 64 bits for each tile, which `WinogradCorrection` reads. Almost all tiles of almost all images have no empty
/// window, which four elements in all channels prove: each window of a tile covers one of them. Only where one of the four
/// is zero, all elements are looked at.
struct WinogradOccupancy {
  private let geometry: WinogradGeometry
  private let image: TensorHandle
  /// Whether no window lies wholly in the padding.
  private let windowsMeetImage: Bool
  private let node: NodeLowering
  private let vectors: ChannelVectors

  /// All windows hold something.
  static let all = -1
  /// The bit of a tile's element.
  static func bit(_ u: Int, _ v: Int) -> Int { rowBits * u + v }
  /// A row of the largest tile.
  private static let rowBits = 8

  /// Whether zeros need this: the transforms of 2 × 2 tiles mix elements of one window only, so that those of zeros are 0.
  static func isNeeded(tile: Int) -> Bool { tile > 2 }

  /// - Parameters:
  ///   - geometry: of the image's tiles.
  ///   - high: rows and columns of padding after the image.
  ///   - node: its operand is the image `[batch, height, width, in]`, its result the words `[batch, tiles]`.
  init(_ geometry: WinogradGeometry, high: [Int], _ node: NodeLowering) {
    (self.geometry, self.node, image) = (geometry, node, node.operands[0])
    windowsMeetImage = (geometry.low + high).allSatisfy { $0 <= 2 }
    vectors = ChannelVectors(image.dimensions[3], image.dtype, node.target)
  }

  func lower() {
    let images = image.dimensions[0]
    // Four loads and as many logical operations.
    let work = 8 * images * geometry.tileCount * vectors.count * vectors.lanes
    node.kernel(
      "winograd_occupied", units: images * geometry.tileCount, flopCount: 0, isSerial: work < node.target.serialWork
    ) { scope in
      let b = scope.builder
      let (from, to) = (scope.read(image), scope.write(node.results[0]))
      b.forEachUnit { unit in
        let parts = b.split(unit, by: [images] + geometry.tiles)
        let origin = [0, 1].map { b.add(b.multiply(parts[$0 + 1], geometry.step), -geometry.low[$0]) }
        let tile = Tile(image: parts[0], origin: origin, from: from, b: b)
        let word = b.branch(quick(tile)) {
          [b.index(WinogradOccupancy.all)]
        } otherwise: {
          [exact(tile)]
        }[0]
        to.store([parts[0], b.add(b.multiply(parts[1], geometry.tiles[1]), parts[2])], word)
      }
    }
  }

  private struct Tile {
    let image: Register
    let origin: [Register]
    let from: TensorAccess
    let b: KernelBuilder
  }

  /// Whether four elements say that no window is empty. Windows begin at 0 to m − 1 and cover three elements: those up to 2
  /// cover 2, those from 2 on cover the m-th, and no other is left. If these lie beyond the image, the image's last element
  /// takes their place: a window that begins before it and meets it ends beyond it.
  private func quick(_ tile: Tile) -> Register {
    let b = tile.b
    let lines = [0, 1].map { axis in
      [2, geometry.step - 1].map { number -> Line in
        let at = b.add(tile.origin[axis], number)
        let (position, exists) = b.inside(at, geometry.size[axis])
        return windowsMeetImage ? (position, nil) : (at, exists)
      }
    }
    let found = holding(lines[0].flatMap { row in lines[1].map { (row, $0) } }, tile)
    return found.dropFirst().reduce(found[0]) { b.binary(.and, $0, $1) }
  }

  /// The word of a tile, all elements looked at.
  private func exact(_ tile: Tile) -> Register {
    let b = tile.b
    let size = b.index(geometry.window)
    func line(_ axis: Int, _ number: Register) -> (at: Register, exists: Register) {
      let at = b.add(tile.origin[axis], number)
      return (at, b.inside(at, geometry.size[axis]).exists)
    }
    let set = b.loop(from: b.index(0), to: size, carrying: [b.index(0)]) { u, word in
      let row = line(0, u)
      return b.loop(from: b.index(0), to: size, carrying: word) { v, word in
        let column = line(1, v)
        return b.branch(b.binary(.and, row.exists, column.exists)) {
          let holds = holding([((row.at, nil), (column.at, nil))], tile)[0]
          let place = b.add(b.multiply(u, WinogradOccupancy.rowBits), v)
          return [b.binary(.or, word[0], b.binary(.shiftLeft, b.select(holds, b.index(1), b.index(0)), place))]
        } otherwise: {
          word
        }
      }
    }[0]
    // Each bit takes in those of its window: three neighbors in the row, then three rows.
    return [1, WinogradOccupancy.rowBits].reduce(set) { bits, distance in
      [1, 2].reduce(bits) { b.binary(.or, $0, b.binary(.shiftRight, bits, b.index($1 * distance))) }
    }
  }

  /// A row or column, and whether it is in the image; nil: it is.
  private typealias Line = (at: Register, exists: Register?)

  /// For each place whether any channel of its element is other than ±0.
  private func holding(_ places: [(row: Line, column: Line)], _ tile: Tile) -> [Register] {
    let (b, lanes) = (tile.b, vectors.lanes)
    let type = RegisterType(image.dtype.scalarType, lanes: lanes)
    let bits = type.with(type.scalar == .f64 ? .i64 : .i32)
    let start = [Register](repeating: b.constant(0, bits), count: places.count)
    let found = b.loop(from: b.index(0), to: b.index(vectors.count), carrying: start) { vector, found in
      let (channel, mask) = vectors.place(vector, b)
      return zip(places, found).map { place, found in
        let conditions =
          [place.row.exists, place.column.exists].compactMap(\.self).map { b.splat($0, lanes: lanes) }
          + [mask].compactMap(\.self)
        let x = tile.from.load(
          [tile.image, place.row.at, place.column.at, channel], lanes: lanes,
          mask: conditions.isEmpty ? nil : conditions.dropFirst().reduce(conditions[0]) { b.binary(.and, $0, $1) })
        return b.binary(.or, found, b.convert(.bits, x, to: bits.scalar))
      }
    }
    return found.map { found in
      // Without the sign.
      let any = b.horizontal(found) { b.binary(.or, $0, $1) }
      return b.compare(.notEqual, b.add(any, any), b.constant(0, b.type(of: any)))
    }
  }
}
