import ApusCore
import ApusGraph
import ApusOperators

/// A depthwise convolution, which convolves each channel separately, by `depthMultiplier` kernels:
/// y[n, p, c · m + j] = activation(Σ x[n, p · strides + k · dilationRate − padding, c] · kernel[k, c, j] + bias), summed over
/// k, with m = depthMultiplier. Written `DepthwiseConv1D` or `DepthwiseConv2D`.
///
/// - Input: `(batch, spatial…, channels)`.
/// - Output: `(batch, spatial…, channels · depthMultiplier)`; spatial sizes as in `ConvolutionLayer`.
/// - Variables: `kernel` `(kernelSize…, channels, depthMultiplier)`, `bias` `(channels · depthMultiplier)`.
/// - Errors: the input has another number of axes; a size or the multiplier is not positive; the kernel is larger than the
///   padded input.
///
/// Source: Sifre, "Rigid-motion scattering for image classification", 2014; defaults as in Keras.
public struct DepthwiseConvolutionLayer<Rank: SpatialRank>: Layer {
  public static var typeName: String { "DepthwiseConv\(Rank.spatialAxes)D" }
  public static var passesMask: Bool { false }
  public var kernelSize, strides, dilationRate: SpatialSize
  public var padding: Padding
  public var depthMultiplier: Int
  public var activation: ActivationFunction
  public var useBias: Bool
  public var depthwiseInitializer, biasInitializer: Initializer
  public var depthwiseRegularizer, biasRegularizer, activityRegularizer: Regularizer?
  public var depthwiseConstraint, biasConstraint: Constraint?
  public var name: String?

  /// - Parameters:
  ///   - kernelSize: the kernels' size along each spatial axis.
  ///   - strides: the distance between neighboring positions of a kernel.
  ///   - depthMultiplier: the number of kernels for each channel.
  ///   - dilationRate: the distance between neighboring elements of a kernel.
  public init(
    kernelSize: SpatialSize, strides: SpatialSize = 1, padding: Padding = .valid, depthMultiplier: Int = 1,
    dilationRate: SpatialSize = 1, activation: ActivationFunction = .linear, useBias: Bool = true,
    depthwiseInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros,
    depthwiseRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
    activityRegularizer: Regularizer? = nil, depthwiseConstraint: Constraint? = nil,
    biasConstraint: Constraint? = nil, name: String? = nil
  ) {
    (self.kernelSize, self.strides, self.padding) = (kernelSize, strides, padding)
    (self.depthMultiplier, self.dilationRate) = (depthMultiplier, dilationRate)
    (self.activation, self.useBias, self.name) = (activation, useBias, name)
    (self.depthwiseInitializer, self.biasInitializer) = (depthwiseInitializer, biasInitializer)
    (self.depthwiseRegularizer, self.depthwiseConstraint) = (depthwiseRegularizer, depthwiseConstraint)
    (self.biasRegularizer, self.biasConstraint) = (biasRegularizer, biasConstraint)
    self.activityRegularizer = activityRegularizer
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let y = try convolved(x, context, kernel: "kernel")
    return try context.activated(
      y, bias: useBias ? biasInitializer : nil, activation, regularizer: biasRegularizer, constraint: biasConstraint)
  }

  /// The convolution without bias and activation.
  func convolved(_ x: Value, _ context: LayerContext, kernel name: String) throws -> Value {
    let rank = Rank.spatialAxes
    let channels = try context.channels(of: x, spatial: rank)
    try context.requirePositive(depthMultiplier, "the depth multiplier")
    let window = try kernelSize.along(rank, "the kernel", context)
    // Keras orders (spatial…, channels, multiplier); the operator takes channels and multiplier as one axis.
    let kernel = try context.variable(
      name, x.dtype, Shape(window + [channels, depthMultiplier]), depthwiseInitializer,
      regularizer: depthwiseRegularizer, constraint: depthwiseConstraint)
    return try x.convolution(
      kernel.reshaped(Shape(window + [1, channels * depthMultiplier])),
      strides: strides.along(rank, "strides", context), padding: padding,
      dilation: dilationRate.along(rank, "the dilation rate", context), groups: channels)
  }
}

/// A depthwise convolution, then a convolution by a kernel of size 1 that mixes the channels:
/// y = activation(depthwise(x) ∗ pointwise_kernel + bias). Written `SeparableConv1D` or `SeparableConv2D`.
///
/// - Input: `(batch, spatial…, channels)`.
/// - Output: `(batch, spatial…, filters)`; spatial sizes as in `ConvolutionLayer`.
/// - Variables: `depthwise_kernel` `(kernelSize…, channels, depthMultiplier)`, `pointwise_kernel`
///   `(1…, channels · depthMultiplier, filters)`, `bias` `(filters)`.
/// - Errors: those of `DepthwiseConvolutionLayer`; `filters` is not positive.
///
/// Source: Chollet, "Xception: deep learning with depthwise separable convolutions", 2017; defaults as in Keras.
public struct SeparableConvolutionLayer<Rank: SpatialRank>: Layer {
  public static var typeName: String { "SeparableConv\(Rank.spatialAxes)D" }
  public static var passesMask: Bool { false }
  public var filters: Int
  public var depthwise: DepthwiseConvolutionLayer<Rank>
  public var activation: ActivationFunction
  public var useBias: Bool
  public var pointwiseInitializer, biasInitializer: Initializer
  public var pointwiseRegularizer, biasRegularizer, activityRegularizer: Regularizer?
  public var pointwiseConstraint, biasConstraint: Constraint?
  public var name: String?

  /// - Parameters:
  ///   - filters: the number of output channels.
  ///   - kernelSize: the depthwise kernels' size along each spatial axis.
  ///   - strides: the distance between neighboring positions of a depthwise kernel.
  ///   - dilationRate: the distance between neighboring elements of a depthwise kernel.
  ///   - depthMultiplier: the number of depthwise kernels for each channel.
  public init(
    _ filters: Int, kernelSize: SpatialSize, strides: SpatialSize = 1, padding: Padding = .valid,
    dilationRate: SpatialSize = 1, depthMultiplier: Int = 1, activation: ActivationFunction = .linear,
    useBias: Bool = true, depthwiseInitializer: Initializer = .glorotUniform,
    pointwiseInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros,
    depthwiseRegularizer: Regularizer? = nil, pointwiseRegularizer: Regularizer? = nil,
    biasRegularizer: Regularizer? = nil, activityRegularizer: Regularizer? = nil,
    depthwiseConstraint: Constraint? = nil, pointwiseConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
    name: String? = nil
  ) {
    self.filters = filters
    depthwise = DepthwiseConvolutionLayer(
      kernelSize: kernelSize, strides: strides, padding: padding, depthMultiplier: depthMultiplier,
      dilationRate: dilationRate, useBias: false, depthwiseInitializer: depthwiseInitializer,
      depthwiseRegularizer: depthwiseRegularizer, depthwiseConstraint: depthwiseConstraint)
    (self.activation, self.useBias, self.name) = (activation, useBias, name)
    (self.pointwiseInitializer, self.biasInitializer) = (pointwiseInitializer, biasInitializer)
    (self.pointwiseRegularizer, self.pointwiseConstraint) = (pointwiseRegularizer, pointwiseConstraint)
    (self.biasRegularizer, self.biasConstraint) = (biasRegularizer, biasConstraint)
    self.activityRegularizer = activityRegularizer
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.requirePositive(filters, "the number of filters")
    let between = try depthwise.convolved(x, context, kernel: "depthwise_kernel")
    let channels = try context.channels(of: between, spatial: Rank.spatialAxes)
    let point = [Int](repeating: 1, count: Rank.spatialAxes)
    let kernel = try context.variable(
      "pointwise_kernel", x.dtype, Shape(point + [channels, filters]), pointwiseInitializer,
      regularizer: pointwiseRegularizer, constraint: pointwiseConstraint)
    return try context.activated(
      between.convolution(kernel), bias: useBias ? biasInitializer : nil, activation, regularizer: biasRegularizer,
      constraint: biasConstraint)
  }
}

/// A depthwise convolution of sequences; see `DepthwiseConvolutionLayer`.
public typealias DepthwiseConv1D = DepthwiseConvolutionLayer<Spatial1D>
/// A depthwise convolution of images; see `DepthwiseConvolutionLayer`.
public typealias DepthwiseConv2D = DepthwiseConvolutionLayer<Spatial2D>
/// A separable convolution of sequences; see `SeparableConvolutionLayer`.
public typealias SeparableConv1D = SeparableConvolutionLayer<Spatial1D>
/// A separable convolution of images; see `SeparableConvolutionLayer`.
public typealias SeparableConv2D = SeparableConvolutionLayer<Spatial2D>
