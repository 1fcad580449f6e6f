import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// An operator whose result is another look at its first operand's memory.
protocol ViewLowerable: ViewOperator {
  /// The result's elements in the operand's buffer; nil if only a row-major operand has such a view.
  func view(of x: TensorView, as dimensions: [Int]) -> TensorView?
}

extension Reshape: ViewLowerable {
  /// Axes that lie one in the other can be cut and joined at will; across the gaps between them nothing can.
  func view(of x: TensorView, as dimensions: [Int]) -> TensorView? {
    if x.isContiguous {
      return TensorView(x.dtype, dimensions, strides: TensorView.rowMajorStrides(dimensions), offset: x.offset)
    }
    // Groups of axes of equal size on both sides.
    var strides = [Int](repeating: 0, count: dimensions.count)
    var (i, j) = (0, 0)
    while i < x.dimensions.count || j < dimensions.count {
      let (iStart, jStart) = (i, j)
      var (a, b) = (1, 1)
      if i < x.dimensions.count {
        a = x.dimensions[i]
        i += 1
      }
      if j < dimensions.count {
        b = dimensions[j]
        j += 1
      }
      while a != b {
        if a < b {
          guard i < x.dimensions.count else { return nil }
          a *= x.dimensions[i]
          i += 1
        } else {
          guard j < dimensions.count else { return nil }
          b *= dimensions[j]
          j += 1
        }
      }
      let axes = (iStart..<i).filter { x.dimensions[$0] != 1 }
      for (first, second) in zip(axes, axes.dropFirst())
      where x.strides[first] != x.strides[second] * x.dimensions[second] { return nil }
      var stride = axes.last.map { x.strides[$0] } ?? 0
      for axis in (jStart..<j).reversed() {
        strides[axis] = dimensions[axis] == 1 ? 0 : stride
        stride *= dimensions[axis]
      }
    }
    return TensorView(x.dtype, dimensions, strides: strides, offset: x.offset)
  }
}

extension Transpose: ViewLowerable {
  func view(of x: TensorView, as dimensions: [Int]) -> TensorView? {
    TensorView(x.dtype, dimensions, strides: permutation.map { x.strides[$0] }, offset: x.offset)
  }
}

extension Broadcast: ViewLowerable {
  func view(of x: TensorView, as dimensions: [Int]) -> TensorView? {
    var strides = [Int](repeating: 0, count: dimensions.count)
    for axis in x.dimensions.indices where x.dimensions[axis] != 1 {
      strides[axis + dimensions.count - x.dimensions.count] = x.strides[axis]
    }
    return TensorView(x.dtype, dimensions, strides: strides, offset: x.offset)
  }
}

extension Slice: ViewLowerable {
  func view(of x: TensorView, as dimensions: [Int]) -> TensorView? {
    TensorView(
      x.dtype, dimensions, strides: x.strides.enumerated().map { $1 * stride($0) },
      offset: zip(starts, x.strides).reduce(x.offset) { $0 + $1.0 * $1.1 })
  }
}

extension Reverse: ViewLowerable {
  func view(of x: TensorView, as dimensions: [Int]) -> TensorView? {
    guard let axes = try? Axis.normalized(axes, rank: x.dimensions.count) else { return nil }
    var view = x
    for axis in axes {
      view.offset += max(0, x.dimensions[axis] - 1) * x.strides[axis]
      view.strides[axis] = -x.strides[axis]
    }
    return view
  }
}

extension ControlDependency: ViewLowerable {
  func view(of x: TensorView, as dimensions: [Int]) -> TensorView? { x }
}
