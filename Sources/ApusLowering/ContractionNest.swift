import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// Lowers a region with one matrix product and an elementwise epilogue.
///
/// Units are register tiles, panel of columns by panel of columns: a worker's share of the units is a share of the
/// columns, so it reads the same part of a weight in the forward product that it writes in the update; of small weights it
/// is a share of their rows (`TileGrid.Ownership`). In a tile k runs in one loop (the innermost of Goto and van de Geijn
/// 2008) with all accumulators in registers; the epilogue runs on them before anything is stored.
struct ContractionNest {
  let nest: Nest
  let product: Node
  let lanes: Int

  /// With more uses of a panel the first, from memory, is a small part.
  private static let fetchingUses = 16

  private let op: any ContractionLowerable

  /// Nil unless the nest is built around such a product.
  init?(_ nest: Nest) {
    guard let product = nest.head, let op = product.op as? any ContractionLowerable, op.isTiled else { return nil }
    (self.nest, self.product, self.op) = (nest, product, op)
    lanes = nestLanes(nest.region, nest.node.target)
  }

  /// What each core has for itself: rows, where a loop does not change the second operand or where results are new values
  /// of weights; steps of k, where such weights are read.
  private func ownership(
    _ operands: ContractionOperands, k: [Int], rows: Int, n: Int, batch: [Int], _ dtype: DType
  ) -> TileGrid.Ownership? {
    let (node, bytes) = (nest.node, dtype.byteCount)
    guard node.secondOperand == nil, batch.isEmpty, k.count == 1, let k = k.first else { return nil }
    if node.isSameInEachRound(operands.b.handle),
      TileGrid.keepsSecond(rows: rows, n: n, k: k, elementBytes: bytes, node.target)
    {
      return .rows
    }
    if operands.a.free == 1, rows > 1 {
      return TileGrid.ownsWeights((rows, n), rows: k, elementBytes: bytes, node.target) ? .rows : nil
    }
    return node.isUpdated(operands.b.handle) && operands.b.free == 1
      && TileGrid.ownsWeights((k, n), rows: rows, elementBytes: bytes, node.target) ? .depth : nil
  }

  func lower(name: String) throws {
    let node = nest.node
    let region = nest.region
    let parameters = region.parameters
    let domain = nest.domain
    let rank = domain.count
    let (m, n) = (domain[rank - 2], domain[rank - 1])
    guard domain.reduce(1, *) > 0 else { return }
    var operands = try op.contraction(nest.operands(of: product), result: domain, node)

    // The tensors of the epilogue, over the domain's axes.
    let leafPositions = parameters.indices.filter { position in
      region.nodes.contains { $0.id != product.id && $0.operands.contains(parameters[position]) }
    }
    let (leaves, leafHandles) = (leafPositions.map { parameters[$0] }, leafPositions.map { node.operands[$0] })
    var strides = zip(leaves, leafHandles).map { nest.domainStrides($0, $1.view) }
    strides += zip(region.outputs, node.results).map { nest.domainStrides($0, $1.view) }

    // Batch axes that lie like further rows become rows; one row lies like any.
    var batch = Array(domain.dropLast(2))
    var rows = m
    var tensors = strides.map { (batch: Array($0.dropLast(2)), m: $0[rank - 2], n: $0[rank - 1]) }
    while let last = batch.last, operands.b.batch[batch.count - 1] == 0,
      last == 1 || rows == 1 || operands.a.batch[batch.count - 1] == operands.a.free * rows,
      tensors.allSatisfy({ last == 1 || rows == 1 || $0.batch[batch.count - 1] == $0.m * rows })
    {
      if rows == 1, last > 1 {
        operands.a.free = operands.a.batch[batch.count - 1]
        for position in tensors.indices { tensors[position].m = tensors[position].batch[batch.count - 1] }
      }
      rows *= last
      batch.removeLast()
      operands.a.batch.removeLast()
      operands.b.batch.removeLast()
      for position in tensors.indices { tensors[position].batch.removeLast() }
    }

    let contractedCount = operands.kCount
    if let streamed = StreamedProduct(operands, rows: rows, n: n, batch: batch, lanes: lanes, node) {
      operands = try streamed.lower(name: name)
    }
    let k = operands.kCount
    let batchCount = batch.reduce(1, *)
    var merged = operands
    merged.mergeAxes()
    let dtype = region.type(of: product.result).dtype
    let ownership = ownership(operands, k: merged.k, rows: rows, n: n, batch: batch, dtype)
    // Rows or steps that are a core's own are cut into tiles as if there were no others.
    var sharing = node.target
    if ownership != nil { sharing.cores = 1 }
    func share(_ count: Int) -> Int { (count + node.target.cores - 1) / node.target.cores }
    let tile = ContractionTile.best(
      m: ownership == .rows ? share(rows) : rows, n: n, k: ownership == .depth ? share(k) : k, batch: batchCount,
      lanes: lanes, processor: sharing, mostRows: Packing.mostRows(merged.a, merged.k, node.target),
      vectors: node.secondOperand?.width.map { $0 / lanes })
    let width = tile.vectors * lanes
    func packing() -> Packing {
      Packing(operands.b, k: operands.k, count: n, width: width, batch: batch, node: node)
    }
    // What a core owns is not copied: the copy would be written anew in each run, by whichever core.
    let packsB =
      node.secondOperand?.width != nil || packing().isDone
      || ownership != .depth
        && Packing.pays(operands.b, operands.k, n: n, rows: rows * batchCount, tile: tile, width: width, node.target)
    let panels = packsB ? try node.secondOperand?.panels(width) : nil
    if panels != nil { node.secondOperand?.width = width }
    if panels == nil, let deferred = node.secondOperand { operands.b.handle = try deferred.whole() }
    if let panels {
      operands.b = Packing.panels(panels, k: operands.k, count: n, batch: batch, of: operands.b)
    } else if packsB {
      operands.b = try packing().packed()
    }
    operands.mergeAxes()
    let packsA = Packing.pays(operands.a, operands.k, rows: rows, n: n, tile: tile, width: width, node.target)
    if packsA {
      operands.a = try Packing(operands.a, k: operands.k, count: rows, width: tile.rows, batch: batch, node: node)
        .packed()
    }
    let isPacked = (a: packsA, b: packsB)
    let (a, b) = (operands.a, operands.b)
    let grid = TileGrid(
      rows: rows, n: n, k: operands.k, rowElements: a.free == 1 ? nil : k + n * tensors.count { $0.m != 0 }, tile: tile,
      width: width, batch: batch, sharesB: b.batch.allSatisfy { $0 == 0 },
      ownership: ownership,
      elementBytes: dtype.byteCount, processor: node.target)
    let sums =
      grid.parts.count > 1
      ? node.temporary(
        dtype.isFloating && grid.keepsWideSums ? .f64 : dtype, [grid.units * grid.splits * tile.rows * width]) : nil
    // What others have done is not counted again.
    let flops = region.flopCount - 2 * rows * n * batchCount * (contractedCount - k)
    for part in grid.parts {
      let share = grid.parts.count == 1 ? flops : flops / operands.k[0] * part.count * part.repetitions * part.splits
      node.kernel(
        grid.parts.count == 1 ? name : "\(name)_from_\(part.start)", units: grid.units * part.splits, flopCount: share,
        isSerial: flops < 2 * node.target.serialWork || grid.units * part.splits == 1
      ) { scope in
        let builder = scope.builder
        let (readA, readB) = (scope.read(a.handle), scope.read(b.handle))
        var leafTensors: [Int: NestTensor] = [:]
        var outputs: [(ValueID, NestTensor)] = []
        if part.isLast {
          for (position, (id, handle)) in zip(leaves, leafHandles).enumerated() {
            let s = tensors[position]
            leafTensors[id.index] = NestTensor(access: scope.read(handle), strides: s.batch + [s.m, s.n])
          }
          outputs = zip(region.outputs, node.results).enumerated().map { position, pair in
            let s = tensors[leaves.count + position]
            return (pair.0, NestTensor(access: scope.write(pair.1), strides: s.batch + [s.m, s.n]))
          }
          // The product's own operands are read by many tiles.
          scope.allowInPlace(
            outputs.map(\.1),
            over: leafTensors.values.filter { $0.access.buffer != readA.buffer && $0.access.buffer != readB.buffer })
        }
        let partial = sums.map {
          (part.isFirst ? scope.write($0) : part.isLast ? scope.read($0) : scope.update($0)).buffer
        }
        let emitter = TileEmitter(
          emitter: NestEmitter(nest: nest, builder: builder, leaves: leafTensors), outputs: outputs,
          product: product.result, a: (readA, a), b: (readB, b), k: operands.k, part: part, partial: partial,
          partials: (number: grid.splits, distance: grid.units), n: n,
          lanes: lanes, tile: tile, isPacked: isPacked,
          // The second cache hardly keeps it until it is read again.
          fetchesPanels: grid.uses <= ContractionNest.fetchingUses
            && b.handle.count * b.handle.dtype.byteCount >= node.target.secondCache.bytes,
          uses: grid.uses, fetchDistance: packsA ? nil : grid.fetchDistance(a, k: operands.k, tile: tile),
          processor: node.target)
        // A unit's sums are read by itself alone, so a kernel's parts need no barrier between them.
        builder.loop(part.repetitions) { number in
          let start = builder.add(builder.multiply(number, part.count), part.start)
          builder.forEachUnit { unit in
            let split = part.splits > 1 ? builder.split(unit, by: [part.splits, grid.units]) : nil
            let first = split.map { builder.multiply($0[0], part.count) } ?? start
            grid.split(split?[1] ?? unit, builder) { indices, panel, block in
              emitter.emit(
                NestPoint(indices: indices), from: first, unit: unit, panel: panel, panels: grid.panels, block: block,
                blocks: grid.blocks, rows: rows)
            }
          }
        }
      }
    }
  }
}
