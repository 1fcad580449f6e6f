import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// Lowers a convolution by Winograd's algorithm with its elementwise epilogue: the transform of its data, the products, and
/// the transform back, with a correction of what is more than rounding.
///
/// Only the next step reads what is between them, so a layer is computed block by block: what is transformed stays in the
/// caches until it is multiplied, and takes little memory. The filter is transformed once for all blocks.
struct WinogradLayer {
  private let nest: Nest
  private let head: Node
  private let op: WinogradConvolution
  private let builder: DraftBuilder
  private let x: TensorHandle
  private let w: TensorHandle
  private let geometry: WinogradGeometry

  /// Nil unless the nest is built around such a convolution.
  init?(_ nest: Nest, _ builder: DraftBuilder) throws {
    guard let head = nest.head, let op = head.op as? WinogradConvolution else { return nil }
    (self.nest, self.head, self.op, self.builder) = (nest, head, op, builder)
    let operands = try nest.operands(of: head)
    (x, w) = (operands[0], operands[1])
    geometry = try op.dataTransform.geometry(Shape(x.dimensions))
  }

  private var dtype: DType { x.dtype }
  /// Of the transformed data, and of the products: `[points, batch, tiles, channels]`.
  private var tileDimensions: (data: [Int], products: [Int]) {
    let data = geometry.transformed.numbers ?? []
    return (data, data.dropLast() + [w.dimensions[3]])
  }

  func lower(name: String) throws {
    guard nest.node.results[0].count > 0 else { return }
    let dimensions = tileDimensions
    let bytes = (dimensions.data.reduce(1, *) + dimensions.products.reduce(1, *)) * dtype.byteCount
    let blocks = WinogradBlock.blocks(
      geometry, images: x.dimensions[0], bytes: bytes, byteLimit: WinogradBlock.byteLimit(builder.target))
    let filter = try deferredFilter()
    for run in WinogradBlock.runs(of: blocks, geometry) {
      if run.count == 1 {
        try lower(run.first, strides: nil, filter, name: name)
        continue
      }
      let steps = try builder.block(isLoop: true) {
        try lower(run.first, strides: (run.images, run.rows), filter, name: name)
      }
      builder.append(.loop(count: run.count, carries: [], steps))
    }
  }

  // MARK: The filter

  /// The filter's transform, and how to compute it as the products read it.
  private func deferredFilter() throws -> (handle: TensorHandle, deferred: DeferredOperand) {
    let transform = op.filterTransform
    let geometry = try transform.geometry(Shape(w.dimensions))
    // Tells the products the shape; memory comes with `computed`.
    let whole = nest.points("filter", geometry.transformed.numbers ?? [], dtype, builder)
    let lanes = builder.target.lanes(of: dtype.scalarType)
    func computed(_ key: String, _ kernel: (NodeLowering) -> WinogradTransformKernel) throws -> TensorHandle {
      try nest.step([w], [whole], builder).hoisted(w, "filter \(op.tile)\(key)", whole.view) {
        try kernel(nest.step([w], [$0], builder)).lower()
      }
    }
    // Once for all blocks, which therefore must agree on the width.
    let deferred = DeferredOperand { width in
      guard w.dimensions[3].isMultiple(of: lanes), width.isMultiple(of: lanes) else { return nil }
      return try computed(" in panels of \(width)") {
        WinogradTransformKernel(transform, geometry, panels: width, $0)
      }
    } whole: {
      try computed("") { WinogradTransformKernel(transform, geometry, $0) }
    }
    return (whole, deferred)
  }

  // MARK: A block

  /// - Parameter strides: how many images and rows of tiles each iteration of a loop moves on; nil: there is no loop.
  private func lower(
    _ block: WinogradBlock, strides: (images: Int, rows: Int)?,
    _ filter: (handle: TensorHandle, deferred: DeferredOperand), name: String
  ) throws {
    /// The transforms of a block.
    func tiles(_ dimensions: [Int], _ label: String) -> TensorHandle {
      var dimensions = dimensions
      dimensions[1] = block.images.count
      dimensions[2] = block.rows.count * geometry.tiles[1]
      return nest.points(label, dimensions, dtype, builder)
    }
    // Rows of the image under the block's tiles, and how many before them are padding.
    let first = block.rows.lowerBound * geometry.step - geometry.low[0]
    let end = first + (block.rows.count - 1) * geometry.step + geometry.window
    let rows = min(max(0, first), x.dimensions[1])..<min(max(0, end), x.dimensions[1])
    let part = geometry.part(
      size: [rows.count, geometry.size[1]], low: [max(0, -first), geometry.low[1]],
      tiles: [block.rows.count, geometry.tiles[1]])
    let image = cut(x, block, rows: rows, strides)
    let data = tiles(tileDimensions.data, "tiles")
    try WinogradTransformKernel(op.dataTransform, part, nest.step([image], [data], builder)).lower()
    let correction = correction(block, part, image)

    let products = tiles(tileDimensions.products, "products")
    let product = nest.step([data, filter.handle], [products], builder)
    product.secondOperand = filter.deferred
    try GraphLowering(builder: builder).lower(
      Nest(Matmul(), [data.type, filter.handle.type], product), name: "matmul")

    let output = nest.node.results[0].dimensions
    let outputRows = block.rows.lowerBound * op.tile..<min(block.rows.upperBound * op.tile, output[1])
    let back = WinogradGeometry(
      part: .result, matrix: WinogradMatrix(.result, tile: op.tile), window: op.tile, step: op.tile,
      size: [outputRows.count, output[2]], low: [0, 0], tiles: part.tiles, shape: Shape(output),
      transformed: Shape(products.dimensions))
    // What the epilogue reads lies under the block's results; the head's operands may have another size.
    let region = nest.region
    let operands = zip(region.parameters, nest.node.operands).map { id, handle in
      region.nodes.contains { $0.id != head.id && $0.operands.contains(id) }
        ? cut(handle, block, rows: outputRows, strides) : handle
    }
    let last = nest.step(operands, nest.node.results.map { cut($0, block, rows: outputRows, strides) }, builder)
    try WinogradNest(nest.with(node: last), head, op: back, of: products, correction).lower(name: name)
  }

  /// Of a block's results.
  /// - Parameters:
  ///   - part: the block's tiles of the image.
  ///   - image: the rows under them.
  private func correction(
    _ block: WinogradBlock, _ part: WinogradGeometry, _ image: TensorHandle
  ) -> WinogradCorrection? {
    // Sums of nothing, or of padding only, are exact.
    guard image.count > 0 else { return nil }
    var words: TensorHandle?
    if op.keepsZeros, WinogradOccupancy.isNeeded(tile: op.tile) {
      let result = nest.node.results[0].dimensions
      let high = [0, 1].map { axis -> Int in result[axis + 1] + 2 - geometry.size[axis] - geometry.low[axis] }
      let handle = nest.intermediate("occupied", [block.images.count, part.tileCount], .i64, builder)
      WinogradOccupancy(part, high: high, nest.step([image], [handle], builder)).lower()
      words = handle
    }
    let direct = DirectTile(kind: .result, image: image, other: w, low: part.low)
    return WinogradCorrection(occupied: words, direct: direct)
  }

  /// Images and rows of a tensor whose axes before the last two are images and rows.
  private func cut(
    _ handle: TensorHandle, _ block: WinogradBlock, rows: Range<Int>, _ strides: (images: Int, rows: Int)?
  ) -> TensorHandle {
    let rank = handle.dimensions.count
    var (view, moved) = (handle.view, 0)
    if rank >= 4, handle.dimensions[rank - 4] != 1 {
      view = view.cut(rank - 4, block.images)
      moved += (strides?.images ?? 0) * view.strides[rank - 4]
    }
    if rank >= 3, handle.dimensions[rank - 3] != 1 {
      view = view.cut(rank - 3, rows)
      moved += (strides?.rows ?? 0) * geometry.step * view.strides[rank - 3]
    }
    guard strides != nil else { return handle.with(view: view) }
    let outer = builder.depth - 1
    return TensorHandle(
      buffer: handle.buffer, view: view,
      loopStrides: handle.loopStrides + [Int](repeating: 0, count: outer - handle.loopStrides.count) + [moved])
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
