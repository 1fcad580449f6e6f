import ApusKernels
import ApusOperators

/// Windows side by side along the last axis that are computed together: what several of them cover is read once, and none
/// waits for another's sum.
struct WindowTile {
  /// Tiles that reach into the padding in the same way.
  struct Shape {
    /// Tiles before this one have this shape or one before it.
    let end: Int
    /// How many windows a tile has.
    let windows: Int
    /// Distances from the first window's first element to those that windows cover, ascending, and for each the windows
    /// that cover it, with the tap at which they do.
    let columns: [(offset: Int, readers: [(window: Int, tap: Int)])]
  }

  /// Windows that a tile has at most: as many sums as registers hold beside a row of a filter.
  static let mostWindows = 8
  /// The most shapes: of the first tile, the last one, and those between.
  static let mostShapes = 3

  /// Windows of a tile; the last one may have fewer.
  let size: Int
  let count: Int
  let shapes: [Shape]

  /// Nil if windows are too large to be written out, or there is nothing to put side by side: windows that do not overlap
  /// share nothing, and one after the other they read memory in its order.
  init?(_ axes: [WindowAxis]) {
    guard let axis = axes.last, axis.output > 1, axis.stride < axis.extent,
      axes.reduce(1, { $0 * $1.window }) <= WindowGeometry.unrolledTaps
    else { return nil }
    let tiles = (axis.output + Self.mostWindows - 1) / Self.mostWindows
    size = (axis.output + tiles - 1) / tiles
    count = (axis.output + size - 1) / size
    var shapes: [Shape] = []
    var previous: [[Bool]] = []
    for tile in 0..<count {
      let first = tile * size
      let isCovered = (first..<min(first + size, axis.output)).map { place in
        (0..<axis.window).map { 0..<axis.input ~= place * axis.stride + $0 * axis.dilation - axis.low }
      }
      if isCovered == previous { shapes.removeLast() }
      shapes.append(Shape(axis, isCovered, end: tile + 1))
      guard shapes.count <= Self.mostShapes else { return nil }
      previous = isCovered
    }
    self.shapes = shapes
  }
}

extension WindowTile.Shape {
  /// - Parameter isCovered: of each window and tap, whether it is inside the image.
  fileprivate init(_ axis: WindowAxis, _ isCovered: [[Bool]], end: Int) {
    var readers: [Int: [(window: Int, tap: Int)]] = [:]
    for (window, taps) in isCovered.enumerated() {
      for (tap, isInside) in taps.enumerated() where isInside {
        readers[window * axis.stride + tap * axis.dilation, default: []].append((window, tap))
      }
    }
    self.init(
      end: end, windows: isCovered.count, columns: readers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
  }
}

extension KernelBuilder {
  /// Code for each shape of a tile, of which the one runs that the tile at `position` has.
  func forShape(of tile: WindowTile, at position: Register, _ body: (WindowTile.Shape) -> Void) {
    func choose(_ shapes: ArraySlice<WindowTile.Shape>) {
      guard let shape = shapes.first, shapes.count > 1 else { return shapes.forEach(body) }
      _ = branch(compare(.less, position, index(shape.end))) {
        body(shape)
        return []
      } otherwise: {
        choose(shapes.dropFirst())
        return []
      }
    }
    choose(tile.shapes[...])
  }

  /// What each window of a tile makes of all that it covers, one after the other, padding left out.
  /// - Parameters:
  ///   - places: the first window's place along each axis.
  ///   - start: what each window begins with.
  ///   - element: reads what stands at an index along each axis.
  ///   - weight: what goes with a tap.
  ///   - combine: takes an element in.
  func covered(
    _ axes: [WindowAxis], _ shape: WindowTile.Shape, _ places: [Register], from start: Register,
    element: ([Register]) -> Register, weight: ([Register]) -> Register?,
    _ combine: (_ known: Register, _ element: Register, _ weight: Register?) -> Register
  ) -> [Register] {
    let starts = zip(axes, places).map { add(multiply($1, $0.stride), -$0.low) }
    let outer = axes.dropLast()
    var known = [Register](repeating: start, count: shape.windows)
    for tap in combinations(outer.map(\.window)) {
      let row = zip(starts, zip(tap, outer)).map { add($0, $1.0 * $1.1.dilation) }
      let conditions = zip(row, zip(tap, outer)).filter { $1.1.mayMiss($1.0) }.map {
        compare(.lessUnsigned, $0, index($1.1.input))
      }
      func taken() -> [Register] {
        var (results, weights) = (known, [Int: Register?]())
        for (offset, readers) in shape.columns {
          let value = element(row + [add(starts[outer.count], offset)])
          for (window, column) in readers {
            let factor = weights[column] ?? weight((tap + [column]).map { index($0) })
            weights[column] = .some(factor)
            results[window] = combine(results[window], value, factor)
          }
        }
        return results
      }
      if let first = conditions.first {
        let isInside = conditions.dropFirst().reduce(first) { binary(.and, $0, $1) }
        known = branch(isInside) {
          taken()
        } otherwise: {
          known
        }
      } else {
        known = taken()
      }
    }
    return known
  }
}

extension WindowAxis {
  /// Whether a tap lies in the padding at some place.
  fileprivate func mayMiss(_ tap: Int) -> Bool {
    let first = tap * dilation - low
    return first < 0 || first + (output - 1) * stride >= input
  }
}
