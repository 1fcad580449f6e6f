import ApusCore
import ApusGraph
import ApusOperators

/// Images of another size.
///
/// - Input: `(batch, height, width, channels)`. Whole numbers become `f32` for bilinear interpolation.
/// - Output: `(batch, height, width, channels)` with the layer's height and width.
/// - Errors: the input does not have four axes, or its height or width is unknown; a size is not positive.
///
/// Making an image smaller does not smooth it first, as in Keras. Defaults as in Keras.
public struct Resizing: Layer {
  public static let typeName = "Resizing"
  public static let passesMask = false
  public var height, width: Int
  public var interpolation: Interpolation
  /// Whether the longer sides are cropped first, so that shapes keep their proportions.
  public var cropToAspectRatio: Bool
  public var name: String?

  /// - Parameters:
  ///   - interpolation: how the new elements are computed.
  ///   - cropToAspectRatio: whether the longer sides are cropped first, so that shapes keep their proportions.
  public init(
    height: Int, width: Int, interpolation: Interpolation = .bilinear, cropToAspectRatio: Bool = false,
    name: String? = nil
  ) {
    (self.height, self.width, self.interpolation) = (height, width, interpolation)
    (self.cropToAspectRatio, self.name) = (cropToAspectRatio, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.requirePositive(height, "the height")
    try context.requirePositive(width, "the width")
    var image = x
    if cropToAspectRatio {
      let size = try context.imageSize(x)
      // The largest part of the target's proportions.
      let tall = Int(Double(size.width * height) / Double(width))
      let wide = Int(Double(size.height * width) / Double(height))
      image = try x.centered(max(min(size.height, tall), 1), max(min(size.width, wide), 1), context)
    }
    let size = try context.imageSize(image)
    switch interpolation {
    case .nearest:
      func taken(_ x: Value, _ axis: Int, _ old: Int, _ new: Int) throws -> Value {
        guard old != new else { return x }
        let indices = Interpolation.nearest(from: old, to: new).map(Int32.init)
        return try x.gather(context.builder.constant(Tensor(indices)), axis: axis)
      }
      return try taken(taken(image, 1, size.height, height), 2, size.width, width)
    case .bilinear:
      return try (image.dtype.isFloating ? image : image.cast(to: .f32)).interpolated([height, width], context)
    }
  }
}

/// The middle of images. Smaller images are enlarged first, as in `Resizing` with `cropToAspectRatio`.
///
/// - Input: `(batch, height, width, channels)`.
/// - Output: `(batch, height, width, channels)` with the layer's height and width.
/// - Errors: the input does not have four axes, or its height or width is unknown; a size is not positive.
///
/// Defaults as in Keras.
public struct CenterCrop: Layer {
  public static let typeName = "CenterCrop"
  public static let passesMask = false
  public var height, width: Int
  public var name: String?

  public init(height: Int, width: Int, name: String? = nil) {
    (self.height, self.width, self.name) = (height, width, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let size = try context.imageSize(x)
    guard size.height >= height, size.width >= width, height > 0, width > 0 else {
      return try Resizing(height: height, width: width, cropToAspectRatio: true).build(x, context)
    }
    return try x.centered(height, width, context)
  }
}

extension Value {
  /// The middle of an image; of an odd rest the larger part is cut off below and at the right.
  func centered(_ height: Int, _ width: Int, _ context: LayerContext) throws -> Value {
    let size = try context.imageSize(self)
    let (top, left) = ((size.height - height) / 2, (size.width - width) / 2)
    return try sliced(axis: 1, from: top, to: top + height).sliced(axis: 2, from: left, to: left + width)
  }
}
