import ApusCore
import ApusGraph
import ApusOperators

extension Sort: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let layout = AxisLayout(operands[0], axis)
    let order = try SortOrder(operands[0], layout, descending: descending)
    return [operands[0].picking(order.places(layout.size), into: try context.unsetResult())]
  }
}

extension ArgSort: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let layout = AxisLayout(operands[0], axis)
    let order = try SortOrder(operands[0], layout, descending: descending)
    return [try Tensor(order.positions(layout.size), operands[0].dimensions)]
  }
}

extension TopK: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let order = try SortOrder(operands[0], AxisLayout(operands[0], -1), descending: true)
    let values = operands[0].picking(order.places(k), into: try context.unsetResult(0))
    return [values, try Tensor(order.positions(k), values.dimensions)]
  }
}

/// The positions along an axis that put each of its lines in order, ties in order of position.
private struct SortOrder {
  let layout: AxisLayout
  /// For line (outer, inner), in that order, the positions along the axis.
  private var lines: [[Int]] = []

  init(_ x: Tensor, _ layout: AxisLayout, descending: Bool) throws {
    self.layout = layout
    // Keys, positions, and either of places or positions again.
    try Memory.check(3 * MemoryLayout<Int>.stride * x.count)
    var read = ReadKeys(source: x)
    let keys = try x.dtype.dispatch(&read)
    if keys.isEmpty { return }
    for outer in 0..<layout.outer {
      for inner in 0..<layout.inner {
        let line = (0..<layout.size).map { keys[(outer * layout.size + $0) * layout.inner + inner] }
        lines.append(
          line.indices.sorted { a, b in
            line[a] == line[b] ? a < b : (line[a] < line[b]) != descending
          })
      }
    }
  }

  /// The first `count` of each line, in row-major order of outer × count × inner.
  private func inRowMajorOrder<Result>(_ count: Int, _ result: (_ line: Int, _ position: Int) -> Result) -> [Result] {
    if lines.isEmpty { return [] }
    var all: [Result] = []
    all.reserveCapacity(lines.count * count)
    for outer in 0..<layout.outer {
      for rank in 0..<count {
        for inner in 0..<layout.inner {
          let line = outer * layout.inner + inner
          all.append(result(line, lines[line][rank]))
        }
      }
    }
    return all
  }

  func positions(_ count: Int) -> [Int64] { inRowMajorOrder(count) { _, position in Int64(position) } }

  /// The same as places in the tensor.
  func places(_ count: Int) -> [Int] {
    inRowMajorOrder(count) { line, position in
      (line / layout.inner * layout.size + position) * layout.inner + line % layout.inner
    }
  }
}

/// Integers in the order of the elements: 0 and -0 are equal, NaN is the largest.
private struct ReadKeys: TensorElementVisitor {
  let source: Tensor
  mutating func visit<Element: TensorElement>(_ type: Element.Type) -> [Int64] {
    source.withElements(as: type) { elements in
      Element.dtype.isFloating ? elements.map { ReadKeys.key($0.asDouble) } : elements.map(\.asInt64)
    }
  }

  /// The bits of a double are in order as signed integers, but for negative ones, whose magnitudes count downwards.
  private static func key(_ x: Double) -> Int64 {
    if x.isNaN { return .max }
    if x == 0 { return 0 }
    let bits = Int64(bitPattern: x.bitPattern)
    return bits < 0 ? bits ^ .max : bits
  }
}
