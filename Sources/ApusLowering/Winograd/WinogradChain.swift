import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// The three steps of Winograd's algorithm for a convolution: the transform of its data, the products, and the nest that
/// transforms back. Nobody else reads what is between them, so they can be done block by block: what is transformed stays
/// in the caches until it is multiplied, and needs little memory.
struct WinogradChain {
  let transform: Node
  let op: WinogradTransform
  let product: Node
  let end: Node
  /// The filter's transform, where nobody else reads it: it is put where the products want it.
  private(set) var filter: Node?
  /// The region of the last step, and which of its parameters the products are.
  let region: Graph
  let source: Int

  struct Chains {
    fileprivate(set) var byEnd: [NodeID: WinogradChain] = [:]
    fileprivate var deferred: Set<NodeID> = []

    /// Whether a node is lowered with the end of its chain.
    func isDeferred(_ node: NodeID) -> Bool { deferred.contains(node) }
  }

  static func chains(in graph: Graph, _ live: [Bool]) throws -> Chains {
    var chains = Chains()
    guard graph.nodes.contains(where: { $0.op is WinogradTransform }) else { return chains }
    let (readers, escapes) = (graph.readers(), graph.escaping())
    for node in graph.nodes where live[node.id.index] {
      guard var chain = try WinogradChain(endingIn: node, graph) else { continue }
      func isReadOnce(_ value: ValueID) -> Bool {
        readers[value.index].count { live[$0.index] } == 1 && !escapes[value.index]
      }
      guard isReadOnce(chain.transform.result), isReadOnce(chain.product.result) else { continue }
      let filter = graph.producer(of: chain.product.operands[1])
      if let op = filter.op as? WinogradTransform, op.part == .filter, isReadOnce(filter.result) {
        chain.filter = filter
        chains.deferred.insert(filter.id)
      }
      chains.byEnd[node.id] = chain
      chains.deferred.formUnion([chain.transform.id, chain.product.id])
    }
    return chains
  }

  private init?(endingIn node: Node, _ graph: Graph) throws {
    if node.op is Fusion {
      region = node.regions[0]
    } else if node.op is WinogradTranspose {
      region = try GraphBuilder.region("body", [("x", graph.type(of: node.operands[0]))]) { arguments in
        try arguments[0].builder.append(node.op, arguments)
      }
    } else {
      return nil
    }
    let ends = region.nodes.filter { ($0.op as? WinogradTranspose)?.part == .result }
    guard ends.count == 1, let source = region.parameters.firstIndex(of: ends[0].operands[0]) else { return nil }
    let product = graph.producer(of: node.operands[source])
    guard let matmul = product.op as? Matmul, !matmul.transposeA, !matmul.transposeB else { return nil }
    let transform = graph.producer(of: product.operands[0])
    guard let op = transform.op as? WinogradTransform, op.part == .data else { return nil }
    (self.transform, self.op, self.product, end, self.source) = (transform, op, product, node, source)
  }
}

/// A part of a chain's work: some images, or some rows of tiles of one.
struct WinogradBlock {
  var images: Range<Int>
  var rows: Range<Int>

  /// Bytes of a block's transforms: half of what the last cache keeps, the rest being for the filter and the image.
  static func byteLimit(_ processor: ProcessorModel) -> Int { processor.retainedBytes / 2 }

  static func blocks(_ geometry: WinogradGeometry, images: Int, bytes: Int, byteLimit: Int) -> [WinogradBlock] {
    let rows = geometry.tiles[0]
    let whole = WinogradBlock(images: 0..<images, rows: 0..<rows)
    let wanted = (bytes + byteLimit - 1) / byteLimit
    if wanted <= 1 { return [whole] }
    if images > 1 {
      return parts(of: images, wanted).map { WinogradBlock(images: $0, rows: 0..<rows) }
    }
    return parts(of: rows, wanted).map { WinogradBlock(images: 0..<images, rows: $0) }
  }

  /// A range in about so many parts: equal ones where a number near allows it, since each other size is other code.
  private static func parts(of count: Int, _ wanted: Int) -> [Range<Int>] {
    let wanted = min(wanted, count)
    let number = (wanted...min(count, 2 * wanted)).first { count % $0 == 0 } ?? wanted
    return (0..<number).map { $0 * count / number..<($0 + 1) * count / number }
  }
}

extension WinogradBlock {
  /// Blocks one after the other that only differ in where they lie.
  struct Run {
    var first: WinogradBlock
    var count: Int
    /// Images and rows of tiles from one to the next.
    var images: Int
    var rows: Int
  }

  static func runs(of blocks: [WinogradBlock], _ geometry: WinogradGeometry) -> [Run] {
    var runs: [Run] = []
    for block in blocks {
      if let run = runs.last, run.first.isLike(block, geometry) {
        if run.count == 1 {
          runs[runs.count - 1].images = block.images.lowerBound - run.first.images.lowerBound
          runs[runs.count - 1].rows = block.rows.lowerBound - run.first.rows.lowerBound
        }
        runs[runs.count - 1].count += 1
      } else {
        runs.append(Run(first: block, count: 1, images: 0, rows: 0))
      }
    }
    return runs
  }

  private func isLike(_ other: WinogradBlock, _ geometry: WinogradGeometry) -> Bool {
    guard images.count == other.images.count, rows.count == other.rows.count else { return false }
    if rows == other.rows { return true }
    return [self, other].allSatisfy { block in
      let first = block.rows.lowerBound * geometry.step - geometry.low[0]
      return first >= 0 && first + (block.rows.count - 1) * geometry.step + geometry.window <= geometry.size[0]
        && block.rows.upperBound < geometry.tiles[0]
    }
  }
}

extension TensorView {
  /// Positions `range` of an axis alone.
  fileprivate func cut(_ axis: Int, _ range: Range<Int>) -> TensorView {
    var view = self
    view.offset += range.lowerBound * strides[axis]
    view.dimensions[axis] = range.count
    return view
  }
}

extension GraphLowering {
  func lower(
    _ chain: WinogradChain, _ graph: Graph, _ values: inout [TensorHandle?], _ places: [ValueID: TensorHandle]
  ) throws {
    let x = try values.handle(chain.transform.operands[0], graph)
    let (filter, deferred) = try filter(of: chain, graph, values)
    let others = try chain.end.operands.enumerated().map { position, id in
      position == chain.source ? nil : try values.handle(id, graph)
    }
    let results = try chain.end.results.map { id in
      if let place = places[id] { return place }
      return builder.buffer(graph.label(of: id), try graph.rowMajorView(of: id), .temporary)
    }
    for (id, handle) in zip(chain.end.results, results) { values[id.index] = handle }

    let geometry = try chain.op.geometry(Shape(x.dimensions))
    let types = [chain.transform.result, chain.product.result].map { graph.type(of: $0) }
    let blocks = WinogradBlock.blocks(
      geometry, images: x.dimensions[0], bytes: types.reduce(0) { $0 + ($1.byteCount ?? 0) },
      byteLimit: WinogradBlock.byteLimit(builder.target))
    let lowering = ChainLowering(
      lowering: self, chain: chain, graph: graph, geometry: geometry, types: types, x: x, filter: filter,
      deferred: deferred, others: others, results: results)
    for run in WinogradBlock.runs(of: blocks, geometry) {
      if run.count == 1 {
        try lowering.lower(run.first, rounds: nil)
        continue
      }
      let steps = try builder.block(isLoop: true) {
        try lowering.lower(run.first, rounds: (run.images, run.rows))
      }
      builder.append(.loop(count: run.count, carries: [], steps))
    }
  }
}

/// The steps of a chain for one block, or for several that lie one after the other and are alike.
private struct ChainLowering {
  let lowering: GraphLowering
  let chain: WinogradChain
  let graph: Graph
  let geometry: WinogradGeometry
  /// Of the transform and the products.
  let types: [TensorType]
  let x: TensorHandle
  let filter: TensorHandle
  let deferred: DeferredOperand?
  /// The operands of the last step; nil: the products.
  let others: [TensorHandle?]
  let results: [TensorHandle]

  private var builder: DraftBuilder { lowering.builder }

  /// - Parameter rounds: how many images and rows of tiles each round of a loop goes on; nil: there is no loop.
  func lower(_ block: WinogradBlock, rounds: (images: Int, rows: Int)?) throws {
    func node(_ node: Node, _ operands: [TensorHandle], _ results: [TensorHandle]) -> NodeLowering {
      NodeLowering(
        target: builder.target, operands: operands, results: results, origin: lowering.origin(node, graph),
        sink: builder)
    }
    /// The transforms of a block.
    func tiles(_ type: TensorType, _ label: String) throws -> TensorHandle {
      var dimensions = type.shape.numbers ?? []
      dimensions[1] = block.images.count
      dimensions[2] = block.rows.count * geometry.tiles[1]
      return builder.buffer("\(label) (block)", TensorView(type.dtype, dimensions), .temporary)
    }
    /// Images and rows of a tensor whose axes before the last two are images and rows.
    func cut(_ handle: TensorHandle, rows: Range<Int>) -> TensorHandle {
      let rank = handle.dimensions.count
      var (view, moved) = (handle.view, 0)
      if rank >= 4, handle.dimensions[rank - 4] != 1 {
        view = view.cut(rank - 4, block.images)
        moved += (rounds?.images ?? 0) * view.strides[rank - 4]
      }
      if rank >= 3, handle.dimensions[rank - 3] != 1 {
        view = view.cut(rank - 3, rows)
        moved += (rounds?.rows ?? 0) * geometry.step * view.strides[rank - 3]
      }
      guard rounds != nil else { return handle.with(view: view) }
      let outer = builder.depth - 1
      return TensorHandle(
        buffer: handle.buffer, view: view,
        rounds: handle.rounds + [Int](repeating: 0, count: outer - handle.rounds.count) + [moved])
    }
    // Rows of the image under the block's tiles, and how many before them are padding.
    let first = block.rows.lowerBound * geometry.step - geometry.low[0]
    let end = first + (block.rows.count - 1) * geometry.step + geometry.window
    let rows = min(max(0, first), x.dimensions[1])..<min(max(0, end), x.dimensions[1])
    let part = geometry.part(
      size: [rows.count, geometry.size[1]], low: [max(0, -first), geometry.low[1]],
      tiles: [block.rows.count, geometry.tiles[1]])
    let data = try tiles(types[0], graph.label(of: chain.transform.result))
    try WinogradTransformKernel(chain.op, part, node(chain.transform, [cut(x, rows: rows)], [data])).lower()

    let products = try tiles(types[1], graph.label(of: chain.product.result))
    let region = try GraphBuilder.region(
      "body", [data, filter].enumerated().map { ("x\($0)", TensorType($1.dtype, Shape($1.dimensions))) }
    ) { arguments in try arguments[0].builder.append(chain.product.op, arguments) }
    let product = node(chain.product, [data, filter], [products])
    product.secondOperand = deferred
    try lowering.nest(region, product, name: chain.product.op.name)

    let step = chain.op.tile
    let output = results[0].dimensions
    let outputRows = block.rows.lowerBound * step..<min(block.rows.upperBound * step, output[1])
    let last = node(
      chain.end, others.map { $0.map { cut($0, rows: outputRows) } ?? products },
      results.map { cut($0, rows: outputRows) })
    let back = WinogradGeometry(
      part: .result, matrix: WinogradMatrix(.result, tile: step), window: step, step: step,
      size: [outputRows.count, output[2]], low: [0, 0], tiles: part.tiles, shape: Shape(output),
      transformed: Shape(products.dimensions))
    guard let nest = try WinogradNest(chain.region, last) else {
      throw ApusError.defect("\(last.origin): the end of Winograd's algorithm is no nest")
    }
    try nest.lower(name: chain.end.op is Fusion ? graph.kernelName(of: chain.end) : chain.end.op.name, back)
  }
}

extension GraphLowering {
  /// The transform of a chain's filter, and how to compute it where that is the chain's to do.
  private func filter(
    of chain: WinogradChain, _ graph: Graph, _ values: [TensorHandle?]
  ) throws -> (TensorHandle, DeferredOperand?) {
    guard let filter = chain.filter, let op = filter.op as? WinogradTransform else {
      return (try values.handle(chain.product.operands[1], graph), nil)
    }
    let w = try values.handle(filter.operands[0], graph)
    let geometry = try op.geometry(Shape(w.dimensions))
    let whole = builder.buffer(graph.label(of: filter.result), try graph.rowMajorView(of: filter.result), .temporary)
    func lowering(_ result: TensorHandle) -> NodeLowering {
      NodeLowering(
        target: builder.target, operands: [w], results: [result], origin: origin(filter, graph), sink: builder)
    }
    let lanes = builder.target.lanes(of: w.dtype.scalarType)
    // Once for all blocks, which so must agree on the width.
    let deferred = DeferredOperand { width in
      guard w.dimensions[3].isMultiple(of: lanes), width.isMultiple(of: lanes) else { return nil }
      return try lowering(whole).hoisted(w, "\(op.part) \(op.tile) in panels of \(width)", w.dtype, whole.dimensions) {
        try WinogradTransformKernel(op, geometry, panels: width, lowering($0)).lower()
      }
    } whole: {
      try lowering(whole).hoisted(w, "\(op.part) \(op.tile)", w.dtype, whole.dimensions) { try op.lower(lowering($0)) }
    }
    return (whole, deferred)
  }
}

extension WinogradGeometry {
  /// Some of the tiles.
  fileprivate func part(size: [Int], low: [Int], tiles: [Int]) -> WinogradGeometry {
    var dims = transformed.dims
    dims[2] = .number(tiles[0] * tiles[1])
    return WinogradGeometry(
      part: part, matrix: matrix, window: window, step: step, size: size, low: low, tiles: tiles, shape: shape,
      transformed: Shape(dims))
  }
}
