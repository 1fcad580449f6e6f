import ApusOperators
import ApusPasses

/// What a convolution costs directly and by Winograd's algorithm, in cycles of one core with 512-bit vectors: a model of
/// where the time goes, as coarse as choosing between ways that are some ten per cent apart allows.
struct WinogradCost {
  /// Images, tiles of an image, channels read and written.
  let images: Int
  let output: [Int]
  let inputs: Int
  let outputs: Int
  /// Whether the filter's transform is computed once for all runs.
  let isFilterFixed: Bool

  /// Multiply-adds of a vector a cycle, and the share of them that products reach.
  private static let rate = 1.0, share = 0.93
  private static let lanes = 16.0
  /// Bytes a cycle to and from the caches behind the first, what is transformed lying there for a while.
  private static let bandwidth = 24.0
  /// Bytes that the caches keep from run to run, and bytes a cycle from memory for each of two cores.
  private static let cache = Double(8 << 20), memoryBandwidth = 5.0

  /// Multiply-adds of the whole convolution.
  private var products: Double {
    9 * Double(images * output[0] * output[1]) * Double(inputs) * Double(outputs)
  }

  /// Columns come in whole vectors.
  private static func vectors(_ channels: Int) -> Double { (Double(channels) / lanes).rounded(.up) }

  var direct: Double {
    9 * Double(images * output[0] * output[1]) * Double(inputs) * Self.vectors(outputs) / (Self.rate * Self.share)
  }

  func winograd(_ tile: Int) -> Double {
    let tiles = Double(images * ((output[0] + tile - 1) / tile) * ((output[1] + tile - 1) / tile))
    let points = Double((tile + 2) * (tile + 2))
    /// Instructions of one vector's transform: arithmetic on both sides, and each element and point once.
    func transform(_ part: WinogradPart, _ window: Int) -> Double {
      let terms = Double(WinogradMatrix(part, tile: tile).termCount) * 0.6
      return terms * Double(window + tile + 2) + points + Double(window * window)
    }
    let gemm = points * tiles * Double(inputs) * Self.vectors(outputs) / (Self.rate * Self.share)
    var rest =
      tiles * (Self.vectors(inputs) * transform(.data, tile + 2) + Self.vectors(outputs) * transform(.result, tile))
    var bytes = 2 * points * tiles * Double(inputs + outputs) * 4
    if !isFilterFixed {
      rest += Double(inputs) * Self.vectors(outputs) * transform(.filter, 3)
      bytes += 2 * points * Double(inputs * outputs) * 4
    }
    // A filter that no cache holds is read from memory while it is multiplied.
    let filter = 4 * points * Double(inputs * outputs)
    let products = filter > Self.cache ? max(gemm, filter / Self.memoryBandwidth) : gemm
    return products + rest + bytes / Self.bandwidth
  }

  /// The error's root mean square relative to the result's, as measured with 64 to 512 channels; `WinogradErrorTests` holds
  /// networks to bounds.
  static func error(_ tile: Int) -> String {
    switch tile {
    case 2: "4e-7"
    case 4: "1.1e-6"
    default: "5e-6"
    }
  }

  /// How many times fewer multiplications there are.
  func saving(_ tile: Int) -> Double {
    let tiles = Double(images * ((output[0] + tile - 1) / tile) * ((output[1] + tile - 1) / tile))
    return products / (Double((tile + 2) * (tile + 2)) * tiles * Double(inputs) * Double(outputs))
  }

  /// The fastest tile, where one is clearly faster than no tiles. Of 6 × 6 the error is four times that of 4 × 4, and
  /// little is gained: it must be asked for.
  var best: Int? {
    guard products > 0 else { return nil }
    let fastest = [2, 4].min { winograd($0) < winograd($1) }
    return fastest.flatMap { winograd($0) < 0.9 * direct ? $0 : nil }
  }
}
