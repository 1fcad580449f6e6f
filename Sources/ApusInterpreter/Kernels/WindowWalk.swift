import ApusOperators

/// Visits what a window covers on the spatial axes of one image; fewer than three axes are led by axes of size 1.
struct WindowWalk {
  private let axes: (WindowAxis, WindowAxis, WindowAxis)
  /// Positions of the window, elements of the window, elements of the image; see `WindowGeometry`.
  let positions: Int
  let taps: Int
  let elements: Int
  /// Whether the window is one element that visits every element once.
  let isPointwise: Bool

  /// - Parameter geometry: of tensors that exist, so that products of their sizes do not overflow. The window's may,
  ///   if padding alone makes room for it; `taps` is meaningless then.
  init(_ geometry: WindowGeometry) {
    let axes = [WindowAxis](repeating: WindowAxis(), count: 3 - geometry.axes.count) + geometry.axes
    self.axes = (axes[0], axes[1], axes[2])
    (positions, taps, elements) = (geometry.positions, geometry.taps, geometry.elements)
    isPointwise = axes.allSatisfy(\.isPointwise)
  }

  /// Calls `body` for each element under each window, padding left out: the window's place, the position within the
  /// window, the element's place in the image; each in row-major order.
  @inline(__always)
  func visit(_ body: (_ place: Int, _ tap: Int, _ element: Int) throws -> Void) rethrows {
    let (x, y, z) = axes
    var place = 0
    for i in 0..<x.output {
      let u = Span(x, i)
      for j in 0..<y.output {
        let v = Span(y, j)
        for k in 0..<z.output {
          let w = Span(z, k)
          for a in u.taps {
            for b in v.taps {
              let row = (u.element(a) * y.input + v.element(b)) * z.input
              let tap = (a &* y.window &+ b) &* z.window
              for c in w.taps { try body(place, tap &+ c, row + w.element(c)) }
            }
          }
          place += 1
        }
      }
    }
  }

  /// The part of one window that is inside along one axis.
  private struct Span {
    let start: Int
    let dilation: Int
    let taps: Range<Int>

    init(_ axis: WindowAxis, _ place: Int) {
      start = place * axis.stride - axis.low
      dilation = axis.dilation
      let first = start < 0 ? (dilation - 1 - start) / dilation : 0
      let end = start < axis.input ? min(axis.window, (axis.input - 1 - start) / dilation + 1) : 0
      taps = first..<max(first, end)
    }

    func element(_ tap: Int) -> Int { start + tap * dilation }
  }
}
