import ApusCore
import ApusKernels
import ApusOperators

/// Makes the tiles that end Winograd's algorithm equal to the direct sums where the difference is more than rounding.
///
/// - An element whose window of the image is all zeros is 0: the transforms of the tile around it cancel only up to
///   rounding, and what is left would count as active in a ReLU. `WinogradOccupancy` says which elements these are.
/// - A tile with a result that is infinite, NaN or huge is summed directly: the transforms take one such element of the
///   image to all elements of its tiles, and overflow earlier than the direct sum. No result that depends on a number that
///   is not finite comes out finite, because nothing brings an infinity or NaN back.
struct WinogradCorrection {
  /// A word for each tile, `[images, tiles]` of `i64`; nil: elements over zeros are exact anyway.
  let occupied: TensorHandle?
  let direct: DirectTile

  func bound(_ scope: KernelScope) -> Bound {
    Bound(words: occupied.map { scope.read($0) }, direct: direct.bound(scope), builder: scope.builder)
  }

  /// The correction in one kernel.
  struct Bound {
    fileprivate let words: TensorAccess?
    fileprivate let direct: DirectTile.Bound
    fileprivate let builder: KernelBuilder

    /// What elements read of many places.
    var buffers: [Int] { direct.buffers }

    /// The right values of a tile, given those of the algorithm: by row and column.
    func corrected(_ values: [[Register]], of tile: WinogradTiles.Tile) -> [[Register]] {
      let flat = values.flatMap(\.self)
      // Each product goes into one of the corners, so that each shows what is not finite, and the rounding of what is huge.
      let ends = [values[0], values[values.count - 1]]
      let isOrdinary = builder.areOrdinary(ends.flatMap { [$0[0], $0[$0.count - 1]] })
      let word = words.map { $0.load([tile.outer[0], tile.number]) }
      let isFull = word.map { builder.compare(.equal, $0, builder.index(WinogradOccupancy.all)) }
      let right = builder.branch(isFull.map { builder.binary(.and, isOrdinary, $0) } ?? isOrdinary) {
        flat
      } otherwise: {
        guard let word else { return direct.emit(tile) }
        return builder.branch(isOrdinary) {
          builder.zeroing(values, outside: word)
        } otherwise: {
          direct.emit(tile)
        }
      }
      let width = values[0].count
      return values.indices.map { Array(right[($0 * width)..<(($0 + 1) * width)]) }
    }
  }
}

extension KernelBuilder {
  /// Whether no element of an even number of vectors of floats is infinite, NaN or huge: the sum of the squares is finite,
  /// in which nothing cancels.
  fileprivate func areOrdinary(_ vectors: [Register]) -> Register {
    let sums = stride(from: 0, to: vectors.count, by: 2).map { first in
      multiplyAdd(vectors[first], vectors[first], binary(.multiply, vectors[first + 1], vectors[first + 1]))
    }
    let sum = sums.dropFirst().reduce(sums[0]) { binary(.add, $0, $1) }
    let isFinite = compare(.less, sum, constant(Double.infinity, type(of: sum)))
    return horizontal(isFinite) { binary(.and, $0, $1) }
  }

  /// The elements of a tile, 0 where a word of `WinogradOccupancy` says that the window is empty.
  fileprivate func zeroing(_ values: [[Register]], outside word: Register) -> [Register] {
    values.enumerated().flatMap { u, row in
      row.enumerated().map { v, value in
        let bit = binary(.and, word, index(1 << WinogradOccupancy.bit(u, v)))
        // A condition for each lane: a mask. One condition for all lanes would be a branch that the processor cannot predict.
        let isEmpty = splat(compare(.equal, bit, index(0)), lanes: type(of: value).lanes)
        return select(isEmpty, constant(0.0, type(of: value)), value)
      }
    }
  }
}
