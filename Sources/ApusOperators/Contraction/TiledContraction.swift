import ApusCore
import ApusGraph

/// A contraction whose result is a matrix of sums of products for each position of its leading axes. Register tiles
/// compute it and apply elementwise operators to the sums before they are stored.
public protocol TiledContraction: Operator {
  /// Whether this operator is tiled; convolutions of groups of channels are not.
  var isTiled: Bool { get }
}

extension TiledContraction {
  public func headsNest(_ operands: [TensorType]) -> Bool { isTiled }
}

extension Matmul: TiledContraction {
  public var isTiled: Bool { true }
}

extension TiledContraction where Self: ConvolutionOperator {
  public var isTiled: Bool { settings.groups == 1 }
}

extension Convolution: TiledContraction {}
extension ConvolutionInputGradient: TiledContraction {}
extension ConvolutionFilterGradient: TiledContraction {}

extension WinogradTranspose: TiledContraction {
  /// The tiles of a result or filter do not overlap, so that none adds to another.
  public var isTiled: Bool { settings.part != .data }
}

extension WinogradConvolution: TiledContraction {
  public var isTiled: Bool { true }
}

extension WinogradFilterGradient: TiledContraction {
  public var isTiled: Bool { true }
}
