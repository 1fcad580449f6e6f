import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// How many lanes a nest's vectors have: as its widest float fills a register, `f32` where it has none.
func nestLanes(_ region: Graph, _ target: ProcessorModel) -> Int {
  let hasDouble = region.nodes.contains { $0.results.contains { region.type(of: $0).dtype == .f64 } }
  return target.lanes(of: hasDouble ? .f64 : .f32)
}

/// Lowers a region of elementwise operators and reductions over common axes.
///
/// Units are points of the kept axes (in a nest whose last axis is kept: with a share of that axis). In each unit,
/// reductions are done level by level, one sweep over the folded axes for all that are ready; a last sweep stores what
/// has the domain's whole shape, unless the last reductions read all of that: then they store it. Values are computed again
/// in each sweep: loads come from the cache by then. Long folds of columns take two vectors side by side, where that leaves
/// a unit for each core: rows are far apart, and each line that is fetched should be used whole.
struct ElementNest {
  let nest: Nest
  let lanes: Int

  init(_ nest: Nest) {
    self.nest = nest
    lanes = nestLanes(nest.region, nest.node.target)
  }

  /// Reductions of the region by the sweep in which they are ready; each needs those before only.
  private var levels: [[Node]] {
    var level = [Int](repeating: 0, count: nest.region.valueCount)
    var result: [[Node]] = []
    for node in nest.region.nodes {
      let ready = node.operands.map { level[$0.index] }.max() ?? 0
      let isReduction = node.op.asReduction != nil
      for id in node.results { level[id.index] = isReduction ? ready + 1 : ready }
      if isReduction {
        if result.count <= ready { result.append([]) }
        result[ready].append(node)
      }
    }
    return result
  }

  func lower(name: String) throws {
    let node = nest.node
    let region = nest.region
    let read = region.parameters
    let views = zip(read, node.operands).map { nest.domainStrides($0, $1.view) }
    let written = zip(region.outputs, node.results).map { nest.domainStrides($0, $1.view) }
    let positions = nest.positions
    let loops = NestLoops(
      domain: nest.domain, folded: nest.foldedAxes, strides: views + written + positions.map(\.strides))
    let keptCount = loops.kept.reduce(1) { $0 * loops.sizes[$1] }
    let foldedCount = loops.folded.reduce(1) { $0 * loops.sizes[$1] }
    guard keptCount > 0 else { return }
    // Which axes make units, and in how many parts the vector axis is cut where it is one of them.
    let isVectorKept = loops.vectorAxis != nil && !loops.isVectorFolded
    let outer = isVectorKept ? Array(loops.kept.dropLast()) : loops.kept
    let isPaired = isVectorKept && pairsVectors(loops, foldedCount)
    // A share is whole steps: no two units may have a vector in common.
    let step = isPaired ? 2 * lanes : 1
    let share = isVectorKept ? (vectorShare(loops, foldedCount) + step - 1) / step * step : 1
    let width = loops.vectorAxis.map { loops.sizes[$0] } ?? 1
    let chunks = isVectorKept ? (width + share - 1) / share : 1
    let outerCount = outer.reduce(1) { $0 * loops.sizes[$1] }
    let work = keptCount * max(1, foldedCount) * max(1, region.computationCount)
    node.kernel(
      name, units: outerCount * chunks, flopCount: region.flopCount,
      isSerial: work < node.target.serialWork || outerCount * chunks == 1
    ) { scope in
      let b = scope.builder
      var leaves: [Int: NestTensor] = [:]
      for (position, (id, operand)) in zip(read, node.operands).enumerated() {
        leaves[id.index] = NestTensor(access: scope.read(operand), strides: loops.strides[position])
      }
      let outputs = zip(region.outputs, node.results).enumerated().map { position, pair in
        (pair.0, NestTensor(access: scope.write(pair.1), strides: loops.strides[views.count + position]))
      }
      // A row's result is stored before the sweep for whole results, which may read what lay there.
      let hasWholes = outputs.contains { output in loops.folded.contains { output.1.varies(along: $0) } }
      let safe = outputs.filter { output in
        !hasWholes || loops.folded.contains { output.1.varies(along: $0) } || loops.folded.isEmpty
      }
      scope.allowInPlace(safe.map(\.1), over: leaves.values.map(\.self))
      let numbers = zip(positions, loops.strides.suffix(positions.count)).map { ($0.id.index, $1) }
      let emitter = NestEmitter(
        nest: nest, builder: b, leaves: leaves, positions: Dictionary(uniqueKeysWithValues: numbers))
      let work = UnitWork(
        nest: nest, loops: loops, emitter: emitter, outputs: outputs, levels: levels, lanes: lanes)
      b.forEachUnit { unit in
        let parts = b.split(unit, by: outer.map { loops.sizes[$0] } + (chunks > 1 ? [chunks] : []))
        var point = NestPoint(indices: loops.sizes.map { _ in b.index(0) })
        for (axis, part) in zip(outer, parts) { point.indices[axis] = part }
        if isVectorKept {
          let start = chunks > 1 ? b.multiply(parts[parts.count - 1], share) : b.index(0)
          work.emitKeptVectors(
            point, start: start, share: min(share, width), width: width, isPaired: isPaired, isLast: chunks == 1)
        } else {
          work.emitFolds([point])
        }
      }
    }
  }

  /// Whether a unit folds two vectors of columns at a time. Sums of few terms gain nothing.
  private func pairsVectors(_ loops: NestLoops, _ foldedCount: Int) -> Bool {
    guard foldedCount > SumBlock.mostTerms, levels.count == 1, levels[0].count <= 2 else { return false }
    let outer = loops.kept.dropLast().reduce(1) { $0 * loops.sizes[$1] }
    let pairs = loops.vectorAxis.map { loops.sizes[$0] / (2 * lanes) } ?? 0
    return pairs > 0 && outer * pairs >= nest.node.target.cores
  }

  /// How much of a kept vector axis one unit does: enough to be worth a unit, little enough to give every worker some.
  private func vectorShare(_ loops: NestLoops, _ foldedCount: Int) -> Int {
    guard let axis = loops.vectorAxis else { return 1 }
    let width = loops.sizes[axis]
    let outer = loops.kept.dropLast().reduce(1) { $0 * loops.sizes[$1] }
    let processor = nest.node.target
    if outer >= processor.manyUnits || width <= lanes { return width }
    return max(lanes, processor.unitWork / max(1, foldedCount) / lanes * lanes)
  }
}

/// What one unit of an element nest does.
private struct UnitWork {
  let nest: Nest
  let loops: NestLoops
  let emitter: NestEmitter
  let outputs: [(ValueID, NestTensor)]
  let levels: [[Node]]
  let lanes: Int

  var b: KernelBuilder { emitter.builder }

  /// Whether a value has the domain's whole shape, rather than one element for all that is folded.
  func isWhole(_ tensor: NestTensor) -> Bool { loops.folded.contains { tensor.varies(along: $0) } }

  // MARK: The vector axis is kept

  /// Vectors from `start` on, `share` elements, the last unit's share cut off at `width`.
  /// - Parameter isPaired: whether two vectors are folded at a time; a share is then some pairs.
  func emitKeptVectors(
    _ point: NestPoint, start: Register, share: Int, width: Int, isPaired: Bool, isLast: Bool
  ) {
    guard let axis = loops.vectorAxis else { return }
    var point = point
    point.vectorAxis = axis
    point.lanes = lanes
    func vectors(_ number: Int, at: Register, mask: Register? = nil) {
      emitFolds(
        (0..<number).map { position in
          var inner = point
          inner.indices[axis] = b.add(at, position * lanes)
          inner.mask = mask
          return inner
        })
    }
    let step = isPaired ? 2 * lanes : lanes
    let whole = width / step * step
    let end = isLast ? b.index(whole) : b.binary(.minimumSigned, b.add(start, share), b.index(whole))
    b.loop(from: start, to: end, step: step) { vectors(isPaired ? 2 : 1, at: $0) }
    func rest() {
      var at = whole
      if width - at >= lanes {
        vectors(1, at: b.index(at))
        at += lanes
      }
      if at < width { vectors(1, at: b.index(at), mask: b.mask(below: width - at, lanes: lanes)) }
    }
    if whole == width { return }
    if isLast { return rest() }
    b.branch(b.compare(.greater, b.add(start, share), b.index(whole))) {
      rest()
      return []
    }
  }

  // MARK: Sweeps over the folded axes

  /// All reductions at some points of the kept axes in the same sweeps, and the stores.
  func emitFolds(_ points: [NestPoint]) {
    var points = points
    let rows = outputs.filter { !isWhole($0.1) }
    var wholes = outputs.filter { isWhole($0.1) }
    for level in levels.dropLast() { sweep(level, &points) }
    if let last = levels.last {
      // What the last reductions read is stored as they read it, if no whole result is left for a sweep of its own, before
      // which nothing may be stored where operands may lie.
      let isRead = wholes.allSatisfy { whole in last.contains { $0.operands[0] == whole.0 } }
      sweep(last, &points, storing: isRead ? wholes : [])
      if isRead { wholes = [] }
    }
    store(rows, at: &points)
    guard !wholes.isEmpty else { return }
    _ = overFolded(points, carrying: []) { inner, _ in
      var inner = inner
      store(wholes, at: &inner)
      return []
    }
  }

  /// Stores results at some points. All values come before the first store: what is stored may lie where something was read.
  private func store(_ results: [(ValueID, NestTensor)], at points: inout [NestPoint]) {
    let registers = points.indices.map { at in results.map { stored($0.0, $0.1, &points[at]) } }
    for (point, values) in zip(points, registers) {
      for (result, register) in zip(results, values) { emitter.store(register, result.1, point) }
    }
  }

  private func stored(_ id: ValueID, _ tensor: NestTensor, _ point: inout NestPoint) -> Register {
    let isVector = point.vectorAxis.map { tensor.varies(along: $0) } ?? false
    return isVector ? emitter.vector(id, &point) : emitter.value(id, &point)
  }

  /// Runs `body` at each point of the folded axes, in vectors where the last of them is the vector axis.
  /// - Parameter points: of the kept axes; `body` gets all of them with the folded axes' position.
  private func overFolded(
    _ points: [NestPoint], carrying registers: [SweepRegister], _ body: ([NestPoint], [Register]) -> [Register]
  ) -> [Register] {
    let vectorAxis = loops.isVectorFolded ? loops.vectorAxis : nil
    let sweep = loops.folded.map { SweepLoop(size: loops.sizes[$0], step: $0 == vectorAxis ? lanes : 1) }
    return b.sweep(over: sweep, carrying: registers, ways: SumBlock.ways, keepsWide: true) { at, isTail, carried in
      let inner = points.map { point in
        var inner = point
        for (axis, position) in zip(loops.folded, at) { inner.indices[axis] = position }
        if let vectorAxis {
          (inner.vectorAxis, inner.lanes) = (vectorAxis, lanes)
          if isTail { inner.mask = b.mask(below: loops.sizes[vectorAxis] % lanes, lanes: lanes) }
        }
        return inner
      }
      return body(inner, carried)
    }
  }

  /// The reductions of one level in one sweep; their values are known at `points` afterwards.
  /// - Parameter results: operands of theirs that are stored meanwhile.
  private func sweep(
    _ reductions: [Node], _ points: inout [NestPoint], storing results: [(ValueID, NestTensor)] = []
  ) {
    let region = nest.region
    let folds = reductions.compactMap { node in (node.op.asReduction as? any ReductionLowerable).map { (node, $0) } }
    let width = loops.isVectorFolded ? lanes : points.first?.lanes ?? 1
    // Those of the first point, then those of the next.
    let starts = points.flatMap { _ in
      folds.map { node, op in
        let dtype = region.type(of: node.result).dtype
        let start = op.identity(RegisterType(dtype.scalarType, lanes: width), dtype, b)
        return SweepRegister(
          start: start, isSum: op.isSum, join: op.isSplittable ? { op.combine($0, $1, dtype, b) } : nil)
      }
    }
    let sums = overFolded(points, carrying: starts) { inner, carried in
      var inner = inner
      let next = carried.indices.map { position in
        let (at, (node, op)) = (position / folds.count, folds[position % folds.count])
        var x = emitter.vector(node.operands[0], &inner[at])
        // Lanes without elements must not count.
        if let mask = inner[at].mask, loops.isVectorFolded { x = b.select(mask, x, starts[position].start) }
        return op.combine(carried[position], x, region.type(of: node.result).dtype, b)
      }
      store(results, at: &inner)
      return next
    }
    for (position, sum) in sums.enumerated() {
      let (at, (node, op)) = (position / folds.count, folds[position % folds.count])
      let dtype = region.type(of: node.result).dtype
      // A sum of many terms comes in double precision.
      let wide = dtype.isFloating && b.type(of: sum).scalar == .f64 ? .f64 : dtype
      let folded = loops.isVectorFolded ? b.horizontal(sum) { op.combine($0, $1, wide, b) } : sum
      points[at].known[node.result.index] = b.cast(folded, from: wide, to: dtype)
    }
  }
}
