import ApusCore
import ApusGraph
import ApusOperators

/// What poolings over windows share, on `(batch, spatial…, channels)`.
public protocol PoolingLayer: Layer {
  static var spatialRank: Int { get }
  var poolSize: SpatialSize { get }
  /// As the window where nil.
  var strides: SpatialSize? { get }
  var padding: Padding { get }
  func pool(_ x: Value, window: [Int], strides: [Int]) throws -> Value
}

extension PoolingLayer {
  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    _ = try context.channels(of: x, spatial: Self.spatialRank)
    let window = try poolSize.along(Self.spatialRank, "the pool", context)
    return try pool(x, window: window, strides: strides?.along(Self.spatialRank, "strides", context) ?? window)
  }
}
