import Apus
import ApusOperators

/// How far two ways to compute a node by Winograd's algorithm may be apart.
///
/// The transforms bring all elements of a tile together and take them apart again, so an error is relative to the largest
/// of the tile: for each input channel, the largest number of the tile times the largest of what it is multiplied by. By
/// how many units follows from the matrices: (max over u of Σ |A[p][u]| · ‖G[p]‖₁ · ‖Bᵀ[p]‖₁)² is 64, 564 and 4,579 for
/// tiles of 2, 4 and 6, if all roundings conspire. Of 2,000 random tiles the largest error was a ninth, an eighteenth
/// and a nineteenth of that.
enum WinogradRounding {
  private static func units(_ tile: Int) -> Double { [2: 16, 4: 141, 6: 1145][tile] ?? .nan }

  /// The bound of each element in units of the last place of 1; nil for other operators.
  static func bound(of op: any Operator, _ operands: [Value], _ type: TensorType) throws -> Value? {
    switch op {
    case let op as WinogradConvolution:
      let (x, w) = try (largest(operands[0], op.tile, op.padding), finite(operands[1]).max(axes: [0, 1]))
      let pointwise = try w.reshaped(Shape([1, 1] + w.shape.dims))
      return try x.convolution(pointwise) * w.scalar(units(op.tile))
    case let op as WinogradFilterGradient:
      let (x, g) = try (largest(operands[0], op.tile, op.padding), finite(operands[1]))
      func rows(_ value: Value) throws -> Value {
        let numbers = value.shape.numbers ?? []
        return try value.reshaped(Shape([numbers.dropLast().reduce(1, *), numbers[3]]))
      }
      let sums = try rows(x).matmul(rows(g), transposeA: true) * g.scalar(units(op.tile))
      return try sums.broadcast(to: type.shape)
    default: return nil
    }
  }

  /// The bound where a pass may compute a convolution or one of its gradients by the algorithm, with its largest tile;
  /// nil where none may: kernels of 3 × 3, steps of 1, padding of at most 2, no groups.
  static func bound(ofDirect op: any Operator, _ operands: [Value], _ type: TensorType) -> Value? {
    guard let convolution = op as? any ConvolutionOperator, type.dtype == .f32, type.shape.rank == 4 else { return nil }
    let settings = convolution.settings
    let filter = op is ConvolutionFilterGradient ? type.shape : operands[1].shape
    let isPlain = settings.groups == 1 && (settings.strides + settings.dilation).allSatisfy { $0 == 1 }
    guard isPlain, filter.numbers?.prefix(2) == [3, 3], type.shape.elementCount != 0 else { return nil }
    if operands.contains(where: { $0.shape.elementCount == 0 }) { return nil }
    switch op {
    case is Convolution:
      return try? bound(of: WinogradConvolution(tile: 4, padding: settings.padding), operands, type)
    case is ConvolutionFilterGradient:
      return try? bound(
        of: WinogradFilterGradient(tile: 4, padding: settings.padding, shape: type.shape), operands, type)
    default:
      guard let axes = try? convolution.geometry(x: type.shape, w: filter).window.axes else { return nil }
      var exchange = Transpose()
      exchange.permutation = [0, 1, 3, 2]
      let padding = Padding.explicit(axes.map { [2 - $0.low, 2 - $0.high] })
      guard let w = try? operands[1].builder.append(exchange, [operands[1]])[0] else { return nil }
      return try? bound(of: WinogradConvolution(tile: 4, padding: padding), [operands[0], w], type)
    }
  }

  private static func finite(_ x: Value) throws -> Value { try x.isFinite().select(x.abs(), x.scalar(0)) }

  /// For each element of the convolution's result the largest number of the image within any tile that it may be in.
  private static func largest(_ x: Value, _ tile: Int, _ padding: Padding) throws -> Value {
    let settings = WinogradSettings(.data, tile: tile, padding: padding)
    let geometry = try WinogradTransform(settings).geometry(x.shape)
    let output =
      try WinogradConvolution(tile: tile, padding: padding).resultTypes(
        [x.type, TensorType(x.dtype, Shape([3, 3, x.shape[3], 1]))], [])[0].shape.numbers ?? []
    var op = ReduceWindowMax()
    op.settings.window = [2 * tile + 1, 2 * tile + 1]
    op.settings.padding = .explicit(
      [0, 1].map { axis in
        let (low, size) = (geometry.low[axis], geometry.size[axis])
        return [low + tile - 1, output[axis + 1] + 2 - size - low + tile - 1]
      })
    return try x.builder.append(op, [finite(x)])[0].maximum(x.scalar(0))
  }
}
