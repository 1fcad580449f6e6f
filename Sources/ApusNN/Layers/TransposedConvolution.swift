import ApusCore
import ApusGraph
import ApusOperators

/// The transpose of a convolution, which makes images larger where that makes them smaller. Its kernel is
/// `(height, width, filters, channels)`.
///
/// With `padding: .same` an image becomes `strides` times as large, else as large as one must be that a convolution
/// without padding brings to this size.
public struct Conv2DTranspose: Layer {
  public static let typeName = "Conv2DTranspose"
  public var filters: Int
  public var kernelSize, strides, dilationRate: SpatialSize
  /// Valid or same.
  public var padding: Padding
  /// By how much the result is larger than the smallest that a convolution brings to this size; below `strides`. Where
  /// nil, the result is as large as said above.
  public var outputPadding: SpatialSize?
  public var activation: ActivationFunction
  public var useBias: Bool
  public var kernelInitializer, biasInitializer: Initializer
  public var name: String?

  public init(
    _ filters: Int, kernelSize: SpatialSize, strides: SpatialSize = 1, padding: Padding = .valid,
    outputPadding: SpatialSize? = nil, dilationRate: SpatialSize = 1, activation: ActivationFunction = .linear,
    useBias: Bool = true, kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros,
    name: String? = nil
  ) {
    (self.filters, self.kernelSize, self.strides, self.padding) = (filters, kernelSize, strides, padding)
    (self.outputPadding, self.dilationRate, self.activation) = (outputPadding, dilationRate, activation)
    (self.useBias, self.name) = (useBias, name)
    (self.kernelInitializer, self.biasInitializer) = (kernelInitializer, biasInitializer)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let (height, width) = try context.imageSize(x)
    let channels = try context.channels(of: x, spatial: 2)
    guard filters > 0, filters <= Limits.magnitude else {
      throw context.error("the number of filters must be positive, not \(filters)")
    }
    let window = try kernelSize.along(2, "the kernel", context)
    var transpose = ConvolutionInputGradient()
    transpose.strides = try strides.along(2, "strides", context)
    transpose.dilation = try dilationRate.along(2, "the dilation rate", context)
    transpose.padding = padding
    let extents = zip(window, transpose.dilation).map { ($0 - 1) * $1 + 1 }
    let size = try resultSize([height, width], extents: extents, strides: transpose.strides, context)
    transpose.shape = Shape([x.shape[0]] + size.map(Dim.number) + [.number(filters)])

    let kernel = try context.variable("kernel", x.dtype, Shape(window + [filters, channels]), kernelInitializer)
    var y = try x.builder.append(transpose, [x, kernel])[0]
    if useBias { y = try y + context.variable("bias", x.dtype, [.number(filters)], biasInitializer) }
    return try activation.apply(y)
  }

  /// Height and width of the result: `extents` are the kernel's sizes with its dilation.
  private func resultSize(_ input: [Int], extents: [Int], strides: [Int], _ context: LayerContext) throws -> [Int] {
    let isSame = padding == .same
    guard isSame || padding == .valid else {
      throw context.error("its padding is valid or same, not \(padding)", help: "outputPadding sets the result's size")
    }
    guard let outputPadding = try outputPadding?.along(2, "the output padding", context, least: 0) else {
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
