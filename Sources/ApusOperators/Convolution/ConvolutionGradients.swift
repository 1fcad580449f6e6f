import ApusCore
import ApusGraph

/// The transpose of a convolution in its input: the cotangent of x, given that of y.
///
/// This is also the operation called transposed convolution; `shape` is then the shape of its result.
public struct ConvolutionInputGradient: ConvolutionOperator, ShapedOperator {
  public var settings = ConvolutionSettings()
  /// The shape of the convolution's input.
  public var shape = Shape.scalar
  public init() {}

  public static let record = gradientRecord(
    of: "x", "convolution_input_gradient",
    [
      OperandRecord("g", .numeric, "[batch, spatial…, out]"),
      OperandRecord("w", .numeric, "[spatial…, in / groups, out]"),
    ])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    [try gradientType(operands, x: shape, w: operands[1].shape, g: 0)]
  }

  // ⟨h, x̄(g, w)⟩ = ⟨g, h ∗ w⟩: by g it is the convolution of h, by w the filter gradient of h with g.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (g, w, h) = (context.operands[0], context.operands[1], try context.cotangent)
    return [
      context.wanted[0] ? try context.builder.append(Convolution(settings), [h, w])[0] : nil,
      context.wanted[1] ? try h.convolutionFilterGradient(g, shape: w.shape, settings) : nil,
    ]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    flopCount(x: shape, w: operands[1].shape)
  }
}

/// The transpose of a convolution in its kernel: the cotangent of w, given that of y.
public struct ConvolutionFilterGradient: ConvolutionOperator, ShapedOperator {
  public var settings = ConvolutionSettings()
  /// The shape of the convolution's kernel.
  public var shape = Shape.scalar
  public init() {}

  public static let record = gradientRecord(
    of: "w", "convolution_filter_gradient",
    [OperandRecord("x", .numeric, "[batch, spatial…, in]"), OperandRecord("g", .numeric, "[batch, spatial…, out]")])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    [try gradientType(operands, x: operands[0].shape, w: shape, g: 1)]
  }

  // ⟨h, w̄(x, g)⟩ = ⟨g, x ∗ h⟩: by x it is the input gradient of g through h, by g the convolution of x by h.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (x, g, h) = (context.operands[0], context.operands[1], try context.cotangent)
    return [
      context.wanted[0] ? try g.convolutionInputGradient(h, shape: x.shape, settings) : nil,
      context.wanted[1] ? try context.builder.append(Convolution(settings), [x, h])[0] : nil,
    ]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    flopCount(x: operands[0].shape, w: shape)
  }
}

extension ShapedOperator where Self: ConvolutionOperator {
  /// The record of a convolution's transpose in `variable`.
  fileprivate static func gradientRecord(
    of variable: String, _ name: String, _ operands: [OperandRecord]
  ) -> OperatorRecord {
    OperatorRecord(
      name, .convolution, "the cotangent of convolution's \(variable), given that of its result", operands: operands,
      attributes: [attribute("shape", \.shape, "the shape of \(variable)", required: true)] + convolutionAttributes,
      traits: .contraction
    ).accurate(Accuracy.products)
  }

  /// The type of the cotangent of x or w.
  /// - Parameter position: which operand is the cotangent of the convolution's result.
  /// - Throws: `TypeError` if that operand does not have the shape of the result of convolving x by w.
  fileprivate func gradientType(_ operands: [TensorType], x: Shape, w: Shape, g position: Int) throws -> TensorType {
    try operands[0].requireElementType(of: operands[1])
    let result = try geometry(x: x, w: w).result
    try operands[position].requireShape(result, "results of convolving \(x) by \(w)", operand: position)
    return operands[0].with(shape: shape)
  }
}

extension Value {
  /// The cotangent of the input of shape `shape`, if this is the cotangent of its convolution by `w`.
  func convolutionInputGradient(_ w: Value, shape: Shape, _ settings: ConvolutionSettings) throws -> Value {
    try builder.append(ConvolutionInputGradient(settings, shape: shape), [self, w])[0]
  }

  /// The cotangent of the kernel of shape `shape` by which this input was convolved, `g` being that of the result.
  func convolutionFilterGradient(_ g: Value, shape: Shape, _ settings: ConvolutionSettings) throws -> Value {
    try builder.append(ConvolutionFilterGradient(settings, shape: shape), [self, g])[0]
  }
}
