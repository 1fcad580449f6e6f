import ApusCore
import Foundation

/// Pictures from files of any kind that can be read, brought to one size and one number of channels.
public enum Picture {
  /// How many channels pictures get.
  public enum Color: String, CaseIterable, Codable, Sendable {
    /// Gray where all are gray, else colors.
    case auto
    case gray
    case rgb
  }

  /// Endings of files that are read, in lower case.
  public static let endings = ["png", "jpg", "jpeg"]

  /// Whether a file's name says that it is a picture that can be read.
  public static func isPicture(_ path: String) -> Bool {
    endings.contains((path as NSString).pathExtension.lowercased())
  }

  /// Reads a PNG or JPEG file as `u8[height, width, channels]`; what it is follows from its bytes.
  /// - Throws: `ApusError` that names the file, and what it is if that is known.
  public static func read(_ path: String) throws -> Tensor {
    let bytes = try BinaryFile.read(path)
    if bytes.starts(with: PNG.signature) { return try PNG.parse(bytes, path: path) }
    if bytes.starts(with: JPEG.signature) { return try JPEG.parse(bytes, path: path) }
    let others: [(name: String, bytes: [UInt8])] = [
      ("a GIF", Array("GIF8".utf8)), ("a BMP", Array("BM".utf8)), ("a WebP", Array("RIFF".utf8)),
      ("a TIFF", [0x49, 0x49, 0x2A, 0]), ("a TIFF", [0x4D, 0x4D, 0, 0x2A]),
    ]
    let known = others.first { bytes.starts(with: $0.bytes) }?.name
    throw ApusError.file(
      path, known.map { "is \($0) file; PNG and JPEG files are read" } ?? "is not a PNG file, nor a JPEG file",
      help: known == nil ? nil : "convert it: convert IN OUT.png")
  }

  /// A picture with 1 or 3 channels. Gray is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), as Pillow's `convert("L")`.
  /// - Parameter picture: `u8[height, width, 1 or 3]`.
  public static func converted(_ picture: Tensor, channels: Int) throws -> Tensor {
    let d = try dimensions(of: picture)
    if d[2] == channels { return picture }
    var result = try Tensor(uninitialized: .u8, [d[0], d[1], channels])
    picture.withElements(as: UInt8.self) { source in
      result.withMutableElements(as: UInt8.self) { target in
        for i in 0..<d[0] * d[1] {
          if channels == 3 {
            for c in 0..<3 { target[3 * i + c] = source[i] }
          } else {
            // The weights times 2¹⁶; they add up to it.
            let sum = 19_595 * Int(source[3 * i]) + 38_470 * Int(source[3 * i + 1]) + 7_471 * Int(source[3 * i + 2])
            target[i] = UInt8((sum + 32_768) >> 16)
          }
        }
      }
    }
    return result
  }

  /// A picture of another size, bilinear: each pixel is a mean of the pixels around its place, weighted by a triangle.
  ///
  /// Where the picture shrinks, the triangle is wider by that factor, so that every pixel counts. That is Pillow's
  /// `resize` with `BILINEAR`; `tf.image.resize` does the same with `antialias=True`.
  /// - Parameter picture: `u8[height, width, channels]`.
  public static func resized(_ picture: Tensor, height: Int, width: Int) throws -> Tensor {
    let d = try dimensions(of: picture)
    guard height > 0, width > 0 else { throw ApusError.input("a picture cannot have the size \(height) × \(width)") }
    if d[0] == height, d[1] == width { return picture }
    let channels = d[2]
    var result = try Tensor(uninitialized: .u8, [height, width, channels])
    let columns = weights(from: d[1], to: width)
    let rows = weights(from: d[0], to: height)
    try Memory.check(d[0] * width * channels * MemoryLayout<Float>.size)
    var narrow = [Float](repeating: 0, count: d[0] * width * channels)
    picture.withElements(as: UInt8.self) { source in
      for y in 0..<d[0] {
        for (x, column) in columns.enumerated() {
          for c in 0..<channels {
            var sum: Float = 0
            for (i, weight) in column.weights.enumerated() {
              sum += weight * Float(source[(y * d[1] + column.first + i) * channels + c])
            }
            narrow[(y * width + x) * channels + c] = sum
          }
        }
      }
    }
    let line = width * channels
    result.withMutableElements(as: UInt8.self) { target in
      for (y, row) in rows.enumerated() {
        for x in 0..<line {
          var sum: Float = 0
          for (i, weight) in row.weights.enumerated() { sum += weight * narrow[(row.first + i) * line + x] }
          target[y * line + x] = UInt8(min(max(sum.rounded(), 0), 255))
        }
      }
    }
    return result
  }

  /// For each position of a side of `count` pixels: which of `from` pixels it is a mean of, and their weights, which add
  /// up to 1.
  private static func weights(from: Int, to count: Int) -> [(first: Int, weights: [Float])] {
    let scale = Double(from) / Double(count)
    let reach = max(scale, 1)
    return (0..<count).map { position in
      let center = (Double(position) + 0.5) * scale
      let first = max(0, Int((center - reach + 0.5).rounded(.down)))
      let end = min(from, Int((center + reach + 0.5).rounded(.down)))
      let raw: [Double] = (first..<end).map { pixel in
        let distance: Double = abs(Double(pixel) + 0.5 - center)
        return max(0, 1 - distance / reach)
      }
      let sum: Double = raw.reduce(0, +)
      return (first, raw.map { Float($0 / sum) })
    }
  }

  private static func dimensions(of picture: Tensor) throws -> [Int] {
    let d = picture.dimensions
    guard picture.dtype == .u8, d.count == 3, d[2] == 1 || d[2] == 3, !d.contains(0) else {
      throw ApusError.input("\(picture.type) is not a picture", help: "u8 [height, width, 1] or [height, width, 3]")
    }
    return d
  }
}
