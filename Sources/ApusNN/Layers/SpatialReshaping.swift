import ApusCore
import ApusGraph
import ApusOperators

/// Zeros around an image.
public struct ZeroPadding2D: Layer {
  public static let typeName = "ZeroPadding2D"
  /// Rows before and after, columns before and after.
  public var padding: [[Int]]
  public var name: String?

  /// - Parameter padding: so many on each side; or `[[top, bottom], [left, right]]`.
  public init(padding: [[Int]] = [[1, 1], [1, 1]], name: String? = nil) {
    (self.padding, self.name) = (padding, name)
  }

  public init(padding: Int, name: String? = nil) {
    self.init(padding: [[padding, padding], [padding, padding]], name: name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    _ = try context.channels(of: x, spatial: 2)
    guard padding.count == 2,
      padding.allSatisfy({ $0.count == 2 && $0.allSatisfy { (0...Limits.magnitude).contains($0) } })
    else { throw context.error("the padding must be [[top, bottom], [left, right]], not \(padding)") }
    return try x.padded(low: [0] + padding.map { $0[0] } + [0], high: [0] + padding.map { $0[1] } + [0])
  }
}

/// Each element of an image repeated along both axes (its nearest neighbour).
public struct UpSampling2D: Layer {
  public static let typeName = "UpSampling2D"
  public var size: SpatialSize
  public var name: String?

  public init(size: SpatialSize = 2, name: String? = nil) { (self.size, self.name) = (size, name) }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    _ = try context.channels(of: x, spatial: 2)
    let size = try size.along(2, "the size", context)
    let dims = x.shape.dims
    guard let height = dims[1].number, let width = dims[2].number else {
      throw context.error("the input's height and width must be known, not \(x.type)")
    }
    let spread = Shape([dims[0], .number(height), .number(1), .number(width), .number(1), dims[3]])
    let repeated = Shape([dims[0], .number(height), .number(size[0]), .number(width), .number(size[1]), dims[3]])
    return try x.reshaped(spread).broadcast(to: repeated).reshaped(
      Shape([dims[0], .number(height * size[0]), .number(width * size[1]), dims[3]]))
  }
}
