import ApusCore

/// What a convolution holds and makes, as pictures.
extension Picture {
  /// Each channel of a feature map as a gray picture, from black for its smallest value to white for its largest.
  /// - Parameter map: `[height, width, channels]`, or `[length, channels]`, drawn as a row of pixels.
  /// - Returns: `u8[channels, height, width, 1]`. A channel that is everywhere the same is black.
  /// - Throws: `ApusError` for another shape, or if there is nothing to draw.
  public static func channels(of map: Tensor) throws -> Tensor {
    let d = map.rank == 2 ? [1] + map.dimensions : map.dimensions
    guard d.count == 3, !d.contains(0) else {
      throw ApusError.input(
        "\(map.type) is not a feature map", help: "a feature map is [height, width, channels], or [length, channels]")
    }
    let values = map.doubles()
    let pixels = d[0] * d[1]
    var result: [UInt8] = []
    for channel in 0..<d[2] {
      let own = (0..<pixels).map { values[$0 * d[2] + channel] }
      let finite = own.filter(\.isFinite)
      let (low, high) = (finite.min() ?? 0, finite.max() ?? 0)
      result += own.map { byte(($0 / 2 - low / 2) / (high / 2 - low / 2)) }
    }
    return try Tensor(result, [d[2], d[0], d[1], 1])
  }

  /// The filters of a convolution as pictures: black for the smallest weight of a filter, white for the largest of the same
  /// size with the other sign; gray is 0.
  /// - Parameter kernel: `[height, width, inputs, filters]`, or `[length, inputs, filters]`.
  /// - Returns: the pictures of each filter one after the other, and how many a filter has: one if it reads a channel, or
  ///   three, which are red, green and blue, else one an input.
  /// - Throws: `ApusError` for another shape, or if there is nothing to draw.
  public static func filters(of kernel: Tensor) throws -> (pictures: Tensor, perFilter: Int) {
    let d = kernel.rank == 3 ? [1] + kernel.dimensions : kernel.dimensions
    guard d.count == 4, !d.contains(0) else {
      throw ApusError.input(
        "\(kernel.type) holds no filters to draw",
        help: "the kernel of a convolution is [height, width, inputs, filters], or [length, inputs, filters]")
    }
    let (area, inputs, filters) = (d[0] * d[1], d[2], d[3])
    let values = kernel.doubles()
    let isColored = inputs == 3
    var result: [UInt8] = []
    for filter in 0..<filters {
      let largest = (0..<area * inputs).map { abs(values[$0 * filters + filter]) }.filter(\.isFinite).max() ?? 0
      func pixel(_ place: Int, _ input: Int) -> UInt8 {
        largest > 0 ? byte(values[(place * inputs + input) * filters + filter] / largest / 2 + 0.5) : 128
      }
      if isColored {
        for place in 0..<area { result += (0..<3).map { pixel(place, $0) } }
      } else {
        for input in 0..<inputs { result += (0..<area).map { pixel($0, input) } }
      }
    }
    let perFilter = isColored ? 1 : inputs
    return (try Tensor(result, [filters * perFilter, d[0], d[1], isColored ? 3 : 1]), perFilter)
  }

  private static func byte(_ fraction: Double) -> UInt8 {
    fraction.isFinite ? UInt8((255 * min(max(fraction, 0), 1)).rounded()) : 0
  }

  /// Pictures with each pixel repeated, so that small ones can be seen.
  /// - Parameters:
  ///   - pictures: `u8[count, height, width, channels]`.
  ///   - factor: how often a pixel is repeated, in both directions.
  public static func enlarged(_ pictures: Tensor, by factor: Int) throws -> Tensor {
    let d = pictures.dimensions
    guard pictures.dtype == .u8, d.count == 4, factor > 0, factor < 1 << 16 else {
      throw ApusError.input(
        "\(pictures.type) cannot be enlarged \(factor) times", help: "u8 [count, height, width, channels]")
    }
    if factor == 1 { return pictures }
    let line = d[2] * d[3]
    var result = try Tensor(uninitialized: .u8, [d[0], d[1] * factor, d[2] * factor, d[3]])
    pictures.withElements(as: UInt8.self) { source in
      result.withMutableElements(as: UInt8.self) { target in
        for y in 0..<d[0] * d[1] * factor {
          for x in 0..<line * factor {
            target[y * line * factor + x] = source[y / factor * line + x / (d[3] * factor) * d[3] + x % d[3]]
          }
        }
      }
    }
    return result
  }

  /// Channels or filters in rows, each enlarged to about `size` pixels, as one picture for `PNG.write`.
  /// - Parameters:
  ///   - pictures: `u8[count, height, width, 1 or 3]`.
  ///   - columns: pictures in a row; nil for about as many as there are rows.
  public static func sheet(_ pictures: Tensor, columns: Int? = nil, size: Int = 64) throws -> Tensor {
    let d = pictures.dimensions
    guard d.count == 4, !d.contains(0) else { throw ApusError.input("\(pictures.type) holds no pictures") }
    let factor = max(1, size / max(d[1], d[2]))
    return try PNG.grid(
      enlarged(pictures, by: factor), columns: columns ?? Int(Double(d[0]).squareRoot().rounded(.up)), gap: 4,
      ground: 255)
  }
}
