import ApusCore
import ApusOperators
import ApusPasses

/// What a convolution costs directly and by Winograd's algorithm, in cycles of one core: a model of where the time goes,
/// as coarse as choosing between ways that are some ten per cent apart allows.
struct WinogradCost {
  /// Images, tiles of an image, channels read and written.
  let images: Int
  let output: [Int]
  let inputs: Int
  let outputs: Int
  /// Whether the filter's transform is computed once for all runs.
  let isFilterFixed: Bool

  /// Whose arithmetic, caches and memory are counted.
  var processor = ProcessorModel.zen4

  /// The share of the multiply-adds a cycle that products reach, packing and edges included: measured on Zen 4 with the
  /// layers of VGG16, where direct ones reach 90 to 97%.
  private static let share = 0.93
  /// Instructions of a transform for each factor of its matrix: sums and differences serve two rows each.
  private static let instructionsPerTerm = 0.6
  /// The algorithm is taken where it is estimated to take so much less time than the direct way. The estimates are within
  /// some ten per cent of what was measured, and what is gained must be worth the larger error.
  private static let worthwhile = 0.9

  /// Vectors that products multiply and add a cycle.
  private var rate: Double { processor.multiplyAddsPerCycle * Self.share }

  /// Multiply-adds of the whole convolution.
  private var products: Double {
    9 * Double(images * output[0] * output[1]) * Double(inputs) * Double(outputs)
  }

  /// Columns come in whole vectors.
  private func vectors(_ channels: Int) -> Double { (Double(channels) / Double(processor.floatLanes)).rounded(.up) }

  var direct: Double {
    9 * Double(images * output[0] * output[1]) * Double(inputs) * vectors(outputs) / rate
  }

  func winograd(_ tile: Int) -> Double {
    let tiles = Double(images * ((output[0] + tile - 1) / tile) * ((output[1] + tile - 1) / tile))
    let points = Double((tile + 2) * (tile + 2))
    /// Cycles of one vector's transform: arithmetic on both sides, and each element and point once, as fast as
    /// multiply-adds.
    func transform(_ part: WinogradPart, _ window: Int) -> Double {
      let terms = Double(WinogradMatrix(part, tile: tile).termCount) * Self.instructionsPerTerm
      return (terms * Double(window + tile + 2) + points + Double(window * window)) / processor.multiplyAddsPerCycle
    }
    let gemm = points * tiles * Double(inputs) * vectors(outputs) / rate
    var rest = tiles * (vectors(inputs) * transform(.data, tile + 2) + vectors(outputs) * transform(.result, tile))
    var bytes = 2 * points * tiles * Double(inputs + outputs) * 4
    if !isFilterFixed {
      rest += Double(inputs) * vectors(outputs) * transform(.filter, 3)
      bytes += 2 * points * Double(inputs * outputs) * 4
    }
    // A filter that no cache holds is read from memory while it is multiplied.
    let filter = 4 * points * Double(inputs * outputs)
    let isRetained = filter <= Double(processor.retainedBytes)
    let products = isRetained ? gemm : max(gemm, filter / processor.memoryBandwidth)
    // What is transformed stays in the caches behind the first for a while.
    return products + rest + bytes / processor.lastCache.bandwidth
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
    return fastest.flatMap { winograd($0) < Self.worthwhile * direct ? $0 : nil }
  }
}
