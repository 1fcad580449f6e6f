import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// A contraction as a product of matrices over [batch…, m, n], summed over k, which may be several axes.
struct ContractionOperands {
  var a: ContractionOperand
  var b: ContractionOperand
  /// Sizes of the axes of k, outermost first.
  var k: [Int]

  var kCount: Int { k.reduce(1, *) }

  /// Neighboring axes of k that both operands see as one become one, and axes of one element go.
  mutating func mergeAxes() {
    for axis in k.indices.reversed() where k.count > 1 {
      if k[axis] == 1 {
        removeAxis(axis)
      } else if axis + 1 < k.count, joins(axis) {
        k[axis + 1] *= k[axis]
        removeAxis(axis)
      }
    }
  }

  private mutating func removeAxis(_ axis: Int) {
    k.remove(at: axis)
    a.k.remove(at: axis)
    b.k.remove(at: axis)
  }

  /// Whether an axis and the one behind it lie like one in both operands.
  private func joins(_ axis: Int) -> Bool {
    let inner = k[axis + 1]
    return a.k[axis] == a.k[axis + 1] * inner && b.k[axis] == b.k[axis + 1] * inner
  }
}

/// Strides of one operand over [batch…, m, n] and k.
struct ContractionOperand {
  var handle: TensorHandle
  /// Over the batch axes.
  var batch: [Int]
  /// Over m of a, over n of b.
  var free: Int
  /// Over the axes of k.
  var k: [Int]
}

/// A contraction that register tiles compute.
protocol ContractionLowerable: TiledContraction {
  /// - Parameter result: the result's dimensions.
  func contraction(_ operands: [TensorHandle], result: [Int], _ node: NodeLowering) throws -> ContractionOperands
}

extension Matmul: ContractionLowerable {
  func contraction(_ operands: [TensorHandle], result: [Int], _ node: NodeLowering) throws -> ContractionOperands {
    let a = operand(operands[0], isFirst: true, isTransposed: transposeA, rank: result.count)
    let b = operand(operands[1], isFirst: false, isTransposed: transposeB, rank: result.count)
    let dimensions = operands[0].dimensions
    return ContractionOperands(a: a, b: b, k: [dimensions[dimensions.count - (transposeA ? 2 : 1)]])
  }

  private func operand(_ handle: TensorHandle, isFirst: Bool, isTransposed: Bool, rank: Int) -> ContractionOperand {
    let view = handle.view
    let own = view.dimensions.count
    var batch = [Int](repeating: 0, count: rank - 2)
    for axis in 0..<(own - 2) where view.dimensions[axis] != 1 {
      batch[axis + rank - own] = view.strides[axis]
    }
    let (first, second) = (view.strides[own - 2], view.strides[own - 1])
    // a is [m, k], b is [k, n], before any transposition.
    let isFreeFirst = isFirst != isTransposed
    return ContractionOperand(
      handle: handle, batch: batch, free: isFreeFirst ? first : second, k: [isFreeFirst ? second : first])
  }
}

// A convolution is a product whose first operand repeats elements of the image (implicit im2col): only addresses say
// so, nothing is copied but what padding needs.

extension Convolution: ContractionLowerable {
  func contraction(_ operands: [TensorHandle], result: [Int], _ node: NodeLowering) throws -> ContractionOperands {
    let w = operands[1]
    let axes = try geometry(x: Shape(operands[0].dimensions), w: Shape(w.dimensions)).window.axes
    let x = try node.padded(
      operands[0], low: axes.map(\.low), high: axes.map(\.high), gaps: axes.map { _ in 0 })
    let (xs, ws) = (x.view.strides, w.view.strides)
    let places = zip(axes, xs.dropFirst()).map { $0.stride * $1 }
    return ContractionOperands(
      a: ContractionOperand(
        handle: x, batch: [xs[0]] + places.dropLast(), free: places[places.count - 1],
        k: zip(axes, xs.dropFirst()).map { $0.dilation * $1 } + xs.suffix(1)),
      b: ContractionOperand(
        handle: w, batch: [Int](repeating: 0, count: axes.count), free: ws[ws.count - 1], k: Array(ws.dropLast())),
      k: axes.map(\.window) + [w.dimensions[axes.count]])
  }
}

extension ConvolutionInputGradient: ContractionLowerable {
  /// The convolution of the cotangent, spread by the strides, by the kernel in reverse.
  func contraction(_ operands: [TensorHandle], result: [Int], _ node: NodeLowering) throws -> ContractionOperands {
    let w = operands[1]
    let axes = try geometry(x: Shape(result), w: Shape(w.dimensions)).window.axes
    let low = axes.map { $0.extent - 1 - $0.low }
    let g = try node.padded(
      operands[0], low: low,
      // So that the last element's window ends inside.
      high: zip(axes, low).map { $0.input + $0.extent - 1 - $1 - (($0.output - 1) * $0.stride + 1) },
      gaps: axes.map { $0.stride - 1 })
    let (gs, ws) = (g.view.strides, w.view.strides)
    var reversed = w.view
    for (axis, window) in axes.enumerated() { reversed.offset += (window.window - 1) * ws[axis] }
    return ContractionOperands(
      a: ContractionOperand(
        handle: g, batch: Array(gs[0..<axes.count]), free: gs[axes.count],
        k: zip(axes, gs.dropFirst()).map { $0.dilation * $1 } + gs.suffix(1)),
      b: ContractionOperand(
        handle: w.with(view: reversed), batch: [Int](repeating: 0, count: axes.count), free: ws[axes.count],
        k: ws[0..<axes.count].map { -$0 } + ws.suffix(1)),
      k: axes.map(\.window) + g.dimensions.suffix(1))
  }
}

extension ConvolutionFilterGradient: ContractionLowerable {
  func contraction(_ operands: [TensorHandle], result: [Int], _ node: NodeLowering) throws -> ContractionOperands {
    let g = operands[1]
    let axes = try geometry(x: Shape(operands[0].dimensions), w: Shape(result)).window.axes
    let x = try node.padded(
      operands[0], low: axes.map(\.low), high: axes.map(\.high), gaps: axes.map { _ in 0 })
    let (xs, gs) = (x.view.strides, g.view.strides)
    return ContractionOperands(
      a: ContractionOperand(
        handle: x, batch: zip(axes, xs.dropFirst()).map { $0.dilation * $1 }, free: xs[xs.count - 1],
        k: xs.prefix(1) + zip(axes, xs.dropFirst()).map { $0.stride * $1 }),
      b: ContractionOperand(
        handle: g, batch: [Int](repeating: 0, count: axes.count), free: gs[gs.count - 1], k: Array(gs.dropLast())),
      k: Array(g.dimensions.dropLast()))
  }
}

extension NodeLowering {
  /// An image `[batch, spatial…, channels]` with zeros around its spatial axes and between their elements: itself, where
  /// there are none. Less than none at the beginning is a step forward.
  func padded(_ x: TensorHandle, low: [Int], high: [Int], gaps: [Int]) throws -> TensorHandle {
    var view = x.view
    if low.allSatisfy({ $0 <= 0 }), high.allSatisfy({ $0 <= 0 }), gaps.allSatisfy({ $0 == 0 }) {
      view.cut(low)
      return x.with(view: view)
    }
    var dimensions = x.dimensions
    for axis in low.indices {
      let own = (x.dimensions[axis + 1] - 1) * (gaps[axis] + 1) + 1
      dimensions[axis + 1] = max(0, low[axis]) + max(0, own) + max(0, high[axis])
    }
    let target = temporary(x.dtype, dimensions)
    try fill(target, with: Tensor(repeating: 0, x.dtype, []))
    if x.count > 0 {
      var inside = target.view
      inside.dimensions = x.dimensions
      for axis in low.indices {
        inside.offset += max(0, low[axis]) * inside.strides[axis + 1]
        inside.strides[axis + 1] *= gaps[axis] + 1
      }
      try copy(from: x, to: target.with(view: inside))
    }
    var result = target.view
    result.cut(low.map { min(0, $0) })
    return target.with(view: result)
  }

  /// Adds a kernel that writes a scalar to all elements.
  func fill(_ target: TensorHandle, with value: Tensor) throws {
    let constant = sink.constant(value, for: self)
    try copy(
      from: TensorHandle(
        buffer: constant.buffer,
        view: TensorView(target.dtype, target.dimensions, strides: target.dimensions.map { _ in 0 })), to: target)
  }
}

extension TensorView {
  /// Without the first −low elements of each spatial axis.
  fileprivate mutating func cut(_ low: [Int]) {
    for (axis, low) in low.enumerated() {
      offset -= low * strides[axis + 1]
      dimensions[axis + 1] = max(0, dimensions[axis + 1] + low)
    }
  }
}
