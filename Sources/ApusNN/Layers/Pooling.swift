import ApusCore
import ApusGraph
import ApusOperators

/// What a pooling layer computes from a window.
public protocol PoolingFunction: Sendable {
  /// How the names of its layers begin: `Max` of `MaxPooling2D`.
  static var name: String { get }
  static func pool(_ x: Value, window: [Int], strides: [Int], padding: Padding) throws -> Value
}

/// The largest element.
public enum MaxPooling: PoolingFunction {
  public static let name = "Max"
  public static func pool(_ x: Value, window: [Int], strides: [Int], padding: Padding) throws -> Value {
    try x.maxPool(window: window, strides: strides, padding: padding)
  }
}

/// The smallest element; Keras has no such layer.
public enum MinPooling: PoolingFunction {
  public static let name = "Min"
  public static func pool(_ x: Value, window: [Int], strides: [Int], padding: Padding) throws -> Value {
    try x.minPool(window: window, strides: strides, padding: padding)
  }
}

/// The mean, in which padding is not counted.
public enum AveragePooling: PoolingFunction {
  public static let name = "Average"
  public static func pool(_ x: Value, window: [Int], strides: [Int], padding: Padding) throws -> Value {
    try x.averagePool(window: window, strides: strides, padding: padding)
  }
}

/// Pooling: y[n, p, c] = f of x[n, p · strides + k − padding, c] over the positions k of a window, where f is the
/// maximum, the minimum or the mean. Written `MaxPooling2D`, `AveragePooling1D` and so on.
///
/// - Input: `(batch, spatial…, channels)`.
/// - Output: `(batch, spatial…, channels)`. With `padding: .same` a spatial axis has ⌈size / strides⌉ elements, with
///   `.valid` ⌊(size − poolSize) / strides⌋ + 1. Padding never wins and is not counted in a mean.
/// - Errors: the input has another number of axes; a size is not positive; the window is larger than the padded input.
///
/// Defaults as in Keras.
public struct PoolingLayer<Function: PoolingFunction, Rank: SpatialRank>: Layer {
  public static var typeName: String { "\(Function.name)Pooling\(Rank.spatialAxes)D" }
  public static var passesMask: Bool { false }
  public var poolSize: SpatialSize
  /// The distance between neighboring windows; nil for the window's size.
  public var strides: SpatialSize?
  public var padding: Padding
  public var name: String?

  /// - Parameters:
  ///   - poolSize: the window's size along each spatial axis.
  ///   - strides: the distance between neighboring windows; nil for the window's size.
  public init(poolSize: SpatialSize = 2, strides: SpatialSize? = nil, padding: Padding = .valid, name: String? = nil) {
    (self.poolSize, self.strides, self.padding, self.name) = (poolSize, strides, padding, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let rank = Rank.spatialAxes
    _ = try context.channels(of: x, spatial: rank)
    let window = try poolSize.along(rank, "the pool", context)
    let strides = try strides?.along(rank, "strides", context) ?? window
    return try Function.pool(x, window: window, strides: strides, padding: padding)
  }
}

/// The largest element of each window of a sequence; see `PoolingLayer`.
public typealias MaxPooling1D = PoolingLayer<MaxPooling, Spatial1D>
/// The largest element of each window of an image; see `PoolingLayer`.
public typealias MaxPooling2D = PoolingLayer<MaxPooling, Spatial2D>
/// The largest element of each window of a volume; see `PoolingLayer`.
public typealias MaxPooling3D = PoolingLayer<MaxPooling, Spatial3D>
/// The smallest element of each window of a sequence; see `PoolingLayer`.
public typealias MinPooling1D = PoolingLayer<MinPooling, Spatial1D>
/// The smallest element of each window of an image; see `PoolingLayer`.
public typealias MinPooling2D = PoolingLayer<MinPooling, Spatial2D>
/// The smallest element of each window of a volume; see `PoolingLayer`.
public typealias MinPooling3D = PoolingLayer<MinPooling, Spatial3D>
/// The mean of each window of a sequence; see `PoolingLayer`.
public typealias AveragePooling1D = PoolingLayer<AveragePooling, Spatial1D>
/// The mean of each window of an image; see `PoolingLayer`.
public typealias AveragePooling2D = PoolingLayer<AveragePooling, Spatial2D>
/// The mean of each window of a volume; see `PoolingLayer`.
public typealias AveragePooling3D = PoolingLayer<AveragePooling, Spatial3D>
