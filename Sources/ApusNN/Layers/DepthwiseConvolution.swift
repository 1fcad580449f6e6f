import ApusCore
import ApusGraph
import ApusOperators

/// Each channel of an image convolved on its own, by `depthMultiplier` kernels.
public struct DepthwiseConv2D: Layer {
  public static let typeName = "DepthwiseConv2D"
  public var kernelSize, strides, dilationRate: SpatialSize
  public var padding: Padding
  public var depthMultiplier: Int
  public var activation: ActivationFunction
  public var useBias: Bool
  public var depthwiseInitializer, biasInitializer: Initializer
  public var name: String?

  public init(
    kernelSize: SpatialSize, strides: SpatialSize = 1, padding: Padding = .valid, depthMultiplier: Int = 1,
    dilationRate: SpatialSize = 1, activation: ActivationFunction = .linear, useBias: Bool = true,
    depthwiseInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros, name: String? = nil
  ) {
    (self.kernelSize, self.strides, self.padding) = (kernelSize, strides, padding)
    (self.depthMultiplier, self.dilationRate) = (depthMultiplier, dilationRate)
    (self.activation, self.useBias, self.name) = (activation, useBias, name)
    (self.depthwiseInitializer, self.biasInitializer) = (depthwiseInitializer, biasInitializer)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    var y = try convolve(x, context, kernel: "kernel")
    if useBias, let channels = y.shape.dims.last {
      y = try y + context.variable("bias", x.dtype, [channels], biasInitializer)
    }
    return try activation.apply(y)
  }

  func convolve(_ x: Value, _ context: LayerContext, kernel name: String) throws -> Value {
    let channels = try context.channels(of: x, spatial: 2)
    guard depthMultiplier > 0, depthMultiplier <= Limits.magnitude else {
      throw context.error("the depth multiplier must be positive, not \(depthMultiplier)")
    }
    let window = try kernelSize.along(2, "the kernel", context)
    // Keras's order (height, width, channels, multiplier); the operator wants channels and multiplier as one axis.
    let kernel = try context.variable(name, x.dtype, Shape(window + [channels, depthMultiplier]), depthwiseInitializer)
    return try x.convolution(
      kernel.reshaped(Shape(window + [1, channels * depthMultiplier])),
      strides: strides.along(2, "strides", context), padding: padding,
      dilation: dilationRate.along(2, "the dilation rate", context), groups: channels)
  }
}

/// A depthwise convolution, and one of 1 × 1 that mixes its channels.
public struct SeparableConv2D: Layer {
  public static let typeName = "SeparableConv2D"
  public var filters: Int
  public var depthwise: DepthwiseConv2D
  public var activation: ActivationFunction
  public var useBias: Bool
  public var pointwiseInitializer, biasInitializer: Initializer
  public var name: String?

  public init(
    _ filters: Int, kernelSize: SpatialSize, strides: SpatialSize = 1, padding: Padding = .valid,
    dilationRate: SpatialSize = 1, depthMultiplier: Int = 1, activation: ActivationFunction = .linear,
    useBias: Bool = true, depthwiseInitializer: Initializer = .glorotUniform,
    pointwiseInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros, name: String? = nil
  ) {
    self.filters = filters
    depthwise = DepthwiseConv2D(
      kernelSize: kernelSize, strides: strides, padding: padding, depthMultiplier: depthMultiplier,
      dilationRate: dilationRate, useBias: false, depthwiseInitializer: depthwiseInitializer)
    (self.activation, self.useBias, self.name) = (activation, useBias, name)
    (self.pointwiseInitializer, self.biasInitializer) = (pointwiseInitializer, biasInitializer)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    guard filters > 0, filters <= Limits.magnitude else {
      throw context.error("the number of filters must be positive, not \(filters)")
    }
    let between = try depthwise.convolve(x, context, kernel: "depthwise_kernel")
    let channels = try context.channels(of: between, spatial: 2)
    let kernel = try context.variable(
      "pointwise_kernel", x.dtype, Shape([1, 1, channels, filters]), pointwiseInitializer)
    var y = try between.convolution(kernel)
    if useBias { y = try y + context.variable("bias", x.dtype, [.number(filters)], biasInitializer) }
    return try activation.apply(y)
  }
}
