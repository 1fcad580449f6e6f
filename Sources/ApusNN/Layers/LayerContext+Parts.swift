import ApusCore
import ApusGraph
import ApusOperators

/// Checks and pieces that several layers share.
extension LayerContext {
  /// - Throws: `ApusError` that names the layer if `count` is not positive, or larger than any dimension.
  func requirePositive(_ count: Int, _ what: String) throws {
    guard count > 0, count <= Limits.magnitude else { throw error("\(what) must be positive, not \(count)") }
  }

  /// - Throws: `ApusError` that names the layer if `x` is outside `range`.
  func require(_ x: Double, in range: SettingRange, _ what: String) throws {
    guard x.isFinite, range.contains(x) else { throw error("\(what) must be \(range), not \(x)") }
  }

  /// activation(x + bias), with a bias for each element of the last axis.
  /// - Parameter bias: how the bias is initialized; nil for a layer without one.
  func activated(_ x: Value, bias: Initializer?, _ activation: ActivationFunction) throws -> Value {
    guard let bias, let channels = x.shape.dims.last else { return try activation.apply(x) }
    return try activation.apply(x + variable("bias", x.dtype, [channels], bias))
  }

  /// The channels of an input `(batch, spatial…, channels)`.
  /// - Throws: `ApusError` that names the layer if `x` does not have `rank` spatial axes.
  func channels(of x: Value, spatial rank: Int) throws -> Int {
    guard x.rank == rank + 2, let channels = x.shape.dims.last?.number else {
      let axes = ["", "length, ", "height, width, ", "depth, height, width, "][rank]
      let help = x.rank == rank + 1 ? "an image without an axis of channels: add one with Reshape" : nil
      throw error("the input must be (batch, \(axes)channels), not \(x.type)", help: help)
    }
    return channels
  }

  /// Height and width of an image `(batch, height, width, channels)`.
  /// - Throws: `ApusError` that names the layer if they are not known.
  func imageSize(_ x: Value) throws -> (height: Int, width: Int) {
    _ = try channels(of: x, spatial: 2)
    guard let height = x.shape[1].number, let width = x.shape[2].number else {
      throw error("the input's height and width must be known, not \(x.type)")
    }
    return (height, width)
  }
}
