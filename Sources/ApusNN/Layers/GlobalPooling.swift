import ApusCore
import ApusGraph
import ApusOperators

/// A pooling function that also has a form for whole channels.
public protocol GlobalPoolingFunction: PoolingFunction {
  static func pool(_ x: Value, keepDims: Bool) throws -> Value
}

extension MaxPooling: GlobalPoolingFunction {
  public static func pool(_ x: Value, keepDims: Bool) throws -> Value { try x.globalMaxPool(keepDims: keepDims) }
}

extension AveragePooling: GlobalPoolingFunction {
  public static func pool(_ x: Value, keepDims: Bool) throws -> Value { try x.globalAveragePool(keepDims: keepDims) }
}

/// Pooling of whole channels: y[n, c] = f of x[n, p, c] over all spatial positions p, where f is the maximum or the mean.
/// Written `GlobalMaxPooling2D`, `GlobalAveragePooling1D` and so on.
///
/// - Input: `(batch, spatial…, channels)`.
/// - Output: `(batch, channels)`, or `(batch, 1…, channels)` if `keepDims`.
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
