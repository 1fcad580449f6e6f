import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// Lowers a filter's gradient by Winograd's algorithm with its elementwise epilogue: the transforms of data and cotangents,
/// for each point the product that sums over all tiles of all images, and the transform back.
struct WinogradGradient {
  private let nest: Nest
  private let head: Node
  private let op: WinogradFilterGradient
  private let builder: DraftBuilder
  private let x: TensorHandle
  private let g: TensorHandle

  /// Nil unless the nest is built around such a gradient.
  init?(_ nest: Nest, _ builder: DraftBuilder) throws {
    guard let head = nest.head, let op = head.op as? WinogradFilterGradient else { return nil }
    (self.nest, self.head, self.op, self.builder) = (nest, head, op, builder)
    let operands = try nest.operands(of: head)
    (x, g) = (operands[0], operands[1])
  }

  func lower(name: String) throws {
    guard nest.node.results[0].count > 0 else { return }
    let back = try op.filterTransform.geometry(op.shape)
    /// [points, images · tiles, channels]
    func transformed(_ tensor: TensorHandle, _ op: WinogradTransform, _ label: String) throws -> TensorHandle {
      let geometry = try op.geometry(Shape(tensor.dimensions))
      let dimensions = geometry.transformed.numbers ?? []
      let tiles = nest.points(label, dimensions, tensor.dtype, builder)
      try WinogradTransformKernel(op, geometry, nest.step([tensor], [tiles], builder)).lower()
      var view = tiles.view
      view.dimensions = [dimensions[0], dimensions[1] * dimensions[2], dimensions[3]]
      view.strides.remove(at: 1)
      return tiles.with(view: view)
    }
    let data = try transformed(x, op.dataTransform, "tiles")
    let cotangents = try transformed(g, op.cotangentTransform, "cotangents")
    let points = back.transformed.numbers ?? []
    let sums = nest.points("products", [points[0], points[2], points[3]], x.dtype, builder)
    var product = Matmul()
    product.transposeA = true
    try GraphLowering(builder: builder).lower(
      Nest(product, [data, cotangents].map(\.type), nest.step([data, cotangents], [sums], builder)), name: "matmul")

    let low = try op.dataTransform.geometry(Shape(x.dimensions)).low
    let direct = DirectTile(kind: .filterGradient, image: x, other: g, low: low)
    var tiles = sums.view
    tiles.dimensions = points
    tiles.strides.insert(tiles.strides[0], at: 1)
    try WinogradNest(
      nest, head, op: back, of: sums.with(view: tiles),
      // Without an image all sums are of nothing.
      x.count == 0 ? nil : WinogradCorrection(occupied: nil, direct: direct)
    ).lower(name: name)
  }
}

extension WinogradFilterGradient: ScratchOperator {
  /// Tiles of data and cotangents, and the sums of their products.
  func scratchBytes(_ operands: [TensorType]) -> Int {
    let shapes = try? [
      dataTransform.geometry(operands[0].shape).transformed, cotangentTransform.geometry(operands[1].shape).transformed,
      filterTransform.geometry(shape).transformed,
    ]
    return (shapes ?? []).reduce(0) { $0 + (operands[0].with(shape: $1).byteCount ?? 0) }
  }
}

extension Nest {
  /// One of the steps by which a nest is lowered, over other tensors than its own.
  func step(_ operands: [TensorHandle], _ results: [TensorHandle], _ builder: DraftBuilder) -> NodeLowering {
    NodeLowering(target: builder.target, operands: operands, results: results, origin: node.origin, sink: builder)
  }

  /// Memory between two steps.
  func intermediate(_ label: String, _ dimensions: [Int], _ dtype: DType, _ builder: DraftBuilder) -> TensorHandle {
    builder.buffer("\(node.origin) (\(label))", TensorView(dtype, dimensions), .temporary)
  }

  /// The same for transformed tiles, `[points, …]`. A transform writes, or reads, all points of a tile one after the other.
  /// Were they a power of two apart, they would all fall into the same few lines of the caches; so from one point to the
  /// next there is an odd number of lines.
  func points(_ label: String, _ dimensions: [Int], _ dtype: DType, _ builder: DraftBuilder) -> TensorHandle {
    var view = TensorView(dtype, dimensions)
    let line = builder.target.lineBytes / dtype.byteCount
    view.strides[0] = ((view.strides[0] + line - 1) / line | 1) * line
    return builder.buffer("\(node.origin) (\(label))", view, .temporary)
  }
}

extension TensorHandle {
  var type: TensorType { TensorType(dtype, Shape(dimensions)) }
}
