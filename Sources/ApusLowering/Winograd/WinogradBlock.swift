import ApusCore
import ApusOperators

/// A part of a layer's work: some images, or some rows of tiles of one.
struct WinogradBlock {
  var images: Range<Int>
  var rows: Range<Int>

  /// Bytes of a block's transforms: half of what the last cache keeps, the rest being for the filter and the image.
  static func byteLimit(_ processor: ProcessorModel) -> Int { processor.retainedBytes / 2 }

  static func blocks(_ geometry: WinogradGeometry, images: Int, bytes: Int, byteLimit: Int) -> [WinogradBlock] {
    let rows = geometry.tiles[0]
    let whole = WinogradBlock(images: 0..<images, rows: 0..<rows)
    let wanted = (bytes + byteLimit - 1) / byteLimit
    if wanted <= 1 { return [whole] }
    if images > 1 {
      return parts(of: images, wanted).map { WinogradBlock(images: $0, rows: 0..<rows) }
    }
    return parts(of: rows, wanted).map { WinogradBlock(images: 0..<images, rows: $0) }
  }

  /// A range in about so many parts: equal ones where a number near allows it, since each other size is other code.
  private static func parts(of count: Int, _ wanted: Int) -> [Range<Int>] {
    let wanted = min(wanted, count)
    let number = (wanted...min(count, 2 * wanted)).first { count % $0 == 0 } ?? wanted
    return (0..<number).map { $0 * count / number..<($0 + 1) * count / number }
  }
}

extension WinogradBlock {
  /// Blocks one after the other that only differ in where they lie.
  struct Run {
    var first: WinogradBlock
    var count: Int
    /// Images and rows of tiles from one to the next.
    var images: Int
    var rows: Int
  }

  static func runs(of blocks: [WinogradBlock], _ geometry: WinogradGeometry) -> [Run] {
    var runs: [Run] = []
    for block in blocks {
      if let run = runs.last, run.first.isLike(block, geometry) {
        if run.count == 1 {
          runs[runs.count - 1].images = block.images.lowerBound - run.first.images.lowerBound
          runs[runs.count - 1].rows = block.rows.lowerBound - run.first.rows.lowerBound
        }
        runs[runs.count - 1].count += 1
      } else {
        runs.append(Run(first: block, count: 1, images: 0, rows: 0))
      }
    }
    return runs
  }

  private func isLike(_ other: WinogradBlock, _ geometry: WinogradGeometry) -> Bool {
    guard images.count == other.images.count, rows.count == other.rows.count else { return false }
    if rows == other.rows { return true }
    return [self, other].allSatisfy { block in
      let first = block.rows.lowerBound * geometry.step - geometry.low[0]
      return first >= 0 && first + (block.rows.count - 1) * geometry.step + geometry.window <= geometry.size[0]
        && block.rows.upperBound < geometry.tiles[0]
    }
  }
}
