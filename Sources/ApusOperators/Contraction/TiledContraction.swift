import ApusGraph

/// A contraction whose result is a matrix of sums of products for each place of its leading axes: what register tiles
/// compute, with elementwise operators on the sums before they are stored.
public protocol TiledContraction: Operator {
  /// Whether this one is; convolutions of groups of channels are not.
  var isTiled: Bool { get }
}

extension Matmul: TiledContraction {
  public var isTiled: Bool { true }
}

extension TiledContraction where Self: ConvolutionOperator {
  public var isTiled: Bool { groups == 1 }
}

extension Convolution: TiledContraction {}
extension ConvolutionInputGradient: TiledContraction {}
extension ConvolutionFilterGradient: TiledContraction {}

extension WinogradTranspose: TiledContraction {
  /// Tiles side by side, of which none adds to another.
  public var isTiled: Bool { part != .data }
}

extension WinogradConvolution: TiledContraction {
  public var isTiled: Bool { true }
}
