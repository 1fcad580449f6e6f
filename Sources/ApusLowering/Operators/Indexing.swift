import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

extension Iota: Lowerable {
  public func lower(_ node: NodeLowering) throws {
    let y = node.results[0]
    let axis = try Axis.normalized(axis, rank: y.dimensions.count)
    node.forEachPosition("iota", of: y.dimensions) { scope in
      let result = scope.write(y)
      return { at in result.store(at, scope.builder.cast(at[axis], from: .i64, to: y.dtype)) }
    }
  }
}

extension Size: Lowerable {
  public func lower(_ node: NodeLowering) throws {
    let axis = try Axis.normalized(axis, rank: node.operands[0].dimensions.count)
    let size = node.operands[0].dimensions[axis]
    node.kernel("size", units: 1, isSerial: true) { scope in
      let result = scope.write(node.results[0])
      result.store([], scope.builder.index(size))
    }
  }
}

extension TakeAlongAxis: Lowerable {
  public func lower(_ node: NodeLowering) throws {
    let (x, indices, y) = (node.operands[0], node.operands[1], node.results[0])
    let axis = try Axis.normalized(axis, rank: x.dimensions.count)
    let size = x.dimensions[axis]
    let code = node.indexFailure(operand: 1, axis: axis, size: size)
    node.forEachPosition("take_along_axis", of: y.dimensions) { scope in
      let b = scope.builder
      let (from, list, to) = (scope.read(x), scope.read(indices), scope.write(y))
      return { at in
        var place = at
        place[axis] = b.resolved(list.load(at), indices.dtype, size: size, code: code)
        to.store(at, x.count == 0 ? b.constant(0, RegisterType(x.dtype.scalarType)) : from.load(place))
      }
    }
  }
}

extension KernelBuilder {
  /// The sum of two elements, wrapping for integers.
  func sum(_ a: Register, _ b: Register, _ dtype: DType) -> Register {
    binary(dtype == .bool ? .or : .add, a, b)
  }
}

extension PutAlongAxisAdd: Lowerable {
  /// Lines along the axis are independent, so each of the axes before it makes units; duplicates add up in order.
  public func lower(_ node: NodeLowering) throws {
    let (indices, updates, base) = (node.operands[0], node.operands[1], node.operands[2])
    let y = node.results[0]
    try node.copy(from: base, to: y)
    let axis = try Axis.normalized(axis, rank: y.dimensions.count)
    let size = y.dimensions[axis]
    let code = node.indexFailure(operand: 0, axis: axis, size: size)
    let outer = Array(updates.dimensions[..<axis])
    let inner = Array(updates.dimensions[axis...])
    guard updates.count > 0 else { return }
    node.forEachPosition("put_along_axis_add", of: outer, work: inner.reduce(1, *)) { scope in
      let b = scope.builder
      let (list, from, to) = (scope.read(indices), scope.read(updates), scope.update(y))
      return { prefix in
        b.nested(inner) { rest in
          let at = prefix + rest
          var place = at
          place[axis] = b.resolved(list.load(at), indices.dtype, size: size, code: code)
          if y.count > 0 { to.store(place, b.sum(to.load(place), from.load(at), y.dtype)) }
        }
      }
    }
  }
}

extension KernelBuilder {
  /// Loops one in the other over all positions of a shape.
  func nested(_ dimensions: [Int], _ body: ([Register]) -> Void) {
    guard let first = dimensions.first else { return body([]) }
    loop(first) { i in nested(Array(dimensions.dropFirst())) { body([i] + $0) } }
  }
}

extension CumulativeSum: Lowerable {
  public func lower(_ node: NodeLowering) throws {
    let (x, y) = (node.operands[0], node.results[0])
    let axis = try Axis.normalized(axis, rank: x.dimensions.count)
    let size = x.dimensions[axis]
    var lines = x.dimensions
    lines.remove(at: axis)
    let (isReversed, isExclusive) = (reverse, exclusive)
    node.forEachPosition("cumulative_sum", of: lines, work: size) { scope in
      let b = scope.builder
      let (from, to) = (scope.read(x), scope.write(y))
      // As the interpreter: f32 is summed as f64.
      let wide: DType = x.dtype == .f32 ? .f64 : x.dtype
      return { line in
        let start = b.constant(0, RegisterType(wide.scalarType))
        b.loop(from: b.index(0), to: b.index(size), carrying: [start]) { i, sums in
          var at = line
          at.insert(isReversed ? b.binary(.subtract, b.index(size - 1), i) : i, at: axis)
          let next = b.sum(sums[0], b.cast(from.load(at), from: x.dtype, to: wide), wide)
          to.store(at, b.cast(isExclusive ? sums[0] : next, from: wide, to: x.dtype))
          return [next]
        }
      }
    }
  }
}
