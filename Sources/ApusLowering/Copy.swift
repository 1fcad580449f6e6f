import ApusCore
import ApusKernels
import ApusPlanning

extension NodeLowering {
  /// Adds a kernel that copies a tensor to a place of the same element type and dimensions.
  ///
  /// Runs along the axis in which the target's elements are neighbors; where the source's are neighbors along another,
  /// both are visited in blocks that stay in the first cache, square by square in registers.
  func copy(from source: TensorHandle, to target: TensorHandle) throws {
    guard source.dimensions == target.dimensions, source.dtype == target.dtype else {
      throw ApusError.defect("\(origin): a copy of \(source.view) to \(target.view)")
    }
    guard target.count > 0 else { return }
    // The target's axes from the farthest apart to neighbors.
    let order = target.dimensions.indices.sorted {
      (-abs(target.view.strides[$0]), $0) < (-abs(target.view.strides[$1]), $1)
    }
    let loops = NestLoops(
      domain: order.map { target.dimensions[$0] }, folded: [],
      strides: [source, target].map { handle in
        order.map { handle.dimensions[$0] == 1 ? 0 : handle.view.strides[$0] }
      })
    if let axis = transposedAxis(loops) { return copyTransposed(source, target, loops, neighbors: axis) }
    if hasShortRows(loops, source.dtype) { return copyRows(source, target, loops) }
    let lanes = self.target.lanes(of: source.dtype.scalarType == .i1 ? .i8 : source.dtype.scalarType)
    let width = loops.sizes.last ?? 1
    let outer = Array(loops.sizes.dropLast())
    let processor = self.target
    let share =
      outer.reduce(1, *) >= processor.manyUnits ? width : max(lanes, processor.copyUnitBytes / 4 / lanes * lanes)
    let chunks = (width + share - 1) / share
    let units = outer.reduce(1, *) * chunks
    kernel("copy", units: units, isSerial: target.count < self.target.serialWork || units == 1) { scope in
      let b = scope.builder
      let (read, write) = (scope.read(source), scope.write(target))
      let (from, to) = (loops.strides[0], loops.strides[1])
      b.forEachUnit { unit in
        let parts = b.split(unit, by: outer + (chunks > 1 ? [chunks] : []))
        let (source, target) = (b.start(of: read, parts, from), b.start(of: write, parts, to))
        let (fromStep, toStep) = (from.last ?? 0, to.last ?? 1)
        func move(_ at: Register, lanes: Int, mask: Register?) {
          let place = b.add(source, b.multiply(at, fromStep))
          let value: Register
          if fromStep == 0 {
            value = b.splat(b.load(read.buffer, place), lanes: lanes)
          } else if fromStep == 1 || lanes == 1 {
            value = b.load(read.buffer, place, lanes: lanes, mask: mask)
          } else {
            value = b.load(read.buffer, b.spread(place, fromStep, lanes), mask: mask)
          }
          let goal = b.add(target, b.multiply(at, toStep))
          if toStep == 1 || lanes == 1 {
            b.store(write.buffer, goal, value, mask: mask)
          } else {
            b.store(write.buffer, b.spread(goal, toStep, lanes), value, mask: mask)
          }
        }
        // Gathering lane by lane gains nothing over single elements.
        let lanes = fromStep > 1 || fromStep < 0 || toStep != 1 ? 1 : lanes
        let first = chunks > 1 ? b.multiply(parts[parts.count - 1], share) : b.index(0)
        let end = chunks > 1 ? b.binary(.minimumSigned, b.add(first, share), b.index(width)) : b.index(width)
        let whole =
          chunks > 1 ? b.binary(.minimumSigned, end, b.index(width / lanes * lanes)) : b.index(width / lanes * lanes)
        b.loop(from: first, to: whole, step: lanes) { move($0, lanes: lanes, mask: nil) }
        let tail = width % lanes
        if tail > 0 {
          if chunks == 1 {
            move(b.index(width - tail), lanes: lanes, mask: b.mask(below: tail, lanes: lanes))
          } else {
            b.branch(b.compare(.equal, end, b.index(width))) {
              move(b.index(width - tail), lanes: lanes, mask: b.mask(below: tail, lanes: lanes))
              return []
            }
          }
        }
      }
    }
  }

  /// Whether elements are neighbors in both along an axis of few lines, so that a unit of one row would spend its time on
  /// finding the row.
  private func hasShortRows(_ loops: NestLoops, _ dtype: DType) -> Bool {
    guard let width = loops.sizes.last, loops.sizes.count > 1 else { return false }
    return loops.strides.allSatisfy { $0.last == 1 } && width * dtype.byteCount <= 4 * target.lineBytes
  }

  /// A unit copies some rows that follow each other in the target. Where rows of another axis are nearer to each other in
  /// the source, units go along that axis first: what they read is on few pages then, though it is written to many places.
  private func copyRows(_ source: TensorHandle, _ target: TensorHandle, _ loops: NestLoops) {
    let (from, to) = (loops.strides[0], loops.strides[1])
    let (row, width) = (loops.sizes.count - 2, loops.sizes[loops.sizes.count - 1])
    let near = (0..<row).filter { loops.sizes[$0] > 1 && from[$0] != 0 && abs(from[$0]) < abs(from[row]) }
      .min { abs(from[$0]) < abs(from[$1]) }
    let block = rowsOfUnit(loops, source.dtype, near: near)
    // The digits of a unit's number, the last one changes first.
    let axes = (0...row).filter { $0 != near } + (near.map { [$0] } ?? [])
    let counts = axes.map { $0 == row ? (loops.sizes[row] + block - 1) / block : loops.sizes[$0] }
    let units = counts.reduce(1, *)
    let lanes = self.target.lanes(of: source.dtype.scalarType == .i1 ? .i8 : source.dtype.scalarType)
    // Whether a mask is a register of its own, a bit for each lane, as AVX-512 has them.
    let isMasked = self.target.hasMaskedAccess && self.target.vectorBytes >= 64
    kernel("copy", units: units, isSerial: target.count < self.target.serialWork || units == 1) { scope in
      let b = scope.builder
      let (read, write) = (scope.read(source), scope.write(target))
      b.forEachUnit { unit in
        var parts = loops.sizes.dropLast().map { _ in unit }
        for (axis, part) in zip(axes, b.split(unit, by: counts)) { parts[axis] = part }
        parts[row] = b.multiply(parts[row], block)
        let (source, target) = (b.start(of: read, parts, from), b.start(of: write, parts, to))
        var end = b.index(block)
        if loops.sizes[row] % block > 0 {
          end = b.binary(.minimumSigned, end, b.binary(.subtract, b.index(loops.sizes[row]), parts[row]))
        }
        b.loop(from: b.index(0), to: end) { at in
          let (source, target) = (b.add(source, b.multiply(at, from[row])), b.add(target, b.multiply(at, to[row])))
          var first = 0
          while first < width {
            let rest = width - first
            // Half a vector, a quarter and so on: masked stores take many times as long where masks are vectors.
            let count = isMasked ? lanes : min(lanes, 1 << (Int.bitWidth - 1 - rest.leadingZeroBitCount))
            let mask = rest < count ? b.mask(below: rest, lanes: lanes) : nil
            let value = b.load(read.buffer, b.add(source, first), lanes: count, mask: mask)
            b.store(write.buffer, b.add(target, first), value, mask: mask)
            first += count
          }
        }
      }
    }
  }

  /// So many that a unit writes sixteen lines and leaves enough units, and that the rows which neighboring units read stay
  /// in the first cache.
  private func rowsOfUnit(_ loops: NestLoops, _ dtype: DType, near: Int?) -> Int {
    let row = loops.sizes.count - 2
    let rowBytes = loops.sizes[row + 1] * dtype.byteCount
    var rows = max(1, 16 * target.lineBytes / rowBytes)
    if let near {
      let reach = loops.sizes[near] * abs(loops.strides[0][near]) * dtype.byteCount
      rows = min(rows, max(4, target.firstCache.bytes / 2 / reach))
    }
    let all = loops.sizes.dropLast().reduce(1, *)
    return max(1, min(rows, loops.sizes[row], all / target.manyUnits))
  }

  /// The axis along which the source's elements are neighbors, where it is another than the target's.
  private func transposedAxis(_ loops: NestLoops) -> Int? {
    let (from, to) = (loops.strides[0], loops.strides[1])
    guard let inner = from.last, inner != 0, abs(inner) != 1, to.last == 1, (loops.sizes.last ?? 0) >= 4 else {
      return nil
    }
    return from.indices.dropLast().first { from[$0] == 1 && loops.sizes[$0] >= 4 }
  }

  /// A unit copies a block of the source's neighbors, for all places along the target's inner axis: what is read of a line
  /// is all read while it is in the first cache.
  private func copyTransposed(
    _ source: TensorHandle, _ target: TensorHandle, _ loops: NestLoops, neighbors axis: Int
  ) {
    let size = loops.sizes[axis]
    let width = loops.sizes[loops.sizes.count - 1]
    // A line of `f32`.
    let block = min(size, self.target.lineBytes / 4)
    let (whole, tail) = (size / block, size % block)
    let scalar = source.dtype.scalarType
    // The side of squares that are transposed in registers. Those of short elements would take more than there are.
    let side = scalar.bits >= 32 ? self.target.lanes(of: scalar) : nil
    var outer = Array(loops.sizes.dropLast())
    outer[axis] = whole + (tail > 0 ? 1 : 0)
    let units = outer.reduce(1, *)
    kernel("copy", units: units, isSerial: target.count < self.target.serialWork || units == 1) { scope in
      let b = scope.builder
      let (read, write) = (scope.read(source), scope.write(target))
      let (from, to) = (loops.strides[0], loops.strides[1])
      b.forEachUnit { unit in
        var parts = b.split(unit, by: outer)
        let part = parts[axis]
        parts[axis] = b.multiply(part, block)
        let (source, target) = (b.start(of: read, parts, from), b.start(of: write, parts, to))
        let step = from[from.count - 1]
        /// Elements `first` up to `end` of the block at a place along the width, one by one.
        func moveEach(_ first: Int, _ end: Int, at: Register) {
          let start = b.add(source, b.multiply(at, step))
          let goal = b.add(target, at)
          let values = (first..<end).map { b.load(read.buffer, b.add(start, $0)) }
          for (position, value) in zip(first..<end, values) {
            b.store(write.buffer, b.add(goal, position * to[axis]), value)
          }
        }
        /// The same at as many places as a vector has lanes: rows are loaded, and columns stored.
        func moveSquare(_ first: Int, _ end: Int, lanes: Int, at: Register) {
          let mask = end - first < lanes ? b.mask(below: end - first, lanes: lanes) : nil
          let start = b.add(source, first)
          let rows = (0..<lanes).map { row in
            b.load(read.buffer, b.add(start, b.multiply(b.add(at, row), step)), lanes: lanes, mask: mask)
          }
          let goal = b.add(target, at)
          for (position, column) in zip(first..<end, b.transposed(rows)) {
            b.store(write.buffer, b.add(goal, position * to[axis]), column)
          }
        }
        func move(_ count: Int) {
          for first in stride(from: 0, to: count, by: side ?? count) {
            let end = min(first + (side ?? count), count)
            var squares = 0
            // With less than half of the lanes a square is no faster than its elements.
            if let side, 2 * (end - first) >= side {
              squares = width / side * side
              b.loop(from: b.index(0), to: b.index(squares), step: side) {
                moveSquare(first, end, lanes: side, at: $0)
              }
            }
            b.loop(from: b.index(squares), to: b.index(width)) { moveEach(first, end, at: $0) }
          }
        }
        if tail == 0 { return move(block) }
        b.branch(b.compare(.less, part, b.index(whole))) {
          move(block)
          return []
        } otherwise: {
          move(tail)
          return []
        }
      }
    }
  }
}

extension KernelBuilder {
  /// Where a tensor's elements begin at positions of all axes but the last.
  fileprivate func start(of access: TensorAccess, _ positions: [Register], _ strides: [Int]) -> Register {
    zip(positions, strides.dropLast()).reduce(index(access.view.offset)) { add($0, multiply($1.0, $1.1)) }
  }
}
