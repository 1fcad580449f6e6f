import ApusCore
import ApusGraph

/// Convolution (cross-correlation, as all frameworks call it) over 1 to 3 spatial axes.
public struct Convolution: ConvolutionOperator {
  public var settings = ConvolutionSettings()
  public init() {}

  public static let record = OperatorRecord(
    "convolution", .convolution,
    "y[n, p, o] = Σ x[n, p · stride + k · dilation − low, c] · w[k, c, o]; integers wrap; "
      + "where w is not finite, y may be NaN beside the padding",
    operands: [
      OperandRecord("x", .numeric, "[batch, spatial…, in]"),
      OperandRecord("w", .numeric, "[spatial…, in / groups, out]"),
    ],
    attributes: convolutionAttributes, traits: .contraction
  ).accurate(Accuracy.products)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try operands[0].requireElementType(of: operands[1])
    return [operands[0].with(shape: try geometry(x: operands[0].shape, w: operands[1].shape).result)]
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (x, w, g) = (context.operands[0], context.operands[1], try context.cotangent)
    return [
      context.wanted[0] ? try g.convolutionInputGradient(w, shape: x.shape, settings) : nil,
      context.wanted[1] ? try x.convolutionFilterGradient(g, shape: w.shape, settings) : nil,
    ]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    flopCount(x: operands[0].shape, w: operands[1].shape)
  }
}

extension Value {
  /// The convolution of this input `[batch, spatial…, in]` by a kernel.
  /// - Parameters:
  ///   - w: `[spatial…, in / groups, out]`
  ///   - strides: steps along each spatial axis; empty: all ones.
  ///   - dilation: the distance between neighbors in the kernel; empty: all ones.
  /// - Returns: `[batch, spatial…, out]`
  public func convolution(
    _ w: Value, strides: [Int] = [], padding: Padding = .valid, dilation: [Int] = [], groups: Int = 1
  ) throws -> Value {
    let settings = ConvolutionSettings(strides: strides, padding: padding, dilation: dilation, groups: groups)
    return try builder.append(Convolution(settings), [self, w])[0]
  }
}
