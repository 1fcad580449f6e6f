import ApusCore
import ApusGraph

/// How Winograd's algorithm cuts a tensor into tiles.
public struct WinogradSettings: Hashable, Sendable {
  public var part: WinogradPart
  /// Elements along a side of a tile of the convolution's result: 2, 4 or 6.
  public var tile: Int
  /// The convolution's padding; only its data has any.
  public var padding: Padding

  public init(_ part: WinogradPart = .data, tile: Int = 4, padding: Padding = .valid) {
    (self.part, self.tile, self.padding) = (part, tile, padding)
  }
}

/// A transform of Winograd's algorithm for convolutions by 3 × 3 kernels, or its transpose. Both are linear, and each
/// is the other's gradient.
public protocol WinogradOperator: SettingsOperator where Settings == WinogradSettings {}

/// The tiles of one tensor.
package struct WinogradGeometry {
  package let part: WinogradPart
  package let matrix: WinogradMatrix
  /// Elements along a side of a tile before the transform, and from one tile to the next.
  package let window: Int
  package let step: Int
  /// Elements along a side after it.
  package var points: Int { matrix.rows.count }
  /// Height and width of what is cut into tiles; the first tile begins `low` elements before it.
  package let size: [Int]
  package let low: [Int]
  /// Tiles along the height and the width.
  package let tiles: [Int]

  package var tileCount: Int { tiles[0] * tiles[1] }
  /// The shape before the transform, and after.
  package let shape: Shape
  package let transformed: Shape

  package init(
    part: WinogradPart, matrix: WinogradMatrix, window: Int, step: Int, size: [Int], low: [Int], tiles: [Int],
    shape: Shape, transformed: Shape
  ) {
    (self.part, self.matrix, self.window, self.step) = (part, matrix, window, step)
    (self.size, self.low, self.tiles, self.shape, self.transformed) = (size, low, tiles, shape, transformed)
  }

  /// Arithmetic of the transform of everything.
  package var flopCount: Int {
    guard let count = transformed.elementCount else { return 0 }
    // One column after the other, then one row after the other.
    return 2 * matrix.termCount * (window + points) * (count / (points * points))
  }
}

extension WinogradOperator {
  static var winogradAttributes: [AttributeRecord] {
    [
      attribute(
        "part", \.settings.part, "which tensor of a convolution x is: its data, filter or result", required: true),
      attribute("tile", \.settings.tile, "side of a tile of the convolution's result: 2, 4 or 6"),
      attribute("padding", \.settings.padding, "of the convolution: zeros around the data"),
    ]
  }

  /// The tiles of a tensor of `shape`: [batch, height, width, channels], or [3, 3, in, out] of a filter.
  /// - Throws: `TypeError` if there are none.
  package func geometry(_ shape: Shape) throws -> WinogradGeometry {
    let (part, tile, padding) = (settings.part, settings.tile, settings.padding)
    guard WinogradMatrix.tiles.contains(tile) else {
      throw TypeError("tile must be 2, 4 or 6, not \(tile)", attribute: "tile")
    }
    guard part == .data || padding == .valid else {
      throw TypeError("only data has padding, not a \(part)", attribute: "padding")
    }
    guard shape.rank == 4 else {
      throw TypeError("Winograd's algorithm takes tensors of four axes, not \(shape)", operand: 0)
    }
    let points = [Dim.number((tile + 2) * (tile + 2))]
    let matrix = WinogradMatrix(part, tile: tile)
    if part == .filter {
      guard shape.dims[0] == 3, shape.dims[1] == 3 else {
        throw TypeError("the filter must be [3, 3, in, out], not \(shape)", operand: 0)
      }
      return WinogradGeometry(
        part: part, matrix: matrix, window: 3, step: 3, size: [3, 3], low: [0, 0], tiles: [1, 1], shape: shape,
        transformed: Shape(points + [1] + shape.dims.suffix(2)))
    }
    let window = try WindowGeometry(
      spatial: Array(shape.dims[1...2]), window: part == .data ? [3, 3] : [1, 1], strides: [], padding: padding,
      dilation: [], noun: "kernel")
    let tiles = window.axes.map { ($0.output + tile - 1) / tile }
    let count = Shape.elementCount(tiles) ?? 0
    guard count <= Limits.magnitude else {
      throw TypeError("\(tiles[0]) × \(tiles[1]) tiles are more than fit into a tensor", operand: 0)
    }
    return WinogradGeometry(
      part: part, matrix: matrix, window: part == .data ? tile + 2 : tile, step: tile, size: window.axes.map(\.input),
      low: window.axes.map(\.low), tiles: tiles, shape: shape,
      transformed: Shape(points + [shape[0], .number(count), shape[3]]))
  }
}

/// The transform of one tensor of a convolution into the domain where the convolution is a product of matrices for each
/// point of a tile.
public struct WinogradTransform: WinogradOperator {
  public var settings = WinogradSettings()
  public init() {}

  public static let record = OperatorRecord(
    "winograd_transform", .convolution,
    "P t Pᵀ of each tile t of x as [points, batch, tiles, channels], of a filter as [points, 1, in, out]",
    operands: [OperandRecord("x", .floating, "[batch, height, width, channels], or [3, 3, in, out]")],
    attributes: winogradAttributes)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    [operands[0].with(shape: try geometry(operands[0].shape).transformed)]
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let op = WinogradTranspose(settings, shape: context.operands[0].shape)
    return [try context.builder.append(op, [context.cotangent])[0]]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    (try? geometry(operands[0].shape).flopCount) ?? 0
  }
}

/// The transpose of `winograd_transform`. Of a result it is what ends the algorithm: Aᵀ M A.
public struct WinogradTranspose: WinogradOperator, ShapedOperator {
  public var settings = WinogradSettings()
  /// The shape of what was transformed.
  public var shape = Shape.scalar
  public init() {}

  public static let record = OperatorRecord(
    "winograd_transpose", .convolution,
    "the transpose of winograd_transform: each tile t of v adds Pᵀ t P where it lies",
    operands: [OperandRecord("v", .floating, "[points, batch, tiles, channels]")],
    attributes: [attribute("shape", \.shape, "the shape that was transformed", required: true)] + winogradAttributes,
    traits: .contraction)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let geometry: WinogradGeometry
    do {
      geometry = try self.geometry(shape)
    } catch var error as TypeError {
      // What is wrong with the shape is not the operand's fault.
      if error.operand != nil { (error.operand, error.attribute) = (nil, "shape") }
      throw error
    }
    try operands[0].requireShape(geometry.transformed, "the tiles of \(shape)", operand: 0)
    return [operands[0].with(shape: shape)]
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    [try context.builder.append(WinogradTransform(settings), [context.cotangent])[0]]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    (try? geometry(shape).flopCount) ?? 0
  }
}

extension Value {
  /// The tiles of a convolution's data, filter or result, transformed by Winograd's algorithm.
  /// - Parameters:
  ///   - tile: side of a tile of the convolution's result: 2, 4 or 6.
  ///   - padding: of the convolution; only data has any.
  /// - Returns: `[points, batch, tiles, channels]`, of a filter `[points, 1, in, out]`
  public func winogradTransform(_ part: WinogradPart, tile: Int = 4, padding: Padding = .valid) throws -> Value {
    try builder.append(WinogradTransform(WinogradSettings(part, tile: tile, padding: padding)), [self])[0]
  }

  /// What the transpose of `winogradTransform` makes of these tiles.
  /// - Parameter shape: of the result, which is what the transform would be of.
  public func winogradTranspose(
    _ part: WinogradPart, shape: Shape, tile: Int = 4, padding: Padding = .valid
  ) throws -> Value {
    let settings = WinogradSettings(part, tile: tile, padding: padding)
    return try builder.append(WinogradTranspose(settings, shape: shape), [self])[0]
  }
}
