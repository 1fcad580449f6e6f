import ApusCore
import ApusGraph
import ApusOperators

/// Lowers a region with one matrix product and an elementwise epilogue.
///
/// Units are register tiles, panel of columns by panel of columns: a worker's share of the units is a share of the
/// columns, so it reads the same part of a weight in the forward product that it writes in the update. In a tile k runs
/// in one loop (the innermost of Goto and van de Geijn 2008) with all accumulators in registers; the epilogue runs on
/// them before anything is stored.
struct ContractionNest {
  let nest: Nest
  let product: Node
  let lanes: Int

  init?(_ region: Graph, _ node: NodeLowering) throws {
    guard let product = region.nodes.first(where: { $0.op is Matmul }) else { return nil }
    self.product = product
    nest = try Nest(region, node)
    lanes = nestLanes(region, node.target)
  }

  /// Strides of the product's operands over [batch…, m, n] and k.
  struct Operand {
    var handle: TensorHandle
    /// Over the batch axes.
    var batch: [Int]
    /// Over m of a, over n of b.
    var free: Int
    var k: Int
  }

  func lower(name: String) throws {
    guard let op = product.op as? Matmul else { return }
    let node = nest.node
    let region = nest.region
    let parameters = region.parameters
    func handle(_ id: ValueID) throws -> TensorHandle {
      guard let position = parameters.firstIndex(of: id) else {
        throw ApusError.defect("\(node.origin): a product's operand is computed in the same nest")
      }
      return node.operands[position]
    }
    let domain = nest.domain
    let rank = domain.count
    let (m, n) = (domain[rank - 2], domain[rank - 1])
    guard domain.reduce(1, *) > 0 else { return }
    var a = try operand(handle(product.operands[0]), isFirst: true, isTransposed: op.transposeA, rank: rank)
    var b = try operand(handle(product.operands[1]), isFirst: false, isTransposed: op.transposeB, rank: rank)
    let aView = a.handle.view
    let k = aView.dimensions[aView.dimensions.count - (op.transposeA ? 2 : 1)]

    // The tensors of the epilogue, over the domain's axes.
    let leaves = parameters.filter { id in
      region.nodes.contains { $0.id != product.id && $0.operands.contains(id) }
    }
    let leafHandles = try leaves.map(handle)
    var strides = zip(leaves, leafHandles).map { nest.domainStrides($0, $1.view) }
    strides += zip(region.outputs, node.results).map { nest.domainStrides($0, $1.view) }

    // Batch axes that lie like further rows become rows.
    var batch = Array(domain.dropLast(2))
    var rows = m
    var tensors = strides.map { (batch: Array($0.dropLast(2)), m: $0[rank - 2], n: $0[rank - 1]) }
    while let last = batch.last, b.batch[batch.count - 1] == 0, a.batch[batch.count - 1] == a.free * rows,
      tensors.allSatisfy({ $0.batch[batch.count - 1] == $0.m * rows })
    {
      rows *= last
      batch.removeLast()
      a.batch.removeLast()
      b.batch.removeLast()
      for position in tensors.indices { tensors[position].batch.removeLast() }
    }

    let tile = ContractionTile.best(
      m: rows, n: n, k: k, lanes: lanes, registers: node.target.vectorRegisters)
    let batchCount = batch.reduce(1, *)
    let packing = Packing(
      b, k: k, n: n, width: tile.vectors * lanes, rows: rows, tile: tile, batch: batch, node: node)
    if let packed = try packing.packed() { b = packed }
    let width = tile.vectors * lanes
    let panels = (n + width - 1) / width
    let blocks = (rows + tile.rows - 1) / tile.rows
    let flops = region.flopCount
    node.kernel(
      name, units: batchCount * panels * blocks, flopCount: flops,
      isSerial: flops < 16384 || batchCount * panels * blocks == 1
    ) { scope in
      let builder = scope.builder
      let (readA, readB) = (scope.read(a.handle), scope.read(b.handle))
      var leafTensors: [Int: NestTensor] = [:]
      for (position, (id, handle)) in zip(leaves, leafHandles).enumerated() {
        let s = tensors[position]
        leafTensors[id.index] = NestTensor(access: scope.read(handle), strides: s.batch + [s.m, s.n])
      }
      let outputs = zip(region.outputs, node.results).enumerated().map { position, pair in
        let s = tensors[leaves.count + position]
        return (pair.0, NestTensor(access: scope.write(pair.1), strides: s.batch + [s.m, s.n]))
      }
      // The product's own operands are read by many tiles.
      scope.allowInPlace(
        outputs.map(\.1),
        over: leafTensors.values.filter { $0.access.buffer != readA.buffer && $0.access.buffer != readB.buffer })
      let emitter = TileEmitter(
        emitter: NestEmitter(nest: nest, builder: builder, leaves: leafTensors), outputs: outputs,
        product: product.result, a: (readA, a), b: (readB, b), k: k, n: n, lanes: lanes, tile: tile,
        isPacked: packing.isPacked)
      builder.forEachUnit { unit in
        let parts = builder.split(unit, by: (batchCount > 1 ? batch : []) + [panels, blocks])
        let offset = batchCount > 1 ? batch.count : 0
        var point = NestPoint(indices: batch.map { _ in builder.index(0) } + [builder.index(0), builder.index(0)])
        for axis in 0..<offset { point.indices[axis] = parts[axis] }
        emitter.emit(
          point, panel: parts[offset], panels: panels, block: parts[offset + 1], blocks: blocks, rows: rows)
      }
    }
  }

  private func operand(_ handle: TensorHandle, isFirst: Bool, isTransposed: Bool, rank: Int) throws -> Operand {
    let view = handle.view
    let own = view.dimensions.count
    var batch = [Int](repeating: 0, count: rank - 2)
    for axis in 0..<(own - 2) where view.dimensions[axis] != 1 {
      batch[axis + rank - own] = view.strides[axis]
    }
    let (first, second) = (view.strides[own - 2], view.strides[own - 1])
    // a is [m, k], b is [k, n], before any transposition.
    let isFreeFirst = isFirst != isTransposed
    return Operand(handle: handle, batch: batch, free: isFreeFirst ? first : second, k: isFreeFirst ? second : first)
  }
}

/// Whether, and how, a product's second operand is copied into panels first: [panel][k][columns of the panel].
private struct Packing {
  let b: ContractionNest.Operand
  let k: Int
  let n: Int
  let width: Int
  let batch: [Int]
  let node: NodeLowering
  let isPacked: Bool

  init(
    _ b: ContractionNest.Operand, k: Int, n: Int, width: Int, rows: Int, tile: ContractionTile, batch: [Int],
    node: NodeLowering
  ) {
    (self.b, self.k, self.n, self.width, self.batch, self.node) = (b, k, n, width, batch, node)
    let isContiguous = b.free == 1 || n == 1
    // Rows far apart cost a page each, and where the distance is a power of two, the cache's sets: worth a copy where
    // the copy is read several times.
    let bytes = k * n * b.handle.dtype.byteCount
    isPacked = !isContiguous || (bytes >= 1 << 18 && rows >= 4 * tile.rows)
  }

  func packed() throws -> ContractionNest.Operand? {
    guard isPacked else { return nil }
    let ownBatch = zip(batch, b.batch).map { $1 == 0 ? 1 : $0 }
    let packed = try node.hoisted(b.handle, "pack \(width)x\(k)x\(n)", b.handle.dtype, ownBatch + [k * n]) { target in
      let view = b.handle.view
      let whole = n / width
      let tail = n % width
      func part(_ panels: Int, from: Int, columns: Int) throws {
        guard panels > 0 else { return }
        let dimensions = ownBatch + [panels, k, columns]
        let source = TensorView(
          view.dtype, dimensions, strides: b.batch + [width * b.free, b.k, b.free],
          offset: view.offset + from * b.free)
        let rowMajor = TensorView.rowMajorStrides(ownBatch)
        let destination = TensorView(
          view.dtype, dimensions, strides: rowMajor.map { $0 * k * n } + [width * k, columns, 1], offset: from * k)
        try node.copy(
          from: b.handle.with(view: source),
          to: target.with(view: destination))
      }
      try part(whole, from: 0, columns: width)
      try part(tail > 0 ? 1 : 0, from: whole * width, columns: tail)
    }
    var strides = TensorView.rowMajorStrides(ownBatch).map { $0 * k * n }
    for axis in batch.indices where ownBatch[axis] == 1 { strides[axis] = 0 }
    return ContractionNest.Operand(handle: packed, batch: strides, free: 1, k: 0)
  }
}

/// Emits register tiles.
private struct TileEmitter {
  let emitter: NestEmitter
  let outputs: [(ValueID, NestTensor)]
  let product: ValueID
  let a: (access: TensorAccess, strides: ContractionNest.Operand)
  let b: (access: TensorAccess, strides: ContractionNest.Operand)
  let k: Int
  let n: Int
  let lanes: Int
  let tile: ContractionTile
  let isPacked: Bool

  var builder: KernelBuilder { emitter.builder }

  /// The tile at a block of rows and a panel of columns; the last of each may be smaller.
  func emit(_ point: NestPoint, panel: Register, panels: Int, block: Register, blocks: Int, rows: Int) {
    let width = tile.vectors * lanes
    let lastWidth = n - (panels - 1) * width
    let lastRows = rows - (blocks - 1) * tile.rows
    func columns(_ rows: Int) {
      edge(panel, panels, isSame: lastWidth == width) { isLast in
        tile(point, panel: panel, block: block, rows: rows, width: isLast ? lastWidth : width)
      }
    }
    edge(block, blocks, isSame: lastRows == tile.rows) { isLast in columns(isLast ? lastRows : tile.rows) }
  }

  /// One piece of code where all parts are alike, else two and a branch.
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

  private func tile(_ point: NestPoint, panel: Register, block: Register, rows: Int, width: Int) {
    let region = emitter.nest.region
    let dtype = region.type(of: product).dtype
    let type = RegisterType(dtype.scalarType, lanes: lanes)
    let vectors = (width + lanes - 1) / lanes
    let tail = width % lanes
    let tailMask = tail > 0 ? builder.mask(below: tail, lanes: lanes) : nil
    func mask(_ vector: Int) -> Register? { vector == vectors - 1 ? tailMask : nil }
    let batchAxes = point.indices.count - 2
    func base(_ operand: (access: TensorAccess, strides: ContractionNest.Operand)) -> Register {
      (0..<batchAxes).reduce(builder.index(operand.access.view.offset)) { sum, axis in
        builder.add(sum, builder.multiply(point.indices[axis], operand.strides.batch[axis]))
      }
    }
    let row = builder.multiply(block, tile.rows)
    let column = builder.multiply(panel, tile.vectors * lanes)
    let aStart = builder.add(base(a), builder.multiply(row, a.strides.free))
    // Packed panels lie one after the other, each as wide as itself.
    let bStart = builder.add(base(b), isPacked ? builder.multiply(column, k) : column)
    let bStep = isPacked ? width : b.strides.k

    func step(_ at: Register, _ sums: ArraySlice<Register>) -> [Register] {
      var next = Array(sums)
      if k <= 64 { prefetch(point, row: row, column: column, at: at, rows: rows, vectors: vectors) }
      let bRow = builder.add(bStart, builder.multiply(at, bStep))
      if rows <= TileEmitter.streamingRows {
        let ahead = builder.add(bRow, bStep * TileEmitter.streamingDistance)
        for vector in 0..<vectors { builder.prefetch(b.access.buffer, builder.add(ahead, vector * lanes)) }
      }
      let right = (0..<vectors).map { vector in
        builder.load(b.access.buffer, builder.add(bRow, vector * lanes), lanes: lanes, mask: mask(vector))
      }
      let aRow = builder.add(aStart, builder.multiply(at, a.strides.k))
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
    let sums = sum(over: rows * vectors, type, step)
    epilogue(point, sums, row: row, column: column, rows: rows, vectors: vectors, mask: tailMask)
  }

  /// Rows of a tile up to which it reads b faster than it multiplies, and how many steps of k ahead b is fetched then.
  private static let streamingRows = 2
  private static let streamingDistance = 16
  /// Multiply-adds that must be under way so that none waits for another: two units, four cycles each.
  private static let leastSums = 8

  /// Sums of all steps of k. Where there are few, steps are dealt out to several sets of sums, added up at the end.
  private func sum(
    over count: Int, _ type: RegisterType, _ step: (_ at: Register, _ sums: ArraySlice<Register>) -> [Register]
  ) -> [Register] {
    let ways = k >= 64 ? max(1, TileEmitter.leastSums / count) : 1
    let zeros = [Register](repeating: builder.constant(0, type), count: count * ways)
    let whole = k / ways * ways
    var sums = builder.loop(from: builder.index(0), to: builder.index(whole), step: ways, carrying: zeros) { at, sums in
      (0..<ways).flatMap { way in step(builder.add(at, way), sums[(way * count)..<((way + 1) * count)]) }
    }
    let rest = builder.loop(from: builder.index(whole), to: builder.index(k), carrying: Array(sums.prefix(count))) {
      step($0, $1[...])
    }
    sums.replaceSubrange(..<count, with: rest)
    while sums.count > count {
      let half = (sums.count / count + 1) / 2 * count
      sums = sums.prefix(half).enumerated().map { position, sum in
        position + half < sums.count ? builder.binary(.add, sum, sums[position + half]) : sum
      }
    }
    return sums
  }

  /// What the epilogue reads for this tile alone lies in short pieces of many rows, which the processor does not foresee:
  /// a row is fetched at each step of k. Where k is long, the wait is a small part.
  private func prefetch(_ point: NestPoint, row: Register, column: Register, at: Register, rows: Int, vectors: Int) {
    let rowAxis = point.indices.count - 2
    var element = point
    element.indices[rowAxis] = builder.add(row, builder.binary(.minimumSigned, at, builder.index(rows - 1)))
    for (_, leaf) in emitter.leaves.sorted(by: { $0.key < $1.key })
    where leaf.varies(along: rowAxis) && leaf.strides[rowAxis + 1] == 1 {
      let perLine = max(1, 64 / leaf.access.view.dtype.byteCount)
      for line in stride(from: 0, to: vectors * lanes, by: perLine) {
        element.indices[rowAxis + 1] = builder.add(column, line)
        builder.prefetch(leaf.access.buffer, emitter.position(leaf, element))
      }
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
        let registers = outputs.map { emitter.vector($0.0, &element) }
        for (output, register) in zip(outputs, registers) { emitter.store(register, output.1, element) }
      }
    }
  }
}
