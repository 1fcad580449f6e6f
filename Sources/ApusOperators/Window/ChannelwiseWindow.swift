import ApusCore
import ApusGraph

/// An operator each of whose elements comes from a window of its first operand in the same channel: pooling, a depthwise
/// convolution. Vectors of channels are computed one after the other, with elementwise operators on them before they are
/// stored.
public protocol ChannelwiseWindow: Operator {
  /// Whether this one does, its operands being of these types; a convolution that mixes channels does not.
  func isChannelwise(_ operands: [TensorType]) -> Bool
}

extension ChannelwiseWindow where Self: WindowOperator {
  public func isChannelwise(_ operands: [TensorType]) -> Bool { true }
}

extension ReduceWindowMax: ChannelwiseWindow {}
extension ReduceWindowMin: ChannelwiseWindow {}
extension ReduceWindowSum: ChannelwiseWindow {}

extension Convolution: ChannelwiseWindow {
  public func isChannelwise(_ operands: [TensorType]) -> Bool {
    groups > 1 && (try? geometry(x: operands[0].shape, w: operands[1].shape))?.isDepthwise == true
  }
}

extension ConvolutionGeometry {
  /// Whether each channel is a group of its own, with one output channel.
  package var isDepthwise: Bool { groups > 1 && groups == inputChannels && groups == outputChannels }
}

extension Node {
  /// Whether loops are built around this node, in which elementwise operators can follow on its result.
  package func headsNest(_ graph: Graph) -> Bool {
    guard op.traits.isEmpty || op.traits.contains(.contraction) else { return false }
    if let contraction = op as? any TiledContraction, contraction.isTiled { return true }
    return (op as? any ChannelwiseWindow)?.isChannelwise(graph.operandTypes(of: self)) == true
  }
}
