import ApusCore
import ApusGraph

/// The cotangent of the filter of a convolution of stride 1 by a 3 × 3 filter, computed by the transpose of Winograd's
/// algorithm.
///
/// w̄ = Gᵀ [Σ (Bᵀ d B) ⊙ (A ḡ Aᵀ)] G over all tiles d of x and ḡ of the cotangents. The same as
/// `convolution_filter_gradient` up to rounding; where the algorithm gives an infinity, NaN or a huge number, a filter's
/// nine elements are summed directly.
public struct WinogradFilterGradient: Operator {
  /// Elements along a side of a tile of the convolution's result: 2, 4 or 6.
  public var tile = 4
  public var padding = Padding.valid
  /// The shape of the filter.
  public var shape = Shape.scalar

  public init() {}

  public static let record = OperatorRecord(
    "winograd_filter_gradient", .convolution,
    "the cotangent of winograd_convolution's w, given that of its result: up to rounding; numbers that are not finite "
      + "spoil what they spoil in the direct sum",
    operands: [
      OperandRecord("x", .floating, "[batch, height, width, in]"),
      OperandRecord("g", .floating, "[batch, height, width, out]"),
    ],
    attributes: [
      attribute("shape", \.shape, "the shape of w: [3, 3, in, out]", required: true),
      attribute("tile", \.tile, "side of a tile of the convolution's result: 2, 4 or 6"),
      attribute("padding", \.padding, "zeros around the spatial axes: valid, same or explicit"),
    ],
    traits: .contraction)

  package init(tile: Int, padding: Padding, shape: Shape) {
    (self.tile, self.padding, self.shape) = (tile, padding, shape)
  }

  /// Of the image into tiles.
  package var dataTransform: WinogradTransform {
    WinogradTransform(WinogradSettings(.data, tile: tile, padding: padding))
  }
  /// Of the cotangents into tiles.
  package var cotangentTransform: WinogradTransform { WinogradTransform(WinogradSettings(.result, tile: tile)) }

  /// The transform back: of the sums for each point, `[points, 1, in, out]`, into the filter.
  package var filterTransform: WinogradTranspose {
    var op = WinogradTranspose(WinogradSettings(.filter, tile: tile))
    op.shape = shape
    return op
  }

  /// What it is equal to but for rounding.
  package var direct: ConvolutionFilterGradient {
    ConvolutionFilterGradient(ConvolutionSettings(padding: padding), shape: shape)
  }

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    _ = try dataTransform.geometry(operands[0].shape)
    do { _ = try filterTransform.geometry(shape) } catch var error as TypeError {
      if error.operand != nil { (error.operand, error.attribute) = (nil, "shape") }
      throw error
    }
    return try direct.resultTypes(operands, regions)
  }

  // Linear in each operand: as of the sum that it computes.
  public func gradient(_ context: GradientContext) throws -> [Value?] { try direct.gradient(context) }

  /// Of the three transforms and the products.
  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    guard let data = try? dataTransform.geometry(operands[0].shape),
      let cotangents = try? cotangentTransform.geometry(operands[1].shape),
      let filter = try? filterTransform.geometry(shape)
    else { return 0 }
    let products = FlopCount.multiplyAdds(
      filter.transformed, [data.transformed[1], data.transformed[2]])
    return data.flopCount + cotangents.flopCount + products + filter.flopCount
  }
}

extension Value {
  /// The cotangent of the filter by which `winogradConvolution` convolved this image.
  /// - Parameters:
  ///   - g: the cotangent of the convolution's result, `[batch, height, width, out]`.
  ///   - shape: of the filter, `[3, 3, in, out]`.
  ///   - tile: side of a tile of the result: 2, 4 or 6.
  public func winogradFilterGradient(
    _ g: Value, shape: Shape, tile: Int = 4, padding: Padding = .valid
  ) throws -> Value {
    try builder.append(WinogradFilterGradient(tile: tile, padding: padding, shape: shape), [self, g])[0]
  }
}
