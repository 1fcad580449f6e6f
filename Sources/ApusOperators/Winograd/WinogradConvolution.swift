import ApusCore
import ApusGraph

/// A convolution of stride 1 by a 3 × 3 filter, computed by Winograd's algorithm: one node from the pass that chooses it to
/// the kernels that compute it.
///
/// y = Aᵀ [(G w Gᵀ) ⊙ (Bᵀ d B)] A for each tile d of x, summed over the input channels (Lavin and Gray 2016). The same as
/// `convolution` up to rounding, with two promises beyond that: an element whose window of x is all zeros is exactly 0 (if
/// w is finite), and tiles in which the algorithm gives an infinity, NaN or a huge number (`limit(of:)`) are summed directly.
public struct WinogradConvolution: Operator {
  /// Elements along a side of a tile of the result: 2, 4 or 6.
  public var tile = 4
  public var padding = Padding.valid
  /// Whether windows of zeros give exact zeros. What is followed by a kink (an activation) needs it, a gradient does not.
  public var keepsZeros = true

  public init() {}

  public static let record = OperatorRecord(
    "winograd_convolution", .convolution,
    "convolution by a 3 × 3 filter, with F(tile × tile, 3 × 3) of Winograd's algorithm: up to rounding; windows of zeros "
      + "give 0, and numbers that are not finite spoil what they spoil in the direct sum",
    operands: [
      OperandRecord("x", .floating, "[batch, height, width, in]"),
      OperandRecord("w", .floating, "[3, 3, in, out]"),
    ],
    attributes: [
      attribute("tile", \.tile, "side of a tile of the result: 2, 4 or 6"),
      attribute("padding", \.padding, "zeros around the spatial axes: valid, same or explicit"),
      attribute("keeps_zeros", \.keepsZeros, "whether windows of zeros give exact zeros, as an activation needs"),
    ],
    traits: .contraction)

  package init(tile: Int, padding: Padding, keepsZeros: Bool = true) {
    (self.tile, self.padding, self.keepsZeros) = (tile, padding, keepsZeros)
  }

  /// Of the data into tiles.
  package var dataTransform: WinogradTransform {
    WinogradTransform(WinogradSettings(.data, tile: tile, padding: padding))
  }
  /// Of the filter.
  package var filterTransform: WinogradTransform { WinogradTransform(WinogradSettings(.filter, tile: tile)) }

  /// The transform back: of the products into the result of `shape`.
  package func resultTransform(_ shape: Shape) -> WinogradTranspose {
    var op = WinogradTranspose(WinogradSettings(.result, tile: tile))
    op.shape = shape
    return op
  }

  private var convolution: Convolution { Convolution(ConvolutionSettings(padding: padding)) }

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try operands[0].requireElementType(of: operands[1])
    _ = try dataTransform.geometry(operands[0].shape)
    do { _ = try filterTransform.geometry(operands[1].shape) } catch var error as TypeError {
      if error.operand != nil { error.operand = 1 }
      throw error
    }
    return try convolution.resultTypes(operands, regions)
  }

  // Linear in each operand: as of the convolution that it computes.
  public func gradient(_ context: GradientContext) throws -> [Value?] { try convolution.gradient(context) }

  /// Of the three transforms and the products.
  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    guard let data = try? dataTransform.geometry(operands[0].shape),
      let filter = try? filterTransform.geometry(operands[1].shape),
      let result = try? resultTransform(results[0].shape).geometry(results[0].shape)
    else { return 0 }
    let products = FlopCount.multiplyAdds(result.transformed, [operands[0].shape[3]])
    return data.flopCount + filter.flopCount + products + result.flopCount
  }
}

extension WinogradConvolution {
  /// From which magnitude on a result is huge: the square overflows. Rounding errors, which the transforms spread, would hide
  /// whatever else is in its tile, and sums on the way may overflow.
  package static func limit(of dtype: DType) -> Double { dtype == .f64 ? 0x1p512 : 0x1p64 }
}

extension Value {
  /// The convolution of this image `[batch, height, width, in]` by a filter, by Winograd's algorithm.
  /// - Parameters:
  ///   - w: `[3, 3, in, out]`
  ///   - tile: side of a tile of the result: 2, 4 or 6.
  /// - Returns: `[batch, height, width, out]`
  public func winogradConvolution(_ w: Value, tile: Int = 4, padding: Padding = .valid) throws -> Value {
    try builder.append(WinogradConvolution(tile: tile, padding: padding), [self, w])[0]
  }
}
