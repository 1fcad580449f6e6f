import ApusCore
import ApusGraph
import ApusOperators

/// The transpose of a convolution, which enlarges an image by `strides`: the layer's linear part is the gradient by x of a
/// convolution whose result has the shape of this layer's input. Written `Conv1DTranspose`, `Conv2DTranspose` or
/// `Conv3DTranspose`.
///
/// - Input: `(batch, spatial…, channels)`.
/// - Output: `(batch, spatial…, filters)`. Without `outputPadding` an axis of n elements gets n · strides elements
///   with `padding: .same`, and n · strides + max(extent − strides, 0) with `.valid`, where
///   extent = (kernelSize − 1) · dilationRate + 1. With `outputPadding` it gets
///   (n − 1) · strides + extent − 2 · ⌊extent / 2⌋ + outputPadding, or with `.valid` the same without the third term.
/// - Variables: `kernel` `(kernelSize…, filters, channels)`, `bias` `(filters)`.
/// - Errors: the input has another number of axes, or a spatial one is of unknown size; a size is not positive; `padding` is
///   explicit; `outputPadding` is not below `strides`.
///
/// Source: Zeiler et al., "Deconvolutional networks", 2010; Dumoulin and Visin, "A guide to convolution arithmetic for
/// deep learning", 2016; defaults as in Keras.
public struct TransposedConvolutionLayer<Rank: SpatialRank>: Layer {
  public static var typeName: String { "Conv\(Rank.spatialAxes)DTranspose" }
  public static var passesMask: Bool { false }
  public var filters: Int
  public var kernelSize, strides, dilationRate: SpatialSize
  /// Valid or same.
  public var padding: Padding
  /// How many elements the result has more than the smallest image that the convolution maps to the input's size; below
  /// `strides`. Nil chooses the size stated above.
  public var outputPadding: SpatialSize?
  public var activation: ActivationFunction
  public var useBias: Bool
  public var kernelInitializer, biasInitializer: Initializer
  public var kernelRegularizer, biasRegularizer, activityRegularizer: Regularizer?
  public var kernelConstraint, biasConstraint: Constraint?
  public var name: String?

  /// - Parameters:
  ///   - filters: the number of output channels.
  ///   - kernelSize: the kernel's size along each spatial axis.
  ///   - strides: how many times as large the result is, roughly.
  ///   - outputPadding: additional elements along each spatial axis.
  ///   - dilationRate: the distance between neighboring elements of the kernel.
  public init(
    _ filters: Int, kernelSize: SpatialSize, strides: SpatialSize = 1, padding: Padding = .valid,
    outputPadding: SpatialSize? = nil, dilationRate: SpatialSize = 1, activation: ActivationFunction = .linear,
    useBias: Bool = true, kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros,
    kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
    activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
    name: String? = nil
  ) {
    (self.filters, self.kernelSize, self.strides, self.padding) = (filters, kernelSize, strides, padding)
    (self.outputPadding, self.dilationRate, self.activation) = (outputPadding, dilationRate, activation)
    (self.useBias, self.name) = (useBias, name)
    (self.kernelInitializer, self.biasInitializer) = (kernelInitializer, biasInitializer)
    (self.kernelRegularizer, self.kernelConstraint) = (kernelRegularizer, kernelConstraint)
    (self.biasRegularizer, self.biasConstraint) = (biasRegularizer, biasConstraint)
    self.activityRegularizer = activityRegularizer
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let rank = Rank.spatialAxes
    let input = try context.spatialSizes(of: x, rank)
    let channels = try context.channels(of: x, spatial: rank)
    try context.requirePositive(filters, "the number of filters")
    let window = try kernelSize.along(rank, "the kernel", context)
    var transpose = ConvolutionInputGradient()
    transpose.strides = try strides.along(rank, "strides", context)
    transpose.dilation = try dilationRate.along(rank, "the dilation rate", context)
    transpose.padding = padding
    let extents = zip(window, transpose.dilation).map { ($0 - 1) * $1 + 1 }
    let size = try resultSize(input, extents: extents, strides: transpose.strides, context)
    transpose.shape = Shape([x.shape[0]] + size.map(Dim.number) + [.number(filters)])

    let kernel = try context.variable(
      "kernel", x.dtype, Shape(window + [filters, channels]), kernelInitializer, regularizer: kernelRegularizer,
      constraint: kernelConstraint)
    let y = try x.builder.append(transpose, [x, kernel])[0]
    return try context.activated(
      y, bias: useBias ? biasInitializer : nil, activation, regularizer: biasRegularizer, constraint: biasConstraint)
  }

  /// The spatial sizes of the result.
  /// - Parameter extents: the kernel's sizes with its dilation.
  private func resultSize(_ input: [Int], extents: [Int], strides: [Int], _ context: LayerContext) throws -> [Int] {
    let isSame = padding == .same
    guard isSame || padding == .valid else {
      throw context.error("its padding is valid or same, not \(padding)", help: "outputPadding sets the result's size")
    }
    guard let outputPadding = try outputPadding?.along(Rank.spatialAxes, "the output padding", context, least: 0) else {
      return input.indices.map { input[$0] * strides[$0] + (isSame ? 0 : max(extents[$0] - strides[$0], 0)) }
    }
    return try input.indices.map { axis in
      let (extent, stride, extra) = (extents[axis], strides[axis], outputPadding[axis])
      guard extra < stride else {
        throw context.error("the output padding \(extra) must be below the stride \(stride)")
      }
      // With padding on both sides an even kernel falls one element short of a window for each input.
      guard !isSame || extra > 0 || extent % 2 == 1 else {
        throw context.error(
          "a kernel that spans \(extent) elements needs an output padding of at least 1 with padding same",
          help: "or leave the output padding out")
      }
      return (input[axis] - 1) * stride + extent - (isSame ? extent / 2 * 2 : 0) + extra
    }
  }
}

/// The transpose of a convolution of sequences; see `TransposedConvolutionLayer`.
public typealias Conv1DTranspose = TransposedConvolutionLayer<Spatial1D>
/// The transpose of a convolution of images; see `TransposedConvolutionLayer`.
public typealias Conv2DTranspose = TransposedConvolutionLayer<Spatial2D>
/// The transpose of a convolution of volumes; see `TransposedConvolutionLayer`.
public typealias Conv3DTranspose = TransposedConvolutionLayer<Spatial3D>
