import ApusCore
import ApusGraph
import ApusOperators

/// What poolings of whole channels share: `(batch, spatial…, channels)` becomes `(batch, channels)`, or
/// `(batch, 1…, channels)` where axes are kept.
public protocol GlobalPoolingLayer: Layer {
  static var spatialRank: Int { get }
  var keepDims: Bool { get }
  func pool(_ x: Value) throws -> Value
}

extension GlobalPoolingLayer {
  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    _ = try context.channels(of: x, spatial: Self.spatialRank)
    return try pool(x)
  }
}

/// The largest element of each channel of a sequence.
public struct GlobalMaxPooling1D: GlobalPoolingLayer {
  public static let typeName = "GlobalMaxPooling1D"
  public static let spatialRank = 1
  public var keepDims: Bool
  public var name: String?

  public init(keepDims: Bool = false, name: String? = nil) { (self.keepDims, self.name) = (keepDims, name) }

  public func pool(_ x: Value) throws -> Value { try x.globalMaxPool(keepDims: keepDims) }
}

/// The largest element of each channel of an image.
public struct GlobalMaxPooling2D: GlobalPoolingLayer {
  public static let typeName = "GlobalMaxPooling2D"
  public static let spatialRank = 2
  public var keepDims: Bool
  public var name: String?

  public init(keepDims: Bool = false, name: String? = nil) { (self.keepDims, self.name) = (keepDims, name) }

  public func pool(_ x: Value) throws -> Value { try x.globalMaxPool(keepDims: keepDims) }
}

/// The largest element of each channel of a volume.
public struct GlobalMaxPooling3D: GlobalPoolingLayer {
  public static let typeName = "GlobalMaxPooling3D"
  public static let spatialRank = 3
  public var keepDims: Bool
  public var name: String?

  public init(keepDims: Bool = false, name: String? = nil) { (self.keepDims, self.name) = (keepDims, name) }

  public func pool(_ x: Value) throws -> Value { try x.globalMaxPool(keepDims: keepDims) }
}

/// The mean of each channel of a sequence.
public struct GlobalAveragePooling1D: GlobalPoolingLayer {
  public static let typeName = "GlobalAveragePooling1D"
  public static let spatialRank = 1
  public var keepDims: Bool
  public var name: String?

  public init(keepDims: Bool = false, name: String? = nil) { (self.keepDims, self.name) = (keepDims, name) }

  public func pool(_ x: Value) throws -> Value { try x.globalAveragePool(keepDims: keepDims) }
}

/// The mean of each channel of an image.
public struct GlobalAveragePooling2D: GlobalPoolingLayer {
  public static let typeName = "GlobalAveragePooling2D"
  public static let spatialRank = 2
  public var keepDims: Bool
  public var name: String?

  public init(keepDims: Bool = false, name: String? = nil) { (self.keepDims, self.name) = (keepDims, name) }

  public func pool(_ x: Value) throws -> Value { try x.globalAveragePool(keepDims: keepDims) }
}

/// The mean of each channel of a volume.
public struct GlobalAveragePooling3D: GlobalPoolingLayer {
  public static let typeName = "GlobalAveragePooling3D"
  public static let spatialRank = 3
  public var keepDims: Bool
  public var name: String?

  public init(keepDims: Bool = false, name: String? = nil) { (self.keepDims, self.name) = (keepDims, name) }

  public func pool(_ x: Value) throws -> Value { try x.globalAveragePool(keepDims: keepDims) }
}
