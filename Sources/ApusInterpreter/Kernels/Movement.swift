import ApusCore
import ApusGraph
import ApusOperators

extension Reshape: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    [try operands[0].reshaped(context.dimensions())]
  }
}

extension Transpose: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let own = StridedWalk.dense(operands[0].dimensions)
    return [try gatherStrided(operands[0], context.dimensions(), strides: permutation.map { own[$0] })]
  }
}

extension Broadcast: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let dimensions = try context.dimensions()
    return [
      try gatherStrided(
        operands[0], dimensions, strides: StridedWalk.broadcast(operands[0].dimensions, to: dimensions))
    ]
  }
}

extension Slice: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let own = StridedWalk.dense(operands[0].dimensions)
    let offset = zip(starts, own).reduce(0) { $0 + $1.0 * $1.1 }
    return [
      try gatherStrided(
        operands[0], context.dimensions(), offset: offset, strides: own.indices.map { own[$0] * stride($0) })
    ]
  }
}

extension Reverse: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let x = operands[0]
    var strides = StridedWalk.dense(x.dimensions)
    var offset = 0
    for axis in try Axis.normalized(axes, rank: x.rank) {
      offset += max(0, x.dimensions[axis] - 1) * strides[axis]
      strides[axis] = -strides[axis]
    }
    return [try gatherStrided(x, x.dimensions, offset: offset, strides: strides)]
  }
}

extension Pad: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let x = operands[0]
    let dimensions = try context.dimensions()
    var y = try Tensor(filling: dimensions, with: value, x.dtype)
    let own = StridedWalk.dense(dimensions)
    let offset = zip(low, own).reduce(0) { $0 + $1.0 * $1.1 }
    try scatterStrided(x, into: &y, offset: offset, strides: own.indices.map { own[$0] * (gap($0) + 1) })
    return [y]
  }
}

extension Concatenate: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let dimensions = try context.dimensions()
    let axis = try Axis.normalized(axis, rank: dimensions.count)
    var y = try Tensor(uninitialized: operands[0].dtype, dimensions)
    let strides = StridedWalk.dense(dimensions)
    var start = 0
    for x in operands {
      try scatterStrided(x, into: &y, offset: start * strides[axis], strides: strides)
      start += x.dimensions[axis]
    }
    return [y]
  }
}

extension Iota: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let dimensions = try context.dimensions()
    let axis = try Axis.normalized(axis, rank: dimensions.count)
    var count = Count(n: dimensions[axis])
    let row = try dtype.dispatch(&count)
    var strides = [Int](repeating: 0, count: dimensions.count)
    strides[axis] = 1
    return [try gatherStrided(row, dimensions, strides: strides)]
  }
}

private struct Count: TensorElementVisitor {
  let n: Int
  func visit<T: TensorElement>(_ type: T.Type) throws -> Tensor { Tensor((0..<n).map { T(converting: Int64($0)) }) }
}

extension Size: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let axis = try Axis.normalized(axis, rank: operands[0].rank)
    return [Tensor(scalar: Int64(operands[0].dimensions[axis]))]
  }
}

extension ControlDependency: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] { [operands[0]] }
}
