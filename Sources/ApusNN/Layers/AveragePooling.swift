import ApusCore
import ApusGraph
import ApusOperators

/// The mean of each window along one axis, padding not counted.
public struct AveragePooling1D: PoolingLayer {
  public static let typeName = "AveragePooling1D"
  public static let spatialRank = 1
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

/// The mean of each window of a volume, padding not counted.
public struct AveragePooling3D: PoolingLayer {
  public static let typeName = "AveragePooling3D"
  public static let spatialRank = 3
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
