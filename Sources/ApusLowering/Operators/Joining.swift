import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

extension Concatenate: Lowerable {
  public func lower(_ node: NodeLowering) throws {
    for (operand, place) in zip(node.operands, try places(in: node.results[0], node.operands.map(\.dimensions)))
    where operand != place { try node.copy(from: operand, to: place) }
  }

  /// Each operand's part of the result.
  func places(in result: TensorHandle, _ dimensions: [[Int]]) throws -> [TensorHandle] {
    let axis = try Axis.normalized(axis, rank: result.dimensions.count)
    var start = 0
    return dimensions.map { dimensions in
      var view = result.view
      view.offset += start * view.strides[axis]
      view.dimensions = dimensions
      start += dimensions[axis]
      return result.with(view: view)
    }
  }
}

extension Pad: Lowerable {
  /// The result is filled, then the operand copied to its places.
  public func lower(_ node: NodeLowering) throws {
    let (x, y) = (node.operands[0], node.results[0])
    if y.count > x.count { try node.fill(y, with: Tensor(filling: [], with: value, y.dtype)) }
    guard x.count > 0 else { return }
    var view = y.view
    for axis in x.dimensions.indices {
      view.offset += low[axis] * view.strides[axis]
      view.dimensions[axis] = x.dimensions[axis]
      view.strides[axis] *= gap(axis) + 1
    }
    try node.copy(from: x, to: y.with(view: view))
  }
}
