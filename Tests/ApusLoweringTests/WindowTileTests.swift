import Apus
import ApusCore
import ApusNative
import ApusOperators
import TestSupport
import Testing

@testable import ApusLowering

/// Windows that are computed side by side: of every width around the sizes of tiles, whatever they cover of the padding.
@Suite struct WindowTileTests {
  static let widths = [1, 2, 3, 7, 8, 9, 15, 16, 17, 23, 24, 25, 40]

  /// A graph over images `[2, 5, width, 19]`, whose channels leave a tail.
  static func text(_ operation: String, _ options: String, width: Int) -> String {
    "graph @windows(%x: f32[2, 5, \(width), 19], %w: f32[3, 3, 1, 19]) {\n"
      + "  %y = \(operation)(%x\(operation == "convolution" ? ", %w" : ", window: [3, 3]"), \(options))\n"
      + "  %z = abs(%y)\n  return %y, %z\n}\n"
  }

  @Test(arguments: ["convolution", "reduce_window_max", "reduce_window_min", "reduce_window_sum"])
  func everyWidth(_ operation: String) throws {
    let groups = operation == "convolution" ? ", groups: 19" : ""
    for options in [
      "strides: [1, 1], padding: same", "strides: [2, 2], padding: same", "strides: [1, 3], padding: same",
      "dilation: [1, 2], padding: same", "dilation: [2, 9], padding: same", "padding: valid",
      "strides: [2, 1], padding: [[0, 0], [4, 1]]", "padding: [[3, 3], [0, 5]]",
    ] {
      for width in Self.widths where width > 2 || !options.contains("valid") {
        try expectSameWindows(Self.text(operation, options + groups, width: width), rarity: 40)
      }
    }
  }

  /// Windows along one axis and along three, and those that are too large to be written out.
  @Test(arguments: [
    "%x: f32[3, 21, 5]: [3], padding: same", "%x: f32[3, 21, 5]: [2], strides: [2]",
    "%x: f32[2, 3, 4, 13, 5]: [2, 2, 2], padding: same", "%x: f32[2, 3, 4, 13, 5]: [1, 1, 9], padding: same",
    "%x: f32[2, 9, 13, 5]: [3, 4], padding: same", "%x: f64[2, 9, 13, 5]: [3, 3], padding: same",
    "%x: i32[2, 9, 13, 5]: [3, 3], padding: same", "%x: u8[2, 9, 17, 5]: [2, 3], padding: same",
  ])
  func otherWindows(_ words: String) throws {
    let parts = words.split(separator: ": ", maxSplits: 2).map(String.init)
    for operation in ["reduce_window_max", "reduce_window_sum"] {
      try expectSameWindows(
        "graph @windows(\(parts[0]): \(parts[1])) {\n  %y = \(operation)(%x, window: \(parts[2]))\n  return %y\n}\n",
        rarity: 40)
    }
  }

  @Test(arguments: [
    (width: 14, window: 3, dilation: 1, size: 7, ends: [1, 2]), (56, 3, 1, 8, [1, 6, 7]), (17, 3, 1, 6, [1, 2, 3]),
    (7, 3, 1, 7, [1]), (8, 2, 1, 8, [1]), (64, 2, 1, 8, [7, 8]), (2, 3, 1, 2, [1]),
  ])
  func tilesAreEven(width: Int, window: Int, dilation: Int, size: Int, ends: [Int]) throws {
    let tile = try #require(WindowTile([axis(width: width, window: window, dilation: dilation)]))
    #expect(tile.size == size && tile.count == (width + size - 1) / size && tile.shapes.map(\.end) == ends)
    // Each shared element is read once.
    for shape in tile.shapes { #expect(Set(shape.columns.map(\.offset)).count == shape.columns.count) }
  }

  /// One window, windows of ten elements, padding that more than three kinds of tiles reach into, windows side by side.
  @Test func someAreComputedOneByOne() {
    #expect(WindowTile([axis(width: 1, window: 3)]) == nil)
    #expect(WindowTile([axis(width: 40, window: 10)]) == nil)
    #expect(WindowTile([axis(width: 40, window: 3, dilation: 9)]) == nil)
    #expect(WindowTile([axis(width: 8, window: 1)]) == nil)
    var pool = WindowAxis(input: 16, window: 2, stride: 2, dilation: 1)
    pool.output = 8
    #expect(WindowTile([pool]) == nil)
    #expect(WindowTile([]) == nil)
  }

  /// As many places as elements.
  private func axis(width: Int, window: Int, dilation: Int = 1) -> WindowAxis {
    var axis = WindowAxis(input: width, window: window, dilation: dilation)
    axis.low = (window - 1) * dilation / 2
    axis.high = (window - 1) * dilation - axis.low
    axis.output = width
    return axis
  }
}
