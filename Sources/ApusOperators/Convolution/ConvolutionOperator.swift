import ApusCore
import ApusGraph

/// How a kernel moves over an input, and how channels are grouped.
public struct ConvolutionSettings: Hashable, Sendable {
  /// Steps along each spatial axis; empty means all ones.
  public var strides: [Int]
  public var padding: Padding
  /// The distance between neighbors in the kernel; empty means all ones.
  public var dilation: [Int]
  /// The number of groups of channels; each output channel sees one group of input channels of input channels.
  public var groups: Int

  public init(strides: [Int] = [], padding: Padding = .valid, dilation: [Int] = [], groups: Int = 1) {
    (self.strides, self.padding, self.dilation, self.groups) = (strides, padding, dilation, groups)
  }
}

/// A convolution or one of its two transposes. All three are linear in each operand and share one geometry.
public protocol ConvolutionOperator: SettingsOperator where Settings == ConvolutionSettings {}

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
  static var convolutionAttributes: [AttributeRecord] {
    [
      attribute("strides", \.settings.strides, "steps along each spatial axis; empty: all ones"),
      attribute("padding", \.settings.padding, "zeros around the spatial axes: valid, same or explicit"),
      attribute("dilation", \.settings.dilation, "distance between neighbors in the kernel; empty: all ones"),
      attribute(
        "groups", \.settings.groups, "groups of channels; each output channel sees one group of input channels"),
    ]
  }

  /// The arithmetic of the convolution of `x` by `w`, whichever of the three tensors is computed.
  func flopCount(x: Shape, w: Shape) -> Int {
    guard let geometry = try? geometry(x: x, w: w) else { return 0 }
    return FlopCount.multiplyAdds(geometry.result, geometry.foldedDims)
  }

  /// Checks an input's shape against a kernel's.
  /// - Throws: `TypeError` if they do not fit.
  package func geometry(x: Shape, w: Shape) throws -> ConvolutionGeometry {
    let groups = settings.groups
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
      spatial: Array(x.dims[1..<(x.rank - 1)]), window: Array(kernel.dropLast(2)), strides: settings.strides,
      padding: settings.padding, dilation: settings.dilation, noun: "kernel")
    return ConvolutionGeometry(
      window: window, groups: groups, inputChannels: channels, outputChannels: outputs,
      result: Shape([x[0]] + window.output + [.number(outputs)]))
  }
}
