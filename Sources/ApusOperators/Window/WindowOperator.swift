import ApusCore
import ApusGraph

/// A window and how it moves.
public struct WindowSettings: Hashable, Sendable {
  /// The window's size along each spatial axis.
  public var window: [Int]
  /// Steps along each spatial axis; empty means all ones, and for pooling the window's sizes.
  public var strides: [Int]
  public var padding: Padding
  /// The distance between neighbors in the window; empty means all ones.
  public var dilation: [Int]

  public init(window: [Int] = [], strides: [Int] = [], padding: Padding = .valid, dilation: [Int] = []) {
    (self.window, self.strides, self.padding, self.dilation) = (window, strides, padding, dilation)
  }
}

/// An operator that moves a window over the spatial axes of `[batch, spatial…, channels]`.
public protocol WindowOperator: SettingsOperator where Settings == WindowSettings {}

extension WindowOperator {
  static func windowAttributes(stridesDefault: String = "all ones") -> [AttributeRecord] {
    [
      attribute("window", \.settings.window, "size along each spatial axis", required: true),
      attribute("strides", \.settings.strides, "steps along each spatial axis; empty: \(stridesDefault)"),
      attribute("padding", \.settings.padding, "valid, same or explicit; what it holds never wins and adds nothing"),
      attribute("dilation", \.settings.dilation, "distance between neighbors in the window; empty: all ones"),
    ]
  }

  /// The window over a tensor of `shape`.
  /// - Throws: `TypeError` if it does not fit.
  package func geometry(_ shape: Shape) throws -> WindowGeometry {
    guard (3...5).contains(shape.rank) else {
      throw TypeError(
        "a window moves over 1 to 3 spatial axes of [batch, spatial…, channels], but the operand has shape \(shape)",
        operand: 0)
    }
    return try WindowGeometry(
      spatial: Array(shape.dims[1..<(shape.rank - 1)]), window: settings.window, strides: settings.strides,
      padding: settings.padding, dilation: settings.dilation)
  }

  /// The shape with one spatial element for each position of the window.
  func windowed(_ shape: Shape) throws -> Shape {
    let geometry = try geometry(shape)
    return Shape([shape[0]] + geometry.output + [shape[shape.rank - 1]])
  }

  /// 1 for each element of each window.
  func windowFlopCount(_ result: Shape) -> Int {
    guard let positions = result.numbers else { return 0 }
    return Shape.elementCount(positions + settings.window.map { max($0, 0) }) ?? .max
  }
}
