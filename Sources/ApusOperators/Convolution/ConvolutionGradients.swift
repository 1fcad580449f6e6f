import ApusCore
import ApusGraph

/// The transpose of a convolution in its image: the cotangent of x, given that of y.
///
/// Also what is called a transposed convolution, `shape` being the shape of its result.
public struct ConvolutionInputGradient: ConvolutionOperator {
  public var settings = ConvolutionSettings()
  /// The shape of the convolution's image.
  public var shape = Shape.scalar
  public init() {}

  public static let record = OperatorRecord(
    "convolution_input_gradient", .convolution, "the cotangent of convolution's x, given that of its result",
    operands: [
      OperandRecord("g", .numeric, "[batch, spatial…, out]"),
      OperandRecord("w", .numeric, "[spatial…, in / groups, out]"),
    ],
    attributes: [attribute("shape", \.shape, "the shape of x", required: true)] + convolutionAttributes,
    traits: .contraction)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try operands[0].requireElementType(of: operands[1])
    let result = try geometry(x: shape, w: operands[1].shape).result
    try operands[0].requireShape(result, "results of convolving \(shape) by \(operands[1].shape)", operand: 0)
    return [operands[0].with(shape: shape)]
  }

  // ⟨h, x̄(g, w)⟩ = ⟨g, h ∗ w⟩: by g it is the convolution of h, by w the filter gradient of h with g.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (g, w, h) = (context.operands[0], context.operands[1], try context.cotangent)
    return [
      context.wanted[0] ? try context.builder.append(Convolution(like: self), [h, w])[0] : nil,
      context.wanted[1] ? try h.convolutionFilterGradient(g, shape: w.shape, like: self) : nil,
    ]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    guard let geometry = try? geometry(x: shape, w: operands[1].shape) else { return 0 }
    return FlopCount.multiplyAdds(operands[0].shape, geometry.foldedDims)
  }
}

/// The transpose of a convolution in its kernel: the cotangent of w, given that of y.
public struct ConvolutionFilterGradient: ConvolutionOperator {
  public var settings = ConvolutionSettings()
  /// The shape of the convolution's kernel.
  public var shape = Shape.scalar
  public init() {}

  public static let record = OperatorRecord(
    "convolution_filter_gradient", .convolution, "the cotangent of convolution's w, given that of its result",
    operands: [
      OperandRecord("x", .numeric, "[batch, spatial…, in]"),
      OperandRecord("g", .numeric, "[batch, spatial…, out]"),
    ],
    attributes: [attribute("shape", \.shape, "the shape of w", required: true)] + convolutionAttributes,
    traits: .contraction)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try operands[0].requireElementType(of: operands[1])
    let result = try geometry(x: operands[0].shape, w: shape).result
    try operands[1].requireShape(result, "results of convolving \(operands[0].shape) by \(shape)", operand: 1)
    return [operands[0].with(shape: shape)]
  }

  // ⟨h, w̄(x, g)⟩ = ⟨g, x ∗ h⟩: by x it is the input gradient of g through h, by g the convolution of x by h.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (x, g, h) = (context.operands[0], context.operands[1], try context.cotangent)
    return [
      context.wanted[0] ? try g.convolutionInputGradient(h, shape: x.shape, like: self) : nil,
      context.wanted[1] ? try context.builder.append(Convolution(like: self), [x, h])[0] : nil,
    ]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    guard let geometry = try? geometry(x: operands[0].shape, w: shape) else { return 0 }
    return FlopCount.multiplyAdds(operands[1].shape, geometry.foldedDims)
  }
}

extension Value {
  /// The cotangent of the image of shape `shape` whose convolution by `w` has this cotangent.
  func convolutionInputGradient(_ w: Value, shape: Shape, like other: some ConvolutionOperator) throws -> Value {
    var op = ConvolutionInputGradient(like: other)
    op.shape = shape
    return try builder.append(op, [self, w])[0]
  }

  /// The cotangent of the kernel of shape `shape` by which this image was convolved, `g` being the result's.
  func convolutionFilterGradient(_ g: Value, shape: Shape, like other: some ConvolutionOperator) throws -> Value {
    var op = ConvolutionFilterGradient(like: other)
    op.shape = shape
    return try builder.append(op, [self, g])[0]
  }
}
