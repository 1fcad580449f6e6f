import ApusCore
import ApusGraph

/// How a convolution moves.
public struct ConvolutionSettings: Hashable, Sendable {
  /// Steps along each spatial axis; empty means all ones.
  public var strides: [Int] = []
  public var padding = Padding.valid
  /// The distance between neighbors in the kernel; empty means all ones.
  public var dilation: [Int] = []
  /// Channels fall into so many groups; each output channel sees one group of input channels.
  public var groups = 1

  public init() {}
}

/// A convolution or one of its two transposes; all are linear in each operand and share one geometry.
public protocol ConvolutionOperator: Operator {
  var settings: ConvolutionSettings { get set }
}

/// The numbers of a convolution of x `[batch, spatial…, in]` by w `[spatial…, in / groups, out]`.
package struct ConvolutionGeometry {
  package let window: WindowGeometry
  package let groups: Int
  package let inputChannels: Int
  package let outputChannels: Int
  /// The shape of the convolution's result.
  package let result: Shape

  /// Elements of one group's kernel for one output channel.
  package var foldedDims: [Dim] { window.axes.map { .number($0.window) } + [.number(inputChannels / groups)] }
}

extension ConvolutionOperator {
  public var strides: [Int] {
    get { settings.strides }
    set { settings.strides = newValue }
  }
  public var padding: Padding {
    get { settings.padding }
    set { settings.padding = newValue }
  }
  public var dilation: [Int] {
    get { settings.dilation }
    set { settings.dilation = newValue }
  }
  public var groups: Int {
    get { settings.groups }
    set { settings.groups = newValue }
  }

  init(strides: [Int], padding: Padding, dilation: [Int], groups: Int) {
    self.init()
    self.strides = strides
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
  }

  /// The same convolution for another operator.
  init(like other: some ConvolutionOperator) {
    self.init()
    settings = other.settings
  }

  static var convolutionAttributes: [AttributeRecord] {
    [
      attribute("strides", \.strides, "steps along each spatial axis; empty: all ones"),
      attribute("padding", \.padding, "zeros around the spatial axes: valid, same or explicit"),
      attribute("dilation", \.dilation, "distance between neighbors in the kernel; empty: all ones"),
      attribute("groups", \.groups, "groups of channels; each output channel sees one group of input channels"),
    ]
  }

  /// Checks an image's shape against a kernel's.
  /// - Throws: `TypeError` where they do not fit.
  package func geometry(x: Shape, w: Shape) throws -> ConvolutionGeometry {
    guard (3...5).contains(x.rank) else {
      throw TypeError(
        "a convolution takes an image [batch, spatial…, channels] with 1 to 3 spatial axes, not \(x)", operand: 0)
    }
    guard w.rank == x.rank, let kernel = w.numbers else {
      throw TypeError(
        "the kernel of an image \(x) must be [\(x.rank - 2) sizes, input channels / groups, output channels], "
          + "all of them numbers, not \(w)", operand: 1)
    }
    guard groups >= 1, groups <= Limits.magnitude else {
      throw TypeError("groups must be at least 1, not \(groups)", attribute: "groups")
    }
    guard let channels = x[x.rank - 1].number else {
      throw TypeError("the channels of \(x) must be a number", operand: 0)
    }
    let (inputs, outputs) = (kernel[kernel.count - 2], kernel[kernel.count - 1])
    guard channels == inputs * groups else {
      let times = groups == 1 ? "" : " × \(groups) groups"
      throw TypeError(
        "the image has \(channels) channels, but the kernel \(w) expects \(inputs)\(times)", operand: 1,
        help: "the kernel's axis \(kernel.count - 2) is the image's channels divided by groups")
    }
    guard outputs % groups == 0 else {
      throw TypeError("\(outputs) output channels do not divide into \(groups) groups", attribute: "groups")
    }
    let window = try WindowGeometry(
      spatial: Array(x.dims[1..<(x.rank - 1)]), window: Array(kernel.dropLast(2)), strides: strides, padding: padding,
      dilation: dilation, noun: "kernel")
    return ConvolutionGeometry(
      window: window, groups: groups, inputChannels: channels, outputChannels: outputs,
      result: Shape([x[0]] + window.output + [.number(outputs)]))
  }
}
