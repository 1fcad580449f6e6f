import ApusCore
import ApusGraph
import ApusOperators

/// A convolution: y = activation(x ∗ kernel + bias), with
/// (x ∗ w)[n, p, o] = Σ x[n, p · strides + k · dilationRate − padding, c] · w[k, c, o] over k and c. Written `Conv1D`,
/// `Conv2D` or `Conv3D`.
///
/// - Input: `(batch, spatial…, channels)`.
/// - Output: `(batch, spatial…, filters)`. With `padding: .same` a spatial axis has ⌈size / strides⌉ elements, with
///   `.valid` ⌊(size − extent) / strides⌋ + 1, where extent = (kernelSize − 1) · dilationRate + 1.
/// - Variables: `kernel` `(kernelSize…, channels / groups, filters)`, `bias` `(filters)`.
/// - Errors: the input has another number of axes; a size is not positive; `groups` does not divide both channels and
///   filters; the kernel is larger than the padded input.
///
/// Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998; defaults as in Keras.
public struct ConvolutionLayer<Rank: SpatialRank>: Layer {
  public static var typeName: String { "Conv\(Rank.spatialAxes)D" }
  public static var passesMask: Bool { false }
  public var filters: Int
  public var kernelSize, strides, dilationRate: SpatialSize
  public var padding: Padding
  public var groups: Int
  public var activation: ActivationFunction
  public var useBias: Bool
  public var kernelInitializer, biasInitializer: Initializer
  public var kernelRegularizer, biasRegularizer, activityRegularizer: Regularizer?
  public var kernelConstraint, biasConstraint: Constraint?
  public var name: String?

  /// - Parameters:
  ///   - filters: the number of output channels.
  ///   - kernelSize: the kernel's size along each spatial axis.
  ///   - strides: the distance between neighboring positions of the kernel.
  ///   - dilationRate: the distance between neighboring elements of the kernel.
  ///   - groups: the number of groups of channels that are convolved independently.
  ///   - activation: applied to the result.
  ///   - useBias: whether a bias is added before the activation.
  ///   - kernelRegularizer: what the kernel adds to the loss.
  ///   - activityRegularizer: what the output adds to the loss, divided by the number of samples.
  ///   - kernelConstraint: what the kernel is brought back to after each step.
  public init(
    _ filters: Int, kernelSize: SpatialSize, strides: SpatialSize = 1, padding: Padding = .valid,
    dilationRate: SpatialSize = 1, groups: Int = 1, activation: ActivationFunction = .linear, useBias: Bool = true,
    kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros,
    kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
    activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
    name: String? = nil
  ) {
    (self.filters, self.kernelSize, self.strides, self.padding) = (filters, kernelSize, strides, padding)
    (self.dilationRate, self.groups, self.activation, self.useBias) = (dilationRate, groups, activation, useBias)
    (self.kernelInitializer, self.biasInitializer, self.name) = (kernelInitializer, biasInitializer, name)
    (self.kernelRegularizer, self.biasRegularizer) = (kernelRegularizer, biasRegularizer)
    self.activityRegularizer = activityRegularizer
    (self.kernelConstraint, self.biasConstraint) = (kernelConstraint, biasConstraint)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let rank = Rank.spatialAxes
    let channels = try context.channels(of: x, spatial: rank)
    try context.requirePositive(filters, "the number of filters")
    guard groups > 0, channels.isMultiple(of: groups), filters.isMultiple(of: groups) else {
      throw context.error("\(groups) groups divide neither or only one of \(channels) channels and \(filters) filters")
    }
    let window = try kernelSize.along(rank, "the kernel", context)
    let kernel = try context.variable(
      "kernel", x.dtype, Shape(window + [channels / groups, filters]), kernelInitializer,
      regularizer: kernelRegularizer,
      constraint: kernelConstraint)
    let y = try x.convolution(
      kernel, strides: strides.along(rank, "strides", context), padding: padding,
      dilation: dilationRate.along(rank, "the dilation rate", context), groups: groups)
    return try context.activated(
      y, bias: useBias ? biasInitializer : nil, activation, regularizer: biasRegularizer,
      constraint: biasConstraint)
  }
}

/// A convolution of sequences `(batch, length, channels)`; see `ConvolutionLayer`.
public typealias Conv1D = ConvolutionLayer<Spatial1D>
/// A convolution of images `(batch, height, width, channels)`; see `ConvolutionLayer`.
public typealias Conv2D = ConvolutionLayer<Spatial2D>
/// A convolution of volumes `(batch, depth, height, width, channels)`; see `ConvolutionLayer`.
public typealias Conv3D = ConvolutionLayer<Spatial3D>
