import ApusCore
import ApusGraph

/// An operator each of whose elements comes from a window of its first operand in the same channel: pooling, a depthwise
/// convolution, the gradient of a pool. Nests compute a vector of channels at a time and apply elementwise operators to it
/// before it is stored.
public protocol ChannelwiseWindow: Operator {
  /// Whether this operator is channelwise on operands of these types; a convolution that mixes channels is not, nor a
  /// gradient of windows that overlap.
  func isChannelwise(_ operands: [TensorType]) -> Bool
  /// Whether each element of the operand is read where an element of the result is stored, so that elementwise operators
  /// that follow have it at hand.
  static func isAtHand(_ operand: Int) -> Bool
}

extension ChannelwiseWindow {
  public func isChannelwise(_ operands: [TensorType]) -> Bool { true }
  public static func isAtHand(_ operand: Int) -> Bool { false }
  public func headsNest(_ operands: [TensorType]) -> Bool { isChannelwise(operands) }
}

extension ReduceWindowMax: ChannelwiseWindow {}
extension ReduceWindowMin: ChannelwiseWindow {}
extension ReduceWindowSum: ChannelwiseWindow {}

extension WindowScatter: ChannelwiseWindow {
  public func isChannelwise(_ operands: [TensorType]) -> Bool { (try? geometry(operands[0].shape))?.isTiling == true }
  public static func isAtHand(_ operand: Int) -> Bool { operand == 0 }
}

extension Convolution: ChannelwiseWindow {
  public func isChannelwise(_ operands: [TensorType]) -> Bool {
    settings.groups > 1 && (try? geometry(x: operands[0].shape, w: operands[1].shape))?.isDepthwise == true
  }

  public func headsNest(_ operands: [TensorType]) -> Bool { isTiled || isChannelwise(operands) }
}

extension WindowGeometry {
  /// The most elements of a window for which kernels write code for each.
  package static let unrolledTaps = 9

  /// Whether windows lie side by side, so that each element is in one at most, and are small.
  package var isTiling: Bool {
    axes.allSatisfy { $0.stride == $0.window && $0.dilation == 1 && $0.low == 0 && $0.high == 0 && $0.output > 0 }
      && taps <= WindowGeometry.unrolledTaps
  }
}

extension ConvolutionGeometry {
  /// Whether each channel is a group of its own, with one output channel.
  package var isDepthwise: Bool { groups > 1 && groups == inputChannels && groups == outputChannels }
}

extension Node {
  /// Whether loops are built around this node; see `Operator.headsNest`.
  package func headsNest(_ graph: Graph) -> Bool { op.headsNest(graph.operandTypes(of: self)) }

  /// Of a node that loops are built around, the operands of which an element is read where one of the result is stored.
  package var operandsAtHand: [ValueID] {
    guard let window = op as? any ChannelwiseWindow else { return [] }
    return operands.indices.filter { type(of: window).isAtHand($0) }.map { operands[$0] }
  }
}
