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
      let tiles = nest.intermediate(label, dimensions, tensor.dtype, builder)
      try WinogradTransformKernel(op, geometry, nest.step([tensor], [tiles], builder)).lower()
      return tiles.with(
        view: TensorView(tensor.dtype, [dimensions[0], dimensions[1] * dimensions[2], dimensions[3]]))
    }
    let data = try transformed(x, op.dataTransform, "tiles")
    let cotangents = try transformed(g, op.cotangentTransform, "cotangents")
    let points = back.transformed.numbers ?? []
    let sums = nest.intermediate("products", [points[0], points[2], points[3]], x.dtype, builder)
    var product = Matmul()
    product.transposeA = true
    try GraphLowering(builder: builder).lower(
      Nest(product, [data, cotangents].map(\.type), nest.step([data, cotangents], [sums], builder)), name: "matmul")

    let low = try op.dataTransform.geometry(Shape(x.dimensions)).low
    let direct = DirectTile(kind: .filterGradient, image: x, other: g, low: low)
    try WinogradNest(
      nest, head, op: back, of: sums.with(view: TensorView(x.dtype, points)),
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
}

extension TensorHandle {
  var type: TensorType { TensorType(dtype, Shape(dimensions)) }
}
