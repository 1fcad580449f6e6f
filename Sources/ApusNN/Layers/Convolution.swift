import ApusCore
import ApusGraph
import ApusOperators

/// What the convolutions of one, two and three spatial axes share: activation(x ∗ kernel + bias) on
/// `(batch, spatial…, channels)`, kernels `(spatial…, channels / groups, filters)`.
public protocol ConvolutionLayer: Layer {
  static var spatialRank: Int { get }
  var filters: Int { get }
  var kernelSize: SpatialSize { get }
  var strides: SpatialSize { get }
  var padding: Padding { get }
  var dilationRate: SpatialSize { get }
  var groups: Int { get }
  var activation: ActivationFunction { get }
  var useBias: Bool { get }
  var kernelInitializer: Initializer { get }
  var biasInitializer: Initializer { get }
}

extension ConvolutionLayer {
  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let rank = Self.spatialRank
    let channels = try context.channels(of: x, spatial: rank)
    guard filters > 0, filters <= Limits.magnitude else {
      throw context.error("the number of filters must be positive, not \(filters)")
    }
    guard groups > 0, channels.isMultiple(of: groups), filters.isMultiple(of: groups) else {
      throw context.error("\(groups) groups divide neither or only one of \(channels) channels and \(filters) filters")
    }
    let window = try kernelSize.along(rank, "the kernel", context)
    let kernel = try context.variable(
      "kernel", x.dtype, Shape(window + [channels / groups, filters]), kernelInitializer)
    var y = try x.convolution(
      kernel, strides: strides.along(rank, "strides", context), padding: padding,
      dilation: dilationRate.along(rank, "the dilation rate", context), groups: groups)
    if useBias { y = try y + context.variable("bias", x.dtype, [.number(filters)], biasInitializer) }
    return try activation.apply(y)
  }
}

/// A convolution along one axis of `(batch, length, channels)`.
public struct Conv1D: ConvolutionLayer {
  public static let typeName = "Conv1D"
  public static let spatialRank = 1
  public var filters: Int
  public var kernelSize, strides, dilationRate: SpatialSize
  public var padding: Padding
  public var groups: Int
  public var activation: ActivationFunction
  public var useBias: Bool
  public var kernelInitializer, biasInitializer: Initializer
  public var name: String?

  public init(
    _ filters: Int, kernelSize: SpatialSize, strides: SpatialSize = 1, padding: Padding = .valid,
    dilationRate: SpatialSize = 1, groups: Int = 1, activation: ActivationFunction = .linear, useBias: Bool = true,
    kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros, name: String? = nil
  ) {
    (self.filters, self.kernelSize, self.strides, self.padding) = (filters, kernelSize, strides, padding)
    (self.dilationRate, self.groups, self.activation, self.useBias) = (dilationRate, groups, activation, useBias)
    (self.kernelInitializer, self.biasInitializer, self.name) = (kernelInitializer, biasInitializer, name)
  }
}

/// A convolution of images `(batch, height, width, channels)`.
public struct Conv2D: ConvolutionLayer {
  public static let typeName = "Conv2D"
  public static let spatialRank = 2
  public var filters: Int
  public var kernelSize, strides, dilationRate: SpatialSize
  public var padding: Padding
  public var groups: Int
  public var activation: ActivationFunction
  public var useBias: Bool
  public var kernelInitializer, biasInitializer: Initializer
  public var name: String?

  public init(
    _ filters: Int, kernelSize: SpatialSize, strides: SpatialSize = 1, padding: Padding = .valid,
    dilationRate: SpatialSize = 1, groups: Int = 1, activation: ActivationFunction = .linear, useBias: Bool = true,
    kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros, name: String? = nil
  ) {
    (self.filters, self.kernelSize, self.strides, self.padding) = (filters, kernelSize, strides, padding)
    (self.dilationRate, self.groups, self.activation, self.useBias) = (dilationRate, groups, activation, useBias)
    (self.kernelInitializer, self.biasInitializer, self.name) = (kernelInitializer, biasInitializer, name)
  }
}

/// A convolution of volumes `(batch, depth, height, width, channels)`.
public struct Conv3D: ConvolutionLayer {
  public static let typeName = "Conv3D"
  public static let spatialRank = 3
  public var filters: Int
  public var kernelSize, strides, dilationRate: SpatialSize
  public var padding: Padding
  public var groups: Int
  public var activation: ActivationFunction
  public var useBias: Bool
  public var kernelInitializer, biasInitializer: Initializer
  public var name: String?

  public init(
    _ filters: Int, kernelSize: SpatialSize, strides: SpatialSize = 1, padding: Padding = .valid,
    dilationRate: SpatialSize = 1, groups: Int = 1, activation: ActivationFunction = .linear, useBias: Bool = true,
    kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros, name: String? = nil
  ) {
    (self.filters, self.kernelSize, self.strides, self.padding) = (filters, kernelSize, strides, padding)
    (self.dilationRate, self.groups, self.activation, self.useBias) = (dilationRate, groups, activation, useBias)
    (self.kernelInitializer, self.biasInitializer, self.name) = (kernelInitializer, biasInitializer, name)
  }
}
