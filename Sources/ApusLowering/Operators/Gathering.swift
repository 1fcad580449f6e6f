import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

extension Gather: Lowerable {
  public func lower(_ node: NodeLowering) throws {
    let (x, indices, y) = (node.operands[0], node.operands[1], node.results[0])
    let axis = try Axis.normalized(axis, rank: x.dimensions.count)
    let size = x.dimensions[axis]
    let rank = indices.dimensions.count
    let code = node.indexFailure(operand: 1, axis: axis, size: size)
    let rows = GatheredRows(x, from: axis + 1, y, from: axis + rank, node.target)
    if let rows, x.count > 0 { return rows.gather(node, axis, rank, code) }
    node.forEachPosition("gather", of: y.dimensions) { scope in
      let b = scope.builder
      let (from, list, to) = (scope.read(x), scope.read(indices), scope.write(y))
      return { at in
        let element = list.load(Array(at[axis..<(axis + rank)]))
        let index = b.resolved(element, indices.dtype, size: size, code: code)
        // An empty axis has nothing to load: the run has failed by then.
        let value =
          x.count == 0
          ? b.constant(0, RegisterType(x.dtype.scalarType)) : from.load(at[..<axis] + [index] + at[(axis + rank)...])
        to.store(at, value)
      }
    }
  }
}

extension ScatterAdd: Lowerable {
  public func lower(_ node: NodeLowering) throws {
    let (indices, updates, base) = (node.operands[0], node.operands[1], node.operands[2])
    let y = node.results[0]
    try node.copy(from: base, to: y)
    let axis = try Axis.normalized(axis, rank: y.dimensions.count)
    let size = y.dimensions[axis]
    let rank = indices.dimensions.count
    let code = node.indexFailure(operand: 0, axis: axis, size: size)
    guard updates.count > 0 else { return }
    let rows = GatheredRows(y, from: axis + 1, updates, from: axis + rank, node.target)
    if let rows, y.count > 0 { return rows.scatter(node, axis, rank, code) }
    let outer = Array(updates.dimensions[..<axis])
    let inner = Array(updates.dimensions[axis...])
    node.forEachPosition("scatter_add", of: outer, work: inner.reduce(1, *)) { scope in
      let b = scope.builder
      let (list, from, to) = (scope.read(indices), scope.read(updates), scope.update(y))
      return { prefix in
        b.nested(inner) { rest in
          let index = b.resolved(list.load(Array(rest[..<rank])), indices.dtype, size: size, code: code)
          let place = prefix + [index] + rest[rank...]
          if y.count > 0 { to.store(place, b.sum(to.load(place), from.load(prefix + rest), y.dtype)) }
        }
      }
    }
  }
}

/// What follows the indexed axis, if it lies as a row of neighbors in both tensors: rows are moved as vectors.
struct GatheredRows {
  /// Elements of a row.
  private let width: Int
  private let lanes: Int

  /// Nil if elements are to be moved one by one.
  /// - Parameters:
  ///   - axis: the first axis of a row in `a`.
  ///   - other: that in `b`.
  init?(_ a: TensorHandle, from axis: Int, _ b: TensorHandle, from other: Int, _ processor: ProcessorModel) {
    let dimensions = Array(a.dimensions[axis...])
    let isRow = [a.view.strides[axis...], b.view.strides[other...]].allSatisfy { strides in
      TensorView(a.dtype, dimensions, strides: Array(strides)).isContiguous
    }
    width = dimensions.reduce(1, *)
    lanes = processor.lanes(of: a.dtype.scalarType == .i1 ? .i8 : a.dtype.scalarType)
    guard isRow, width >= lanes else { return nil }
  }

  /// A unit copies a row.
  func gather(_ node: NodeLowering, _ axis: Int, _ rank: Int, _ code: Int?) {
    let (x, indices, y) = (node.operands[0], node.operands[1], node.results[0])
    let places = Array(y.dimensions[..<(axis + rank)])
    let units = places.reduce(1, *)
    node.kernel("gather", units: units, isSerial: y.count < node.target.serialWork || units == 1) { scope in
      let b = scope.builder
      let (from, list, to) = (scope.read(x), scope.read(indices), scope.write(y))
      b.forEachUnit { unit in
        let at = b.split(unit, by: places)
        let index = b.resolved(list.load(Array(at[axis...])), indices.dtype, size: x.dimensions[axis], code: code)
        let (source, target) = (from.start(at[..<axis] + [index]), to.start(at))
        func move(_ column: Register, _ mask: Register?) {
          let row = b.load(from.buffer, b.add(source, column), lanes: lanes, mask: mask)
          b.store(to.buffer, b.add(target, column), row, mask: mask)
        }
        b.loop(from: b.index(0), to: b.index(width / lanes * lanes), step: lanes) { move($0, nil) }
        let tail = width % lanes
        if tail > 0 { move(b.index(width - tail), b.mask(below: tail, lanes: lanes)) }
      }
    }
  }

  /// The vectors of a row that one unit adds to: a few lines, so that there are units for all workers.
  private static let share = 4

  /// A unit adds its columns of all updates, in their order: however many workers there are, the sums are the same.
  func scatter(_ node: NodeLowering, _ axis: Int, _ rank: Int, _ code: Int?) {
    let (indices, updates, y) = (node.operands[0], node.operands[1], node.results[0])
    let (outer, list) = (Array(y.dimensions[..<axis]), indices.dimensions)
    let share = Self.share * lanes
    let chunks = (width + share - 1) / share
    let units = outer.reduce(chunks, *)
    node.kernel(
      "scatter_add", units: units, flopCount: updates.count,
      isSerial: updates.count < node.target.serialWork || units == 1
    ) { scope in
      let b = scope.builder
      let (places, from, to) = (scope.read(indices), scope.read(updates), scope.update(y))
      b.forEachUnit { unit in
        let parts = b.split(unit, by: outer + [chunks])
        let prefix = Array(parts.dropLast())
        let column = b.multiply(parts[parts.count - 1], share)
        func add(_ count: Int) {
          b.nested(list) { at in
            let index = b.resolved(places.load(at), indices.dtype, size: y.dimensions[axis], code: code)
            let (source, target) = (b.add(from.start(prefix + at), column), b.add(to.start(prefix + [index]), column))
            for start in stride(from: 0, to: count, by: lanes) {
              let mask = count - start < lanes ? b.mask(below: count - start, lanes: lanes) : nil
              let update = b.load(from.buffer, b.add(source, start), lanes: lanes, mask: mask)
              let sum = b.load(to.buffer, b.add(target, start), lanes: lanes, mask: mask)
              b.store(to.buffer, b.add(target, start), b.sum(sum, update, y.dtype), mask: mask)
            }
          }
        }
        let last = width - (chunks - 1) * share
        if last == share || chunks == 1 { return add(last) }
        b.branch(b.compare(.less, parts[parts.count - 1], b.index(chunks - 1))) {
          add(share)
          return []
        } otherwise: {
          add(last)
          return []
        }
      }
    }
  }
}

extension TensorAccess {
  /// Where the elements begin that have these first indices.
  fileprivate func start(_ indices: [Register]) -> Register {
    position(indices + [Register](repeating: builder.index(0), count: dimensions.count - indices.count))
  }
}
