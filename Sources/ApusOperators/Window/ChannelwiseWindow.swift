import ApusCore
import ApusGraph

/// An operator each of whose elements comes from a window of its first operand in the same channel: pooling, a depthwise
/// convolution. Nests compute a vector of channels at a time and apply elementwise operators to it before it is stored.
public protocol ChannelwiseWindow: Operator {
  /// Whether this operator is channelwise on operands of these types; a convolution that mixes channels is not.
  func isChannelwise(_ operands: [TensorType]) -> Bool
}

extension ChannelwiseWindow {
  public func isChannelwise(_ operands: [TensorType]) -> Bool { true }
  public func headsNest(_ operands: [TensorType]) -> Bool { isChannelwise(operands) }
}

extension ReduceWindowMax: ChannelwiseWindow {}
extension ReduceWindowMin: ChannelwiseWindow {}
extension ReduceWindowSum: ChannelwiseWindow {}

extension Convolution: ChannelwiseWindow {
  public func isChannelwise(_ operands: [TensorType]) -> Bool {
    settings.groups > 1 && (try? geometry(x: operands[0].shape, w: operands[1].shape))?.isDepthwise == true
  }

  public func headsNest(_ operands: [TensorType]) -> Bool { isTiled || isChannelwise(operands) }
}

extension ConvolutionGeometry {
  /// Whether each channel is a group of its own, with one output channel.
  package var isDepthwise: Bool { groups > 1 && groups == inputChannels && groups == outputChannels }
}

extension Node {
  /// Whether loops are built around this node; see `Operator.headsNest`.
  package func headsNest(_ graph: Graph) -> Bool { op.headsNest(graph.operandTypes(of: self)) }
}
