import ApusCore
import ApusGraph

/// How a window moves along one spatial axis.
package struct WindowAxis: Hashable, Sendable {
  /// Elements along the axis, without padding.
  package var input: Int
  /// Elements in the window.
  package var window: Int
  package var stride: Int
  /// Distance between neighbors in the window.
  package var dilation: Int
  /// Padding before and after.
  package var low = 0
  package var high = 0
  /// Positions of the window.
  package var output = 1

  /// From the first element of a window to its last, both counted.
  package var extent: Int { (window - 1) * dilation + 1 }

  /// Whether the window is one element that visits every element once.
  package var isPointwise: Bool { window == 1 && stride == 1 && low == 0 && high == 0 }

  package init(input: Int = 1, window: Int = 1, stride: Int = 1, dilation: Int = 1) {
    self.input = input
    self.window = window
    self.stride = stride
    self.dilation = dilation
  }
}

/// How a window moves along the spatial axes of `[batch, spatial…, channels]`.
package struct WindowGeometry: Hashable, Sendable {
  package let axes: [WindowAxis]

  /// - Parameters:
  ///   - spatial: the sizes of the spatial axes.
  ///   - window: one size for each of them.
  ///   - strides: one for each, or empty for all ones; so is `dilation`.
  ///   - noun: what messages call the window.
  /// - Throws: `TypeError` if numbers do not fit.
  package init(
    spatial: [Dim], window: [Int], strides: [Int], padding: Padding, dilation: [Int], noun: String = "window"
  ) throws {
    func requireOneEach(_ values: [some Any], _ attribute: String) throws {
      guard values.count == spatial.count else {
        throw TypeError(
          "\(attribute) has \(values.count) entries for \(spatial.count) spatial axes \(Shape(spatial))",
          attribute: attribute)
      }
    }
    func requirePositive(_ values: [Int], _ attribute: String) throws {
      for n in values where n < 1 || n > Limits.magnitude {
        throw TypeError("\(attribute) must be at least 1 and below 2³¹, not \(values)", attribute: attribute)
      }
    }
    try requireOneEach(window, noun)
    try requirePositive(window, noun)
    for (values, attribute) in [(strides, "strides"), (dilation, "dilation")] {
      if !values.isEmpty { try requireOneEach(values, attribute) }
      try requirePositive(values, attribute)
    }
    if case .explicit(let amounts) = padding {
      try requireOneEach(amounts, "padding")
      for pair in amounts where pair.count != 2 || pair.contains(where: { $0 < 0 || $0 > Limits.magnitude }) {
        throw TypeError(
          "padding must be [low, high] for each spatial axis, neither negative, not \(pair)", attribute: "padding")
      }
    }
    axes = try spatial.indices.map { axis in
      guard let size = spatial[axis].number else {
        throw TypeError(
          "spatial axis \(axis) is the symbol '\(spatial[axis])'; a \(noun) needs its size", operand: 0,
          help: "only the batch axis may be a symbol; give spatial axes numbers")
      }
      var result = WindowAxis(
        input: size, window: window[axis], stride: strides.isEmpty ? 1 : strides[axis],
        dilation: dilation.isEmpty ? 1 : dilation[axis])
      switch padding {
      case .valid: break
      case .same:
        // As many windows as strides begin inside; the padding is what the last of them lacks.
        result.output = size == 0 ? 0 : (size - 1) / result.stride + 1
        let total = size == 0 ? 0 : max((result.output - 1) * result.stride + result.extent - size, 0)
        result.low = total / 2
        result.high = total - result.low
        return result
      case .explicit(let amounts): (result.low, result.high) = (amounts[axis][0], amounts[axis][1])
      }
      let padded = size + result.low + result.high
      guard padded >= result.extent else {
        let spread = result.dilation > 1 ? " spread to \(result.extent) by dilation" : ""
        throw TypeError(
          "the \(noun) is larger than the padded input along spatial axis \(axis): \(result.window)\(spread) > \(padded)",
          operand: 0, help: "a smaller \(noun), or padding: same")
      }
      result.output = (padded - result.extent) / result.stride + 1
      return result
    }
  }

  /// Elements of one window, over all axes. The product wraps if padding alone makes room for a window of that size.
  package var taps: Int { axes.reduce(1) { $0 &* $1.window } }

  /// Positions of the window, over all axes.
  package var positions: Int { axes.reduce(1) { $0 &* $1.output } }

  /// Elements that the window moves over, without padding, over all axes.
  package var elements: Int { axes.reduce(1) { $0 &* $1.input } }

  /// The sizes of the spatial axes of the result.
  package var output: [Dim] { axes.map { .number($0.output) } }
}
