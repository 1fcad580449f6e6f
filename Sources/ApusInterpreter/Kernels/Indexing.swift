import ApusCore
import ApusGraph
import ApusOperators

extension Gather: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let x = operands[0]
    var result = try context.unsetResult()
    if result.count == 0 { return [result] }
    let layout = AxisLayout(x, axis)
    let indices = try layout.resolved(operands[1])
    let slice = layout.inner * x.dtype.byteCount
    x.withUnsafeBytes { source in
      result.withUnsafeMutableBytes { target in
        for outer in 0..<layout.outer {
          for (position, index) in indices.enumerated() {
            let from = (outer * layout.size + index) * slice
            let to = (outer * indices.count + position) * slice
            UnsafeMutableRawBufferPointer(rebasing: target[to..<(to + slice)])
              .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[from..<(from + slice)]))
          }
        }
      }
    }
    return [result]
  }
}

extension ScatterAdd: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let updates = operands[1]
    let layout = AxisLayout(operands[2], axis)
    if updates.count == 0 { return [operands[2]] }
    let indices = try layout.resolved(operands[0])
    let inner = layout.inner
    var kernel = AddKernel(updates: updates, result: operands.removeLast()) { i in
      let (slice, offset) = (i / inner, i % inner)
      return (slice / indices.count * layout.size + indices[slice % indices.count]) * inner + offset
    }
    return [try updates.dtype.dispatchArithmetic(&kernel)]
  }
}

extension TakeAlongAxis: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let x = operands[0]
    let layout = AxisLayout(x, axis)
    let places = try layout.placesAlongAxis(operands[1], axis)
    return [try x.picking(places, into: context.unsetResult())]
  }
}

extension PutAlongAxisAdd: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let (indices, updates) = (operands[0], operands[1])
    if updates.count == 0 { return [operands[2]] }
    let places = try AxisLayout(operands[2], axis).placesAlongAxis(indices, axis)
    var kernel = AddKernel(updates: updates, result: operands.removeLast()) { places[$0] }
    return [try updates.dtype.dispatchArithmetic(&kernel)]
  }
}

/// Adds the updates in order, each at the place that a function of its number gives.
private struct AddKernel: ArithmeticVisitor {
  let updates: Tensor
  var result: Tensor
  let place: (Int) -> Int

  mutating func visit<Element: ArithmeticElement>(_ type: Element.Type) throws -> Tensor {
    updates.withElements(as: type) { updates in
      result.withMutableElements(as: type) { result in
        for (i, update) in updates.enumerated() {
          let target = place(i)
          result[target] = .sum(result[target], update)
        }
      }
    }
    return result
  }
}

/// A tensor seen as outer × size × inner around one axis, or several adjacent ones.
struct AxisLayout {
  /// The first of them.
  let axis: Int
  let outer: Int
  let size: Int
  let inner: Int

  /// - Parameter axis: exists, as the shape rule has checked; negative counts from the end.
  init(_ tensor: Tensor, _ axis: Int) {
    let axis = axis < 0 ? axis + tensor.rank : axis
    self.init(tensor.dimensions, axis..<(axis + 1))
  }

  init(_ dimensions: [Int], _ axes: Range<Int>) {
    axis = axes.lowerBound
    outer = dimensions[..<axes.lowerBound].reduce(1, &*)
    size = dimensions[axes].reduce(1, &*)
    inner = dimensions[axes.upperBound...].reduce(1, &*)
  }

  /// Indices as positions on the axis, negative ones counted from the end.
  /// - Throws: `ApusError` that names the first that is out of range.
  func resolved(_ indices: Tensor) throws -> [Int] {
    // As read, resolved, and as the places that follow from them.
    try Memory.check(3 * MemoryLayout<Int>.stride * indices.count)
    var read = ReadIntegers(source: indices)
    return try indices.dtype.dispatch(&read).enumerated().map { position, index in
      let resolved = index < 0 ? index + Int64(size) : index
      guard resolved >= 0, resolved < size else {
        throw ApusError.input(
          "index \(index) (number \(position) of \(indices.count)) is out of range for axis \(axis) of size \(size)",
          help: size == 0 ? "an empty axis has no elements to index" : "indices lie in \(-size) … \(size - 1)")
      }
      return Int(resolved)
    }
  }

  /// For each index, one for each place of a tensor of its shape, the place in this tensor that it means.
  func placesAlongAxis(_ indices: Tensor, _ axis: Int) throws -> [Int] {
    let own = AxisLayout(indices, axis)
    return try resolved(indices).enumerated().map { position, index in
      let offset = position % own.inner
      let line = position / own.inner / own.size
      return (line * size + index) * inner + offset
    }
  }
}

private struct ReadIntegers: TensorElementVisitor {
  let source: Tensor
  mutating func visit<Element: TensorElement>(_ type: Element.Type) -> [Int64] {
    source.withElements(as: type) { $0.map(\.asInt64) }
  }
}

extension Tensor {
  /// The elements at `places`, in order, written to a tensor of as many.
  func picking(_ places: [Int], into target: Tensor) -> Tensor {
    var target = target
    let width = dtype.byteCount
    withUnsafeBytes { source in
      target.withUnsafeMutableBytes { target in
        for (position, place) in places.enumerated() {
          for byte in 0..<width { target[position * width + byte] = source[place * width + byte] }
        }
      }
    }
    return target
  }
}
