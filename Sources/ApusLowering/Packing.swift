import ApusCore
import ApusKernels
import ApusPlanning

/// An operand copied into panels first: [panel][k][rows or columns of the panel].
struct Packing {
  let operand: ContractionOperand
  /// Sizes of the axes of k.
  let k: [Int]
  /// Rows of the first operand or columns of the second, and how many make a panel.
  let count: Int
  let width: Int
  let batch: [Int]
  let node: NodeLowering

  init(_ operand: ContractionOperand, k: [Int], count: Int, width: Int, batch: [Int], node: NodeLowering) {
    (self.operand, self.k, self.count, self.width, self.batch, self.node) = (operand, k, count, width, batch, node)
  }

  /// Whether the second operand is better packed: rows far apart cost a page each, and where the distance is a power of
  /// two, the cache's sets; worth a copy where the copy is read several times. It must be where k does not run through it
  /// evenly. Not worth it either where a panel is too large to stay in the second cache anyway and its rows are so close
  /// (eight to a page) that the hardware prefetcher follows them.
  static func pays(
    _ b: ContractionOperand, _ k: [Int], n: Int, rows: Int, tile: ContractionTile, width: Int,
    _ processor: ProcessorModel
  ) -> Bool {
    let cache = processor.secondCache.bytes
    let isContiguous = b.free == 1 || n == 1
    let isEven = zip(b.k, TensorView.rowMajorStrides(k)).allSatisfy { $0 == $1 * (b.k.last ?? 1) }
    let size = b.handle.dtype.byteCount
    let bytes = k.reduce(n, *) * size
    let isPassing = k.reduce(width, *) * size > cache / 2 && abs(b.k.last ?? 1) * size <= 8 * processor.lineBytes
    return !isContiguous || !isEven || (bytes >= cache / 4 && rows >= 3 * tile.rows && !isPassing)
  }

  /// Whether the first operand is better packed: where the rows of a tile lie so that they share few sets of the first
  /// cache, each element would be fetched anew.
  static func pays(
    _ a: ContractionOperand, _ k: [Int], rows: Int, n: Int, tile: ContractionTile, width: Int,
    _ processor: ProcessorModel
  ) -> Bool {
    guard rows > 1, n >= 4 * width else { return false }
    // Of each line that a step of k reads a tile uses half or less, and by the next tile the lines are gone.
    let isThin = a.free == 1 && k.count == 1 && 2 * tile.rows * a.handle.dtype.byteCount <= processor.lineBytes
    if isThin, k[0] * processor.lineBytes > processor.firstCache.bytes / 2 { return true }
    if isFar(a, k, columns: n, width: width, processor) { return true }
    guard let most = mostRows(a, k, processor) else { return false }
    return tile.rows > most
  }

  /// Whether each step of k reads a line far from the one before, which no prefetcher follows, and the lines are gone by
  /// the next tile: the farther, the fewer panels are worth a copy. On Emerald Rapids 1024 × 256 × 1024 multiply-adds ran
  /// at 0.4 of their rate where lines were a page apart. A quarter of a page apart a copy won 0 to 14% where eight panels
  /// passed by, 11 to 18% where it was 32; an eighth of a page apart 0 to 12% where it was 16.
  private static func isFar(
    _ a: ContractionOperand, _ k: [Int], columns: Int, width: Int, _ processor: ProcessorModel
  ) -> Bool {
    guard a.free == 1, k.count == 1 else { return false }
    let distance = abs(a.k[0]) * a.handle.dtype.byteCount
    return k[0] > mostRows(distance: distance, processor) && columns * distance >= 4 * width * 32 * processor.lineBytes
  }

  /// How many rows of the first operand can be read at a time without losing each other in the first cache, where the
  /// second operand passes through it too; nil: any number.
  static func mostRows(_ a: ContractionOperand, _ k: [Int], _ processor: ProcessorModel) -> Int? {
    guard a.free != 1, k.count == 1, k[0] >= leastDepth else { return nil }
    return mostRows(distance: abs(a.free) * a.handle.dtype.byteCount, processor)
  }

  /// Steps of k below which a row is a line or few: there is little to fetch anew.
  private static let leastDepth = 64

  /// The same for rows so many bytes apart. Addresses repeat sets after a way's bytes; five eighths of a set's lines are
  /// for the rows, the rest for the second operand.
  static func mostRows(distance: Int, _ processor: ProcessorModel) -> Int {
    let cache = processor.firstCache
    let powerOfTwo = distance & -distance
    let sets = powerOfTwo == 0 ? 1 : max(1, cache.bytes / cache.ways / powerOfTwo)
    return cache.ways * 5 / 8 * sets + 1
  }

  /// Says which copy of the operand this is.
  private var key: String { "pack \(width)x\(k.reduce(1, *))x\(count) \(operand.k)" }

  /// Whether another product has packed the same operand in the same way: then this one reads that copy.
  var isDone: Bool { node.isHoisted(operand.handle, key) }

  func packed() throws -> ContractionOperand {
    let handle = operand.handle
    let ownBatch = zip(batch, operand.batch).map { $1 == 0 ? 1 : $0 }
    let depth = k.reduce(1, *)
    let all = TensorView(handle.dtype, ownBatch + [depth * count])
    let packed = try node.hoisted(handle, key, all) { target in
      let view = handle.view
      let whole = count / width
      let tail = count % width
      func part(_ panels: Int, from: Int, columns: Int) throws {
        guard panels > 0, depth > 0 else { return }
        let dimensions = ownBatch + [panels] + k + [columns]
        let source = TensorView(
          view.dtype, dimensions, strides: operand.batch + [width * operand.free] + operand.k + [operand.free],
          offset: view.offset + from * operand.free)
        let rowMajor = TensorView.rowMajorStrides(ownBatch).map { $0 * depth * count }
        let inner = TensorView.rowMajorStrides(k).map { $0 * columns }
        let destination = TensorView(
          view.dtype, dimensions, strides: rowMajor + [width * depth] + inner + [1], offset: from * depth)
        try node.copy(from: handle.with(view: source), to: target.with(view: destination))
      }
      try part(whole, from: 0, columns: width)
      try part(tail > 0 ? 1 : 0, from: whole * width, columns: tail)
    }
    return Packing.panels(packed, k: k, count: count, batch: batch, of: operand)
  }

  /// An operand whose panels are there already. Matrices of a batch may lie apart, as the handle says.
  static func panels(
    _ handle: TensorHandle, k: [Int], count: Int, batch: [Int], of operand: ContractionOperand
  ) -> ContractionOperand {
    let ownBatch = zip(batch, operand.batch).map { $1 == 0 ? 1 : $0 }
    var strides =
      handle.dimensions.starts(with: ownBatch)
      ? Array(handle.view.strides.prefix(ownBatch.count))
      : TensorView.rowMajorStrides(ownBatch).map { $0 * k.reduce(1, *) * count }
    for axis in batch.indices where ownBatch[axis] == 1 { strides[axis] = 0 }
    return ContractionOperand(handle: handle, batch: strides, free: 1, k: TensorView.rowMajorStrides(k))
  }
}
