import ApusCore
import ApusGraph
import ApusOperators

/// The three steps of Winograd's algorithm for a convolution: the transform of its data, the products, and the nest that
/// transforms back. Nobody else reads what is between them, so they can be done block by block: what is transformed stays
/// in the caches until it is multiplied, and needs little memory.
struct WinogradChain {
  let transform: Node
  let op: WinogradTransform
  let product: Node
  let end: Node
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
      guard let chain = try WinogradChain(endingIn: node, graph) else { continue }
      let inner = [chain.transform.result, chain.product.result]
      guard inner.allSatisfy({ readers[$0.index].filter { live[$0.index] }.count == 1 && !escapes[$0.index] })
      else { continue }
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
private struct WinogradBlock {
  var images: Range<Int>
  var rows: Range<Int>

  /// Bytes of a block's transforms that are worth keeping in the caches.
  private static let byteLimit = 4 << 20

  static func blocks(_ geometry: WinogradGeometry, images: Int, bytes: Int) -> [WinogradBlock] {
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
    let filter = try values.handle(chain.product.operands[1], graph)
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
      geometry, images: x.dimensions[0], bytes: types.reduce(0) { $0 + ($1.byteCount ?? 0) })
    let name = chain.end.op is Fusion ? graph.kernelName(of: chain.end) : chain.end.op.name
    for block in blocks {
      func node(_ node: Node, _ operands: [TensorHandle], _ results: [TensorHandle]) -> NodeLowering {
        NodeLowering(
          target: builder.target, operands: operands, results: results, origin: origin(node, graph), sink: builder)
      }
      /// The transforms of a block.
      func tiles(_ type: TensorType, _ label: String) throws -> TensorHandle {
        var dimensions = type.shape.numbers ?? []
        dimensions[1] = block.images.count
        dimensions[2] = block.rows.count * geometry.tiles[1]
        return builder.buffer("\(label) (block)", TensorView(type.dtype, dimensions), .temporary)
      }
      // Rows of the image under the block's tiles, and how many before them are padding.
      let first = block.rows.lowerBound * geometry.step - geometry.low[0]
      let end = first + (block.rows.count - 1) * geometry.step + geometry.window
      let rows = min(max(0, first), x.dimensions[1])..<min(max(0, end), x.dimensions[1])
      let part = geometry.part(
        size: [rows.count, geometry.size[1]], low: [max(0, -first), geometry.low[1]],
        tiles: [block.rows.count, geometry.tiles[1]])
      let data = try tiles(types[0], graph.label(of: chain.transform.result))
      let image = x.with(view: x.view.cut(0, block.images).cut(1, rows))
      chain.op.lower(node(chain.transform, [image], [data]), part)

      let products = try tiles(types[1], graph.label(of: chain.product.result))
      let region = try GraphBuilder.region(
        "body", [data, filter].enumerated().map { ("x\($0)", TensorType($1.dtype, Shape($1.dimensions))) }
      ) { arguments in try arguments[0].builder.append(chain.product.op, arguments) }
      try nest(region, node(chain.product, [data, filter], [products]), name: chain.product.op.name)

      let step = chain.op.tile
      let output = results[0].dimensions
      let outputRows = block.rows.lowerBound * step..<min(block.rows.upperBound * step, output[1])
      func cut(_ handle: TensorHandle) -> TensorHandle {
        let rank = handle.dimensions.count
        var view = handle.view
        if rank >= 4, handle.dimensions[rank - 4] != 1 { view = view.cut(rank - 4, block.images) }
        if rank >= 3, handle.dimensions[rank - 3] != 1 { view = view.cut(rank - 3, outputRows) }
        return handle.with(view: view)
      }
      let lowering = node(chain.end, others.map { $0.map(cut) ?? products }, results.map(cut))
      let back = WinogradGeometry(
        part: .result, matrix: WinogradMatrix(.result, tile: step), window: step, step: step,
        size: [outputRows.count, output[2]], low: [0, 0], tiles: part.tiles, shape: Shape(output),
        transformed: Shape(products.dimensions))
      guard let nest = try WinogradNest(chain.region, lowering) else {
        throw ApusError.defect("\(lowering.origin): the end of Winograd's algorithm is no nest")
      }
      try nest.lower(name: name, back)
    }
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
