import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// Lowers sorting: the positions of each line in order, by merging runs of 1, 2, 4, … elements, which keeps ties in
/// their order (von Neumann's merge sort, from the bottom up).
private struct MergeSort {
  let x: TensorHandle
  let axis: Int
  let isDescending: Bool
  let node: NodeLowering

  var size: Int { x.dimensions[axis] }
  /// The axes besides.
  var lines: [Int] {
    var lines = x.dimensions
    lines.remove(at: axis)
    return lines
  }

  /// Whether a precedes b: NaN is the largest.
  private func precedes(_ a: Register, _ b: Register, _ builder: KernelBuilder) -> Register {
    func less(_ a: Register, _ b: Register) -> Register {
      switch x.dtype.kind {
      case .floating:
        builder.binary(
          .or, builder.compare(.less, a, b),
          builder.binary(.and, builder.compare(.notEqual, b, b), builder.compare(.equal, a, a)))
      case .signed: builder.compare(.less, a, b)
      case .unsigned, .boolean: builder.compare(.lessUnsigned, a, b)
      }
    }
    return isDescending ? less(b, a) : less(a, b)
  }

  /// - Parameter finish: what is emitted for the element that stands at a rank of a line: its position and itself.
  func lower(
    _ name: String, count: Int, results: [TensorHandle],
    _ finish:
      @escaping (
        _ scope: KernelScope, _ results: [TensorAccess], _ at: [Register], _ position: Register, _ element: Register
      ) -> Void
  ) {
    guard x.count > 0 else { return }
    let n = size
    let order = node.temporary(.i64, [2] + lines + [n])
    let half = x.count
    // Some sixteen operations for each element: a merge for each bit of its position.
    node.forEachPosition(name, of: lines, work: n * 16) { scope in
      let b = scope.builder
      let from = scope.read(x)
      let positions = scope.update(order)
      let writes = results.map { scope.write($0) }
      let lineStrides = TensorView.rowMajorStrides(lines + [n])
      return { line in
        let base = zip(line, lineStrides).reduce(b.index(0)) { b.add($0, b.multiply($1.0, $1.1)) }
        func element(_ position: Register) -> Register {
          var at = line
          at.insert(position, at: axis)
          return from.load(at)
        }
        // Halves of the temporary take turns.
        var (source, target) = (base, b.add(base, half))
        b.loop(n) { b.store(positions.buffer, b.add(source, $0), $0) }
        var width = 1
        while width < n {
          let (read, write, run) = (source, target, width)
          b.loop(from: b.index(0), to: b.index(n), step: 2 * run) { start in
            let middle = b.binary(.minimumSigned, b.add(start, run), b.index(n))
            let end = b.binary(.minimumSigned, b.add(start, 2 * run), b.index(n))
            b.loop(from: start, to: end, carrying: [start, middle]) { k, heads in
              let (i, j) = (heads[0], heads[1])
              let hasLeft = b.compare(.less, i, middle)
              let hasRight = b.compare(.less, j, end)
              // Where a run is used up, its last element is looked at and not taken.
              let left = b.load(positions.buffer, b.add(read, b.binary(.minimumSigned, i, b.index(n - 1))))
              let right = b.load(positions.buffer, b.add(read, b.binary(.minimumSigned, j, b.index(n - 1))))
              let isRightFirst = precedes(element(right), element(left), b)
              let takesRight = b.binary(
                .and, hasRight, b.binary(.or, b.unary(.not, hasLeft), isRightFirst))
              b.store(positions.buffer, b.add(write, k), b.select(takesRight, right, left))
              let step = b.cast(takesRight, from: .bool, to: .i64)
              return [b.add(i, b.binary(.subtract, b.index(1), step)), b.add(j, step)]
            }
          }
          swap(&source, &target)
          width *= 2
        }
        b.loop(count) { rank in
          let position = b.load(positions.buffer, b.add(source, rank))
          var at = line
          at.insert(rank, at: axis)
          finish(scope, writes, at, position, element(position))
        }
      }
    }
  }
}

extension Sort: Lowerable {
  public func lower(_ node: NodeLowering) throws {
    let x = node.operands[0]
    let axis = try Axis.normalized(axis, rank: x.dimensions.count)
    MergeSort(x: x, axis: axis, isDescending: descending, node: node)
      .lower("sort", count: x.dimensions[axis], results: node.results) { _, results, at, _, element in
        results[0].store(at, element)
      }
  }
}

extension ArgSort: Lowerable {
  public func lower(_ node: NodeLowering) throws {
    let x = node.operands[0]
    let axis = try Axis.normalized(axis, rank: x.dimensions.count)
    MergeSort(x: x, axis: axis, isDescending: descending, node: node)
      .lower("arg_sort", count: x.dimensions[axis], results: node.results) { _, results, at, position, _ in
        results[0].store(at, position)
      }
  }
}

extension TopK: Lowerable {
  public func lower(_ node: NodeLowering) throws {
    let x = node.operands[0]
    guard node.results[0].count > 0 else { return }
    MergeSort(x: x, axis: x.dimensions.count - 1, isDescending: true, node: node)
      .lower("top_k", count: k, results: node.results) { _, results, at, position, element in
        results[0].store(at, element)
        results[1].store(at, position)
      }
  }
}
