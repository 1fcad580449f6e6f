import ApusCore
import ApusKernels
import ApusOperators

/// The elements of a tile as the sums that define them, without Winograd's algorithm: what is computed instead where that
/// gives numbers that are not finite.
struct DirectTile {
  enum Kind {
    /// A tile of a convolution's result: summed over the window and the channels.
    case result
    /// The filter's gradient for one input channel: summed over images and places.
    case filterGradient
  }

  let kind: Kind
  /// `[batch, height, width, in]`
  let image: TensorHandle
  /// The filter `[3, 3, in, out]`, or the cotangents `[batch, height, width, out]`.
  let other: TensorHandle
  /// Rows and columns of padding before the image.
  let low: [Int]

  func bound(_ scope: KernelScope) -> Bound {
    Bound(tile: self, image: scope.read(image), other: scope.read(other), builder: scope.builder)
  }

  /// The sums in one kernel.
  struct Bound {
    fileprivate let tile: DirectTile
    fileprivate let image: TensorAccess
    fileprivate let other: TensorAccess
    fileprivate let builder: KernelBuilder

    var buffers: [Int] { [image.buffer, other.buffer] }

    /// The elements of a tile, row by row.
    func emit(_ target: WinogradTiles.Tile) -> [Register] {
      let (window, lanes) = (target.tiles.geometry.window, target.tiles.vectors.lanes)
      let scalar = builder.constant(0.0, RegisterType(image.view.dtype.scalarType))
      let axes = other.dimensions.dropLast().enumerated().map { axis, size in
        (size, { (point: inout NestPoint, at: Register) in point.indices[axis] = at })
      }
      let start = NestPoint(indices: axes.map { _ in builder.index(0) })
      let zeros = [Register](repeating: builder.splat(scalar, lanes: lanes), count: window * window)
      return builder.nest(axes, start, carrying: zeros) { point, sums in
        let factor = other.load(point.indices + [target.channel], lanes: lanes, mask: target.mask)
        let (number, corner, channel) = place(point.indices, target)
        let lines = [0, 1].map { axis in
          (0..<window).map { builder.inside(builder.add(corner[axis], $0), image.dimensions[axis + 1]) }
        }
        return lines[0].enumerated().flatMap { u, row in
          lines[1].enumerated().map { v, column in
            let element = image.load([number, row.position, column.position, channel])
            let left = builder.select(builder.binary(.and, row.exists, column.exists), element, scalar)
            return builder.multiplyAdd(builder.splat(left, lanes: lanes), factor, sums[u * window + v])
          }
        }
      }
    }

    /// What element (0, 0) of the tile is a product with: the image's number, the row and the column, which may be
    /// outside, and the channel.
    private func place(
      _ at: [Register], _ target: WinogradTiles.Tile
    ) -> (number: Register, corner: [Register], channel: Register) {
      switch tile.kind {
      case .result:
        let corner = [0, 1].map { builder.add(builder.add(target.origin[$0], at[$0]), -tile.low[$0]) }
        return (target.outer[0], corner, at[2])
      case .filterGradient:
        return (at[0], [0, 1].map { builder.add(at[$0 + 1], -tile.low[$0]) }, target.outer[0])
      }
    }
  }
}

extension KernelBuilder {
  /// A position moved to the nearest that an axis of `size` elements has, and whether it is one itself.
  func inside(_ position: Register, _ size: Int) -> (position: Register, exists: Register) {
    let nearest = binary(.minimumSigned, binary(.maximumSigned, position, index(0)), index(size - 1))
    return (nearest, compare(.lessUnsigned, position, index(size)))
  }
}
