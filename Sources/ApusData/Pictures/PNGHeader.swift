import ApusCore

/// The chunk IHDR of a PNG file: what its samples are and in which order they come.
struct PNGHeader {
  let width: Int
  let height: Int
  let bitDepth: Int
  let kind: Kind
  let isInterlaced: Bool

  /// The color types of the specification, table 11.1.
  enum Kind: UInt8 {
    case gray = 0
    case rgb = 2
    case palette = 3
    case grayAlpha = 4
    case rgbAlpha = 6

    /// Samples of a pixel in the file.
    var sampleCount: Int {
      switch self {
      case .gray, .palette: 1
      case .grayAlpha: 2
      case .rgb: 3
      case .rgbAlpha: 4
      }
    }

    /// Channels of the picture that is read: 1 for gray, 3 for colors. Transparency is left out.
    var channels: Int { self == .gray || self == .grayAlpha ? 1 : 3 }

    var bitDepths: [Int] {
      switch self {
      case .gray: [1, 2, 4, 8, 16]
      case .palette: [1, 2, 4, 8]
      case .rgb, .grayAlpha, .rgbAlpha: [8, 16]
      }
    }
  }

  init(_ bytes: [UInt8], _ range: Range<Int>, path: String) throws {
    var reader = ByteReader(bytes, range, path: path)
    width = Int(try reader.bigEndian(UInt32.self, "IHDR"))
    height = Int(try reader.bigEndian(UInt32.self, "IHDR"))
    let fields = Array(bytes[try reader.take(5, "IHDR")])
    guard width > 0, height > 0, width < 1 << 31, height < 1 << 31 else {
      throw ApusError.file(path, "a PNG picture of \(width) by \(height) cannot be: each side is 1 to 2^31 - 1")
    }
    guard let kind = Kind(rawValue: fields[1]) else {
      throw ApusError.file(path, "has the unknown color type \(fields[1])", help: "0, 2, 3, 4 and 6 are known")
    }
    self.kind = kind
    bitDepth = Int(fields[0])
    guard kind.bitDepths.contains(bitDepth) else {
      let known = kind.bitDepths.map(String.init).joined(separator: ", ")
      throw ApusError.file(path, "has \(bitDepth) bits a sample; its color type \(fields[1]) has one of \(known)")
    }
    guard fields[2] == 0, fields[3] == 0 else {
      throw ApusError.file(path, "has an unknown compression or filter method")
    }
    guard fields[4] <= 1 else { throw ApusError.file(path, "has the unknown interlace method \(fields[4])") }
    isInterlaced = fields[4] == 1
    guard !height.multipliedReportingOverflow(by: width * 8 + 8).overflow else {
      throw ApusError.file(path, "a picture of \(width) by \(height) is too large")
    }
  }

  /// A picture in the file: every `stepX`th pixel of every `stepY`th row, from `left` and `top`.
  struct Pass {
    let left: Int
    let top: Int
    let stepX: Int
    let stepY: Int
    let width: Int
    let height: Int
  }

  /// The whole picture, or the seven parts of Adam7 (section 8.2) that have pixels.
  var passes: [Pass] {
    let steps = [
      (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
    ]
    return (isInterlaced ? steps : [(0, 0, 1, 1)]).compactMap { left, top, stepX, stepY in
      guard left < width, top < height else { return nil }
      return Pass(
        left: left, top: top, stepX: stepX, stepY: stepY, width: (width - left + stepX - 1) / stepX,
        height: (height - top + stepY - 1) / stepY)
    }
  }

  /// Bytes of a row of `pixels`, without its filter's number.
  func rowByteCount(_ pixels: Int) -> Int { (pixels * kind.sampleCount * bitDepth + 7) / 8 }

  /// Bytes from a byte to the one that the filters look back to: a pixel's, at least 1.
  var filterStep: Int { max(1, kind.sampleCount * bitDepth / 8) }

  /// Bytes of all rows of all passes, each row with its filter's number in front.
  var rawByteCount: Int { passes.reduce(0) { $0 + $1.height * (rowByteCount($1.width) + 1) } }
}
