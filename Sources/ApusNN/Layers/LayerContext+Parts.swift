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

  /// The key of this call's random numbers. Two layers of a model must not draw the same numbers, nor two calls of one
  /// layer: name and call make the seed.
  /// - Parameter given: the layer's own seed; nil derives it from the layer's name.
  public func seed(_ given: UInt64?) -> UInt64 {
    (given ?? StableHash.polynomial(name, multiplier: 31) & 0xFFFF_FFFF) &+ UInt64(callIndex) &* 0x9E37_79B9
  }

  /// Numbers known when the graph is built, rounded to an element type.
  func constant(_ numbers: [Double], _ shape: [Int], _ dtype: DType) throws -> Value {
    // Through f32 only if that loses nothing that `dtype` holds.
    let tensor = try dtype == .f64 ? Tensor(numbers, shape) : Tensor(numbers.map(Float.init), shape)
    return try builder.constant(tensor).cast(to: dtype)
  }

  /// activation(x + bias), with a bias for each element of the last axis.
  /// - Parameter bias: how the bias is initialized; nil for a layer without one.
  func activated(
    _ x: Value, bias: Initializer?, _ activation: ActivationFunction, regularizer: Regularizer? = nil,
    constraint: Constraint? = nil
  ) throws -> Value {
    guard let bias, let channels = x.shape.dims.last else { return try activation.apply(x) }
    return try activation.apply(
      x + variable("bias", x.dtype, [channels], bias, regularizer: regularizer, constraint: constraint))
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

  /// The spatial sizes of an input `(batch, spatial…, channels)`.
  /// - Throws: `ApusError` that names the layer if `x` does not have `rank` spatial axes, or the size of one is unknown.
  func spatialSizes(of x: Value, _ rank: Int) throws -> [Int] {
    _ = try channels(of: x, spatial: rank)
    let sizes = x.shape.dims[1...rank].compactMap(\.number)
    guard sizes.count == rank else {
      let names = ["", "length", "height and width", "depth, height and width"][rank]
      throw error("the input's \(names) must be known, not \(x.type)")
    }
    return sizes
  }

  /// Height and width of an image `(batch, height, width, channels)`.
  /// - Throws: `ApusError` that names the layer if they are not known.
  func imageSize(_ x: Value) throws -> (height: Int, width: Int) {
    let sizes = try spatialSizes(of: x, 2)
    return (sizes[0], sizes[1])
  }
}
