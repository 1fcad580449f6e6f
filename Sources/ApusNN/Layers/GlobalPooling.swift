import ApusCore
import ApusGraph
import ApusOperators

/// A pooling function that also has a form for whole channels.
public protocol GlobalPoolingFunction: PoolingFunction {
  static func pool(_ x: Value, keepDims: Bool) throws -> Value
  /// The same of the steps that a mask counts; nil if the function takes no masks.
  /// - Parameter mask: `bool[batch, time, 1]`.
  static func pool(_ x: Value, mask: Value, keepDims: Bool) throws -> Value?
}

extension GlobalPoolingFunction {
  public static func pool(_ x: Value, mask: Value, keepDims: Bool) throws -> Value? { nil }
}

extension MaxPooling: GlobalPoolingFunction {
  public static func pool(_ x: Value, keepDims: Bool) throws -> Value { try x.globalMaxPool(keepDims: keepDims) }
}

extension AveragePooling: GlobalPoolingFunction {
  public static func pool(_ x: Value, keepDims: Bool) throws -> Value { try x.globalAveragePool(keepDims: keepDims) }
  // Σ x[n, t, c] m[n, t] / Σ m[n, t] over t
  public static func pool(_ x: Value, mask: Value, keepDims: Bool) throws -> Value? {
    let weights = try mask.cast(to: x.dtype)
    return try (x * weights).sum(axes: [1], keepDims: keepDims) / weights.sum(axes: [1], keepDims: keepDims)
  }
}

/// Pooling of whole channels: y[n, c] = f of x[n, p, c] over all spatial positions p, where f is the maximum or the mean.
/// Written `GlobalMaxPooling2D`, `GlobalAveragePooling1D` and so on.
///
/// - Input: `(batch, spatial…, channels)`.
/// - Output: `(batch, channels)`, or `(batch, 1…, channels)` if `keepDims`.
///   The mean of a sequence with a mask is that of the steps that count.
/// - Errors: the input has another number of axes.
///
/// Source: Lin, Chen and Yan, "Network in network", 2013.
public struct GlobalPoolingLayer<Function: GlobalPoolingFunction, Rank: SpatialRank>: Layer {
  public static var typeName: String { "Global\(Function.name)Pooling\(Rank.spatialAxes)D" }
  public var keepDims: Bool
  public var name: String?

  /// - Parameter keepDims: whether the spatial axes stay, with size 1.
  public init(keepDims: Bool = false, name: String? = nil) { (self.keepDims, self.name) = (keepDims, name) }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    _ = try context.channels(of: x, spatial: Rank.spatialAxes)
    if Rank.spatialAxes == 1, let mask = context.mask(of: x),
      let masked = try Function.pool(x, mask: mask.expandedDims(at: -1), keepDims: keepDims)
    {
      return masked
    }
    return try Function.pool(x, keepDims: keepDims)
  }
}

/// The largest element of each channel of a sequence; see `GlobalPoolingLayer`.
public typealias GlobalMaxPooling1D = GlobalPoolingLayer<MaxPooling, Spatial1D>
/// The largest element of each channel of an image; see `GlobalPoolingLayer`.
public typealias GlobalMaxPooling2D = GlobalPoolingLayer<MaxPooling, Spatial2D>
/// The largest element of each channel of a volume; see `GlobalPoolingLayer`.
public typealias GlobalMaxPooling3D = GlobalPoolingLayer<MaxPooling, Spatial3D>
/// The mean of each channel of a sequence; see `GlobalPoolingLayer`.
public typealias GlobalAveragePooling1D = GlobalPoolingLayer<AveragePooling, Spatial1D>
/// The mean of each channel of an image; see `GlobalPoolingLayer`.
public typealias GlobalAveragePooling2D = GlobalPoolingLayer<AveragePooling, Spatial2D>
/// The mean of each channel of a volume; see `GlobalPoolingLayer`.
public typealias GlobalAveragePooling3D = GlobalPoolingLayer<AveragePooling, Spatial3D>
