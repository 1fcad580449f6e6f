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

/// The largest element of each window along one axis.
public struct MaxPooling1D: PoolingLayer {
  public static let typeName = "MaxPooling1D"
  public static let spatialRank = 1
  public var poolSize: SpatialSize
  public var strides: SpatialSize?
  public var padding: Padding
  public var name: String?

  public init(poolSize: SpatialSize = 2, strides: SpatialSize? = nil, padding: Padding = .valid, name: String? = nil) {
    (self.poolSize, self.strides, self.padding, self.name) = (poolSize, strides, padding, name)
  }

  public func pool(_ x: Value, window: [Int], strides: [Int]) throws -> Value {
    try x.maxPool(window: window, strides: strides, padding: padding)
  }
}

/// The largest element of each window of an image.
public struct MaxPooling2D: PoolingLayer {
  public static let typeName = "MaxPooling2D"
  public static let spatialRank = 2
  public var poolSize: SpatialSize
  public var strides: SpatialSize?
  public var padding: Padding
  public var name: String?

  public init(poolSize: SpatialSize = 2, strides: SpatialSize? = nil, padding: Padding = .valid, name: String? = nil) {
    (self.poolSize, self.strides, self.padding, self.name) = (poolSize, strides, padding, name)
  }

  public func pool(_ x: Value, window: [Int], strides: [Int]) throws -> Value {
    try x.maxPool(window: window, strides: strides, padding: padding)
  }
}

/// The smallest element of each window of an image; Keras has none.
public struct MinPooling2D: PoolingLayer {
  public static let typeName = "MinPooling2D"
  public static let spatialRank = 2
  public var poolSize: SpatialSize
  public var strides: SpatialSize?
  public var padding: Padding
  public var name: String?

  public init(poolSize: SpatialSize = 2, strides: SpatialSize? = nil, padding: Padding = .valid, name: String? = nil) {
    (self.poolSize, self.strides, self.padding, self.name) = (poolSize, strides, padding, name)
  }

  public func pool(_ x: Value, window: [Int], strides: [Int]) throws -> Value {
    try x.minPool(window: window, strides: strides, padding: padding)
  }
}

/// The mean of each window of an image, padding not counted.
public struct AveragePooling2D: PoolingLayer {
  public static let typeName = "AveragePooling2D"
  public static let spatialRank = 2
  public var poolSize: SpatialSize
  public var strides: SpatialSize?
  public var padding: Padding
  public var name: String?

  public init(poolSize: SpatialSize, strides: SpatialSize? = nil, padding: Padding = .valid, name: String? = nil) {
    (self.poolSize, self.strides, self.padding, self.name) = (poolSize, strides, padding, name)
  }

  public func pool(_ x: Value, window: [Int], strides: [Int]) throws -> Value {
    try x.averagePool(window: window, strides: strides, padding: padding)
  }
}

/// The largest element of each channel of an image.
public struct GlobalMaxPooling2D: Layer {
  public static let typeName = "GlobalMaxPooling2D"
  public var keepDims: Bool
  public var name: String?

  public init(keepDims: Bool = false, name: String? = nil) { (self.keepDims, self.name) = (keepDims, name) }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    _ = try context.channels(of: x, spatial: 2)
    return try x.globalMaxPool(keepDims: keepDims)
  }
}

/// The mean of each channel of an image.
public struct GlobalAveragePooling2D: Layer {
  public static let typeName = "GlobalAveragePooling2D"
  public var keepDims: Bool
  public var name: String?

  public init(keepDims: Bool = false, name: String? = nil) { (self.keepDims, self.name) = (keepDims, name) }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    _ = try context.channels(of: x, spatial: 2)
    return try x.globalAveragePool(keepDims: keepDims)
  }
}
