import ApusCore

extension PNG {
  /// Writes a picture, `u8[height, width]` or `[height, width, 1]` in gray, `[height, width, 3]` in RGB.
  /// - Throws: `ApusError` for another type or shape.
  public static func write(_ picture: Tensor, to path: String) throws {
    let bytes = try encoded(picture, path: path)
    try AtomicFile.write(bytes, to: path)
  }

  /// The bytes of a file with this picture.
  /// - Parameter path: what messages call it.
  /// - Throws: as `write`.
  package static func encoded(_ picture: Tensor, path: String = "a picture") throws -> [UInt8] {
    let d = picture.dimensions
    guard picture.dtype == .u8, d.count == 2 || d.count == 3 && (d[2] == 1 || d[2] == 3), !d.contains(0),
      d[0] < 1 << 31, d[1] < 1 << 31
    else {
      throw ApusError.file(
        path, "\(picture.type) is not a picture", help: "u8 [height, width], [height, width, 1] or [height, width, 3]")
    }
    let channels = d.count == 3 ? d[2] : 1
    let width = d[1] * channels
    // Up-filtered rows (number 2) suit pictures of data, where a row is like the one above it.
    var raw = [UInt8](repeating: 0, count: d[0] * (width + 1))
    picture.withElements(as: UInt8.self) { rows in
      for y in 0..<d[0] {
        raw[y * (width + 1)] = 2
        for x in 0..<width {
          let above = y > 0 ? rows[(y - 1) * width + x] : 0
          raw[y * (width + 1) + 1 + x] = rows[y * width + x] &- above
        }
      }
    }
    var header: [UInt8] = []
    header.append(bytesOf: UInt32(d[1]).bigEndian)
    header.append(bytesOf: UInt32(d[0]).bigEndian)
    header += [8, channels == 3 ? 2 : 0, 0, 0, 0]
    let data = try Deflater.pack(raw, .zlib)
    var bytes = signature + chunk("IHDR", header)
    // A chunk's length has 31 bits.
    for start in stride(from: 0, to: data.count, by: 1 << 30) {
      bytes += chunk("IDAT", Array(data[start..<min(start + 1 << 30, data.count)]))
    }
    return bytes + chunk("IEND", [])
  }

  /// Pictures laid out in rows on a gray ground, as one picture to `write`.
  /// - Parameters:
  ///   - images: `u8[count, height, width]`, or `[count, height, width, 1 or 3]`.
  ///   - columns: pictures in a row.
  ///   - gap: pixels between pictures and around them.
  ///   - ground: how bright these are, 0 to 255.
  /// - Returns: `u8[rows * (height + gap) + gap, columns * (width + gap) + gap]`, with an axis for colors if there are 3.
  public static func grid(_ images: Tensor, columns: Int, gap: Int = 2, ground: UInt8 = 128) throws -> Tensor {
    let d = images.dimensions
    guard images.dtype == .u8, d.count == 3 || d.count == 4 && (d[3] == 1 || d[3] == 3), !d.contains(0) else {
      throw ApusError.input(
        "\(images.type) is not a row of pictures", help: "u8 [count, height, width] or [count, height, width, 1 or 3]")
    }
    guard columns > 0, gap >= 0, columns < 1 << 20, gap < 1 << 20 else {
      throw ApusError.input("a grid of \(columns) columns with gaps of \(gap) pixels cannot be drawn")
    }
    let count = d[0]
    let height = d[1]
    let channels = d.count == 4 ? d[3] : 1
    let width = d[2] * channels
    let across = min(columns, count)
    let down = (count + across - 1) / across
    let totalWidth = across * (width + gap * channels) + gap * channels
    var grid = try Tensor(repeating: Double(ground), .u8, [down * (height + gap) + gap, totalWidth])
    images.withUnsafeBytes { source in
      grid.withUnsafeMutableBytes { target in
        for image in 0..<count {
          let top = gap + image / across * (height + gap)
          let left = gap * channels + image % across * (width + gap * channels)
          for y in 0..<height {
            (target.baseAddress! + (top + y) * totalWidth + left)
              .copyMemory(from: source.baseAddress! + (image * height + y) * width, byteCount: width)
          }
        }
      }
    }
    return channels == 1 ? grid : try grid.reshaped([grid.dimensions[0], totalWidth / channels, channels])
  }

  private static func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bytesOf: UInt32(content.count).bigEndian)
    let body = Array(type.utf8) + content
    bytes += body
    bytes.append(bytesOf: body.withUnsafeBytes { Deflater.checksum($0) }.bigEndian)
    return bytes
  }
}
