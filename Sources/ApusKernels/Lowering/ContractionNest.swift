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
    let width = tile.vectors * lanes
    let isPacked = (
      a: Packing.pays(a, rows: rows, n: n, k: k, tile: tile, width: width),
      b: Packing.pays(b, n: n, k: k, rows: rows, tile: tile)
    )
    if isPacked.a { a = try Packing(a, k: k, count: rows, width: tile.rows, batch: batch, node: node).packed() }
    if isPacked.b { b = try Packing(b, k: k, count: n, width: width, batch: batch, node: node).packed() }
    let grid = TileGrid(
      rows: rows, n: n, k: k, tile: tile, width: width, batch: batch,
      elementBytes: region.type(of: product.result).dtype.byteCount)
    let sums =
      grid.parts.count > 1
      ? node.temporary(region.type(of: product.result).dtype, [grid.units * tile.rows * width]) : nil
    let flops = region.flopCount
    for part in grid.parts {
      let share = part.count == k ? flops : flops / k * part.count
      node.kernel(
        grid.parts.count == 1 ? name : "\(name)_from_\(part.start)", units: grid.units, flopCount: share,
        isSerial: flops < 16384 || grid.units == 1
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
          product: product.result, a: (readA, a), b: (readB, b), k: k, part: part, partial: partial, n: n,
          lanes: lanes, tile: tile, isPacked: isPacked)
        builder.forEachUnit { unit in
          grid.split(unit, builder) { indices, panel, block in
            emitter.emit(
              NestPoint(indices: indices), unit: unit, panel: panel, panels: grid.panels, block: block,
              blocks: grid.blocks, rows: rows)
          }
        }
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
