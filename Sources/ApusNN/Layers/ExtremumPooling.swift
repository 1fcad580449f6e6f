import ApusCore
import ApusGraph
import ApusOperators

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

/// The largest element of each window of a volume.
public struct MaxPooling3D: PoolingLayer {
  public static let typeName = "MaxPooling3D"
  public static let spatialRank = 3
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
