import ApusCore
import ApusGraph

/// A window and how it moves.
public struct WindowSettings: Hashable, Sendable {
  /// The window's size along each spatial axis.
  public var window: [Int] = []
  /// Its steps; empty means all ones, and for pooling the window.
  public var strides: [Int] = []
  public var padding = Padding.valid
  /// The distance between neighbors in the window; empty means all ones.
  public var dilation: [Int] = []

  public init() {}
}

/// An operator that moves a window over the spatial axes of `[batch, spatial…, channels]`.
public protocol WindowOperator: Operator {
  var settings: WindowSettings { get set }
}

extension WindowOperator {
  public var window: [Int] {
    get { settings.window }
    set { settings.window = newValue }
  }
  public var strides: [Int] {
    get { settings.strides }
    set { settings.strides = newValue }
  }
  public var padding: Padding {
    get { settings.padding }
    set { settings.padding = newValue }
  }
  public var dilation: [Int] {
    get { settings.dilation }
    set { settings.dilation = newValue }
  }

  init(window: [Int], strides: [Int], padding: Padding, dilation: [Int] = []) {
    self.init()
    self.window = window
    self.strides = strides
    self.padding = padding
    self.dilation = dilation
  }

  /// The same window for another operator.
  init(like other: some WindowOperator) {
    self.init()
    settings = other.settings
  }

  static func windowAttributes(stridesDefault: String = "all ones") -> [AttributeRecord] {
    [
      attribute("window", \.window, "size along each spatial axis", required: true),
      attribute("strides", \.strides, "steps along each spatial axis; empty: \(stridesDefault)"),
      attribute("padding", \.padding, "valid, same or explicit; what it holds never wins and adds nothing"),
      attribute("dilation", \.dilation, "distance between neighbors in the window; empty: all ones"),
    ]
  }

  /// The window over a tensor of `shape`.
  /// - Throws: `TypeError` where it does not fit.
  package func geometry(_ shape: Shape) throws -> WindowGeometry {
    guard (3...5).contains(shape.rank) else {
      throw TypeError(
        "a window moves over 1 to 3 spatial axes of [batch, spatial…, channels], but the operand has shape \(shape)",
        operand: 0)
    }
    return try WindowGeometry(
      spatial: Array(shape.dims[1..<(shape.rank - 1)]), window: window, strides: strides, padding: padding,
      dilation: dilation)
  }

  /// The shape with a place of the window for each spatial element.
  func windowed(_ shape: Shape) throws -> Shape {
    let geometry = try geometry(shape)
    return Shape([shape[0]] + geometry.output + [shape[shape.rank - 1]])
  }

  /// 1 for each element of each window.
  func windowFlopCount(_ result: Shape) -> Int {
    guard let places = result.numbers else { return 0 }
    return Shape.elementCount(places + window.map { max($0, 0) }) ?? .max
  }
}
