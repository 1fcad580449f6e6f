import ApusCore
import ApusGraph
import ApusOperators

/// Zeros around an image.
///
/// - Input: `(batch, height, width, channels)`.
/// - Output: `(batch, top + height + bottom, left + width + right, channels)`.
/// - Errors: the input does not have four axes; `padding` is not two pairs of numbers of at least 0.
public struct ZeroPadding2D: Layer {
  public static let typeName = "ZeroPadding2D"
  /// Rows before and after, columns before and after.
  public var padding: [[Int]]
  public var name: String?

  /// - Parameter padding: `[[top, bottom], [left, right]]`.
  public init(padding: [[Int]] = [[1, 1], [1, 1]], name: String? = nil) {
    (self.padding, self.name) = (padding, name)
  }

  /// - Parameter padding: the number of rows above and below, and of columns left and right: `[1, 2]`.
  public init(padding: [Int], name: String? = nil) { self.init(padding: padding.map { [$0, $0] }, name: name) }

  /// - Parameter padding: the number of rows or columns on each side.
  public init(padding: Int, name: String? = nil) { self.init(padding: [padding, padding], name: name) }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    _ = try context.channels(of: x, spatial: 2)
    try context.checkBorder(padding, "the padding")
    return try x.padded(low: [0] + padding.map { $0[0] } + [0], high: [0] + padding.map { $0[1] } + [0])
  }
}

/// An image without some rows and columns at its sides.
///
/// - Input: `(batch, height, width, channels)`.
/// - Output: `(batch, height − top − bottom, width − left − right, channels)`.
/// - Errors: the input does not have four axes, or its height or width is unknown; `cropping` is not two pairs of numbers
///   of at least 0; nothing is left.
public struct Cropping2D: Layer {
  public static let typeName = "Cropping2D"
  /// Rows at the top and the bottom, columns at the left and the right.
  public var cropping: [[Int]]
  public var name: String?

  /// - Parameter cropping: `[[top, bottom], [left, right]]`.
  public init(cropping: [[Int]] = [[0, 0], [0, 0]], name: String? = nil) {
    (self.cropping, self.name) = (cropping, name)
  }

  /// - Parameter cropping: the number of rows above and below, and of columns left and right: `[1, 2]`.
  public init(cropping: [Int], name: String? = nil) { self.init(cropping: cropping.map { [$0, $0] }, name: name) }

  /// - Parameter cropping: the number of rows or columns on each side.
  public init(cropping: Int, name: String? = nil) { self.init(cropping: [cropping, cropping], name: name) }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let size = try context.imageSize(x)
    try context.checkBorder(cropping, "the cropping")
    let limits = zip([size.height, size.width], cropping).map { $0 - $1[1] }
    guard zip(cropping, limits).allSatisfy({ $0[0] < $1 }) else {
      throw context.error(
        "nothing is left of \(x.type) when \(cropping) is cut off",
        help: "fewer than \(size.height) rows and \(size.width) columns in all")
    }
    return try x.sliced(starts: [0] + cropping.map { $0[0] } + [0], limits: [Slice.end] + limits + [Slice.end])
  }
}

extension LayerContext {
  /// - Throws: `ApusError` that names the layer if `amounts` is not `[[top, bottom], [left, right]]`.
  fileprivate func checkBorder(_ amounts: [[Int]], _ what: String) throws {
    guard amounts.count == 2,
      amounts.allSatisfy({ $0.count == 2 && $0.allSatisfy { (0...Limits.magnitude).contains($0) } })
    else { throw error("\(what) must be [[top, bottom], [left, right]], none negative, not \(amounts)") }
  }
}
