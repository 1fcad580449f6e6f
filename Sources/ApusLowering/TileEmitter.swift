import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// Emits register tiles.
struct TileEmitter {
  let emitter: NestEmitter
  let outputs: [(ValueID, NestTensor)]
  let product: ValueID
  let a: (access: TensorAccess, strides: ContractionOperand)
  let b: (access: TensorAccess, strides: ContractionOperand)
  /// Sizes of the axes of k.
  let k: [Int]
  let part: TileGrid.Part
  /// The buffer with sums of the parts before, where there are several: tile by tile, as a tile's vectors follow each other
  /// in the order of the work.
  let partial: Int?
  /// How many tiles of sums there are for each tile of results, and how many units they lie apart.
  let partials: (number: Int, distance: Int)
  let n: Int
  let lanes: Int
  let tile: ContractionTile
  let isPacked: (a: Bool, b: Bool)
  /// Whether the second operand is so large that it comes from memory.
  let fetchesPanels: Bool
  /// How many blocks of rows, at all places of the batch, use a panel one after the other.
  let uses: Int
  /// How far the rows of the first operand that are fetched ahead are from a tile's own; nil: none are.
  let fetchDistance: Int?
  let processor: ProcessorModel

  var builder: KernelBuilder { emitter.builder }

  /// The tile at a block of rows and a panel of columns; the last of each may be smaller.
  /// - Parameter start: the part's first step of k.
  func emit(
    _ point: NestPoint, from start: Register, unit: Register, panel: Register, panels: Int, block: Register,
    blocks: Int, rows: Int
  ) {
    let width = tile.vectors * lanes
    let lastWidth = n - (panels - 1) * width
    let lastRows = rows - (blocks - 1) * tile.rows
    func columns(_ rows: Int) {
      edge(panel, panels, isSame: lastWidth == width) { isLast in
        tile(
          point, from: start, unit: unit, panel: panel, block: block, blocks: blocks, rows: rows,
          width: isLast ? lastWidth : width)
      }
    }
    edge(block, blocks, isSame: lastRows == tile.rows) { isLast in columns(isLast ? lastRows : tile.rows) }
  }

  /// One piece of code if all parts are equal, else two and a branch.
  private func edge(_ part: Register, _ parts: Int, isSame: Bool, _ body: @escaping (_ isLast: Bool) -> Void) {
    if isSame { return body(false) }
    if parts == 1 { return body(true) }
    builder.branch(builder.compare(.less, part, builder.index(parts - 1))) {
      body(false)
      return []
    } otherwise: {
      body(true)
      return []
    }
  }

  private func tile(
    _ point: NestPoint, from first: Register, unit: Register, panel: Register, block: Register, blocks: Int, rows: Int,
    width: Int
  ) {
    let region = emitter.nest.region
    let dtype = region.type(of: product).dtype
    let perLine = processor.lineBytes / dtype.byteCount
    let type = RegisterType(dtype.scalarType, lanes: lanes)
    let vectors = (width + lanes - 1) / lanes
    let tail = width % lanes
    let tailMask = tail > 0 ? builder.mask(below: tail, lanes: lanes) : nil
    func mask(_ vector: Int) -> Register? { vector == vectors - 1 ? tailMask : nil }
    let batchAxes = point.indices.count - 2
    func base(_ operand: (access: TensorAccess, strides: ContractionOperand)) -> Register {
      (0..<batchAxes).reduce(builder.index(operand.access.view.offset)) { sum, axis in
        builder.add(sum, builder.multiply(point.indices[axis], operand.strides.batch[axis]))
      }
    }
    let row = builder.multiply(block, tile.rows)
    let column = builder.multiply(panel, tile.vectors * lanes)
    // Packed panels lie one after the other, each as wide as itself.
    let depth = k.reduce(1, *)
    let aSteps = isPacked.a ? [rows] : a.strides.k
    // k runs through b evenly.
    let bStep = isPacked.b ? width : b.strides.k.last ?? 1
    let bSteps = TensorView.rowMajorStrides(k).map { $0 * bStep }
    let aStart = builder.add(
      builder.add(base(a), builder.multiply(row, isPacked.a ? depth : a.strides.free)),
      builder.multiply(first, aSteps[0]))
    let bStart = builder.add(
      builder.add(base(b), isPacked.b ? builder.multiply(column, depth) : column), builder.multiply(first, bSteps[0]))
    let use = uses == blocks ? block : builder.binary(.remainderUnsigned, unit, builder.index(uses))
    let fetchedPanel = fetchesPanels && isPacked.b ? nextPanel(from: bStart, width, use, perLine) : nil
    let fetchedRows = fetchDistance.map { nextRows(from: builder.add(aStart, $0), own: aStart, panel) }

    /// At a place of the inner axis of k; `outer` are the positions in both operands that the other axes give.
    func step(
      _ outer: (a: Register, b: Register), _ at: Register, _ sums: ArraySlice<Register>
    ) -> [Register] {
      var next = Array(sums)
      let bRow = builder.add(outer.b, builder.multiply(at, bStep))
      if rows <= TileEmitter.streamingRows(processor) {
        let ahead = builder.add(bRow, bStep * processor.prefetchSteps)
        for vector in 0..<vectors { builder.prefetch(b.access.buffer, builder.add(ahead, vector * lanes)) }
      }
      if let fetchedPanel {
        // Where k has several axes, the place in the packed panel says how many steps there were.
        let number =
          k.count == 1
          ? at : builder.binary(.divideUnsigned, builder.binary(.subtract, bRow, bStart), builder.index(width))
        let ahead = builder.add(fetchedPanel.start, builder.multiply(number, fetchedPanel.step))
        for line in 0..<fetchedPanel.lines {
          builder.prefetch(b.access.buffer, builder.add(ahead, line * perLine), level: 2)
        }
      }
      if let fetchedRows {
        let lines = (rows + perLine - 1) / perLine
        let ahead = builder.add(
          fetchedRows.start, builder.multiply(at, builder.multiply(fetchedRows.isFetched, lines * perLine)))
        for line in 0..<lines { builder.prefetch(a.access.buffer, builder.add(ahead, line * perLine), level: 2) }
      }
      let right = (0..<vectors).map { vector in
        builder.load(b.access.buffer, builder.add(bRow, vector * lanes), lanes: lanes, mask: mask(vector))
      }
      let aRow = builder.add(outer.a, builder.multiply(at, aSteps[aSteps.count - 1]))
      for i in 0..<rows {
        let left = builder.splat(
          builder.load(a.access.buffer, builder.add(aRow, i * a.strides.free)), lanes: lanes)
        for (j, right) in right.enumerated() {
          let sum = i * vectors + j
          next[sum] =
            dtype.isFloating
            ? builder.multiplyAdd(left, right, next[sum])
            : builder.binary(.add, builder.binary(.multiply, left, right), next[sum])
        }
      }
      return next
    }
    func place(_ index: Int) -> Register {
      builder.add(builder.multiply(unit, tile.rows * tile.vectors * lanes), index * lanes)
    }
    let count = rows * vectors
    var before: [Register]?
    if let partial, !part.isFirst {
      before = (0..<count).map { builder.load(partial, place($0), lanes: lanes) }
      for other in 1..<partials.number {
        let distance = other * partials.distance * tile.rows * tile.vectors * lanes
        before = before?.enumerated().map { index, sum in
          builder.binary(.add, sum, builder.load(partial, builder.add(place(index), distance), lanes: lanes))
        }
      }
    }
    let depths = DepthLoops(
      builder: builder, k: [part.count] + k.dropFirst(), steps: (aSteps, bSteps), count: count, type: type,
      fetches: fetches(point, row: row, column: column, rows: rows, vectors: vectors), processor: processor)
    let isWide = partial.map { builder.buffers[$0].dtype != dtype } ?? false
    let sums: [Register]
    if let before, part.count == 0 {
      sums = before
    } else {
      sums = depths.sums(from: (aStart, bStart), adding: before, isWide: isWide && !part.isLast) { step($0, $1, $2) }
    }
    if let partial, !part.isLast {
      for (index, sum) in sums.enumerated() { builder.store(partial, place(index), sum) }
    } else {
      epilogue(point, sums, row: row, column: column, rows: rows, vectors: vectors, mask: tailMask)
    }
  }

  /// Uses of a panel up to which the first of them fetch the next one, a line or more at each step of k. Where there are
  /// more, it is fetched more slowly, so that memory can follow.
  private static let hurriedUses = 8

  /// While the first blocks of rows use a panel, the next one is fetched into the second cache; later blocks fetch what is
  /// there anyway.
  private func nextPanel(
    from panel: Register, _ width: Int, _ use: Register, _ perLine: Int
  ) -> (start: Register, step: Register, lines: Int) {
    let all = (width + perLine - 1) / perLine
    // Where uses are few, several lines at each step.
    let lines = (all + uses - 1) / uses
    let fewest = (all + lines - 1) / lines
    // Steps of k for each line: a power of two, as many as the uses but one leave time for.
    var steps = 1
    if uses > Self.hurriedUses { while steps < perLine, 2 * steps * fewest < uses { steps *= 2 } }
    let distance = lines * perLine / steps
    let isFirst = builder.compare(.less, use, builder.index(fewest * steps))
    let (count, depth) = (part.count * k.dropFirst().reduce(1, *), k.reduce(1, *))
    let next = builder.add(panel, depth * width)
    return (
      builder.select(isFirst, builder.add(next, builder.multiply(use, count * distance)), panel),
      builder.select(isFirst, builder.index(distance), builder.index(0)), lines
    )
  }

  /// While the first panel uses a block of rows, the next block is fetched into the second cache: each step of k reads
  /// lines of many rows, which the hardware prefetcher does not detect. Later panels find it there, and fetch one line again.
  private func nextRows(
    from next: Register, own: Register, _ panel: Register
  ) -> (start: Register, isFetched: Register) {
    let isFirst = builder.compare(.equal, panel, builder.index(0))
    return (builder.select(isFirst, next, own), builder.select(isFirst, builder.index(1), builder.index(0)))
  }

  /// Rows of a tile up to which it multiplies faster than the second cache gives it vectors of b.
  static func streamingRows(_ processor: ProcessorModel) -> Int {
    Int(processor.multiplyAddsPerCycle * Double(processor.vectorBytes) / processor.secondCache.bandwidth)
  }

  // What a tile alone reads and writes lies in short pieces of many rows, which the hardware prefetcher does not detect. A
  // row after the other is fetched while k runs; asked for all at once, lines of results from the last cache came no sooner.

  /// Steps of k up to which the first cache has room for a tile's results and what it reads for them, beside the operands.
  private static let shortCount = 64

  /// Nil: of a single row, or of a part whose sums go to memory tile by tile, there is nothing to fetch.
  private func fetches(
    _ point: NestPoint, row: Register, column: Register, rows: Int, vectors: Int
  ) -> DepthLoops.Fetches? {
    let rowAxis = point.indices.count - 2
    func ownRows(_ tensors: [NestTensor]) -> [NestTensor] {
      tensors.filter { $0.varies(along: rowAxis) && $0.strides[rowAxis + 1] == 1 }
    }
    // Writes first: where a result takes the place of what is read, its lines come as such to be written.
    let written = ownRows(outputs.map(\.1))
    let read = ownRows(emitter.leaves.sorted { $0.key < $1.key }.map(\.value))
    guard part.isLast, rows > 1, !written.isEmpty || !read.isEmpty else { return nil }
    func lineElements(_ tensor: NestTensor) -> Int {
      max(1, processor.lineBytes / tensor.access.view.dtype.byteCount)
    }
    let isShort = part.count * k.dropFirst().reduce(1, *) <= TileEmitter.shortCount
    func fetch(_ tensor: NestTensor, _ row: Register, level: Int, isWrite: Bool) {
      var element = point
      element.indices[rowAxis] = row
      for line in stride(from: 0, to: vectors * lanes, by: lineElements(tensor)) {
        element.indices[rowAxis + 1] = builder.add(column, line)
        builder.prefetch(
          tensor.access.buffer, emitter.position(tensor, element), level: level, isWrite: isWrite)
      }
    }
    return DepthLoops.Fetches(count: rows) {
      let next = builder.add(row, $0)
      for tensor in written { fetch(tensor, next, level: 1, isWrite: true) }
      for tensor in read { fetch(tensor, next, level: isShort ? 1 : 2, isWrite: false) }
    }
  }

  private func epilogue(
    _ point: NestPoint, _ sums: [Register], row: Register, column: Register, rows: Int, vectors: Int,
    mask: Register?
  ) {
    let rowAxis = point.indices.count - 2
    var start = point
    start.vectorAxis = rowAxis + 1
    start.lanes = lanes
    for j in 0..<vectors {
      var panel = start
      panel.indices[rowAxis] = row
      panel.indices[rowAxis + 1] = builder.add(column, j * lanes)
      panel.mask = j == vectors - 1 ? mask : nil
      // What is the same in all rows is loaded once.
      for (id, leaf) in emitter.leaves.sorted(by: { $0.key < $1.key }) where !leaf.varies(along: rowAxis) {
        panel.known[id] = emitter.load(leaf, panel)
      }
      for i in 0..<rows {
        var element = panel
        element.indices[rowAxis] = builder.add(row, i)
        element.known[product.index] = sums[i * vectors + j]
        emitter.store(outputs, &element)
      }
    }
  }
}
