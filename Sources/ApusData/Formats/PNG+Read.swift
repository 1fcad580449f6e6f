import ApusCore

/// Portable Network Graphics, as far as pictures of data need it: 8 bits a sample, gray or RGB, not interlaced.
///
/// Format: W3C, "Portable Network Graphics (PNG) Specification", second edition; filters in section 9.
public enum PNG {
  /// Reads a picture as `u8[height, width, channels]` with 1 channel for gray and 3 for RGB.
  /// - Throws: `ApusError` for another kind of picture, with a way to convert it, and for a damaged or cut file.
  public static func read(_ path: String) throws -> Tensor {
    let bytes = try BinaryFile.read(path)
    guard bytes.starts(with: signature) else {
      throw ApusError.file(path, "is not a PNG file: it does not begin with \\x89PNG")
    }
    var reader = ByteReader(bytes, path: path)
    _ = try reader.take(signature.count, "the signature")
    var header: Header?
    var data: [UInt8] = []
    while let chunk = try nextChunk(&reader) {
      switch (chunk.type, header) {
      case ("IHDR", nil): header = try Header(bytes, chunk.content, path: path)
      case (_, nil): throw ApusError.file(path, "begins with the chunk \(chunk.type), not with IHDR")
      case ("IHDR", _): throw ApusError.file(path, "has two IHDR chunks")
      case ("IDAT", _): data += bytes[chunk.content]
      default: break  // Text, color profile, time: nothing that changes a sample.
      }
    }
    guard let header else { throw ApusError.file(path, "has no IHDR chunk") }
    let raw = try Inflater.unpack(.zlib, data, 0..<data.count, byteCount: header.rawByteCount, path: path)
    return try unfilter(raw, header, path: path)
  }

  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  private struct Header {
    let width: Int, height: Int, channels: Int
    /// Bytes of all rows, each with its filter's number in front.
    let rawByteCount: Int

    init(_ bytes: [UInt8], _ range: Range<Int>, path: String) throws {
      var reader = ByteReader(bytes, range, path: path)
      width = Int(try reader.bigEndian(UInt32.self, "IHDR"))
      height = Int(try reader.bigEndian(UInt32.self, "IHDR"))
      let fields = Array(bytes[try reader.take(5, "IHDR")])
      guard width > 0, height > 0, width < 1 << 31, height < 1 << 31 else {
        throw ApusError.file(path, "a PNG picture of \(width) by \(height) cannot be: each side is 1 to 2^31 - 1")
      }
      let help = "convert it: convert IN.png -alpha off -colorspace Gray -depth 8 -interlace none OUT.png"
      switch fields[1] {
      case 0: channels = 1
      case 2: channels = 3
      default:
        let kind = [3: "a palette", 4: "gray with transparency", 6: "RGB with transparency"][fields[1]] ?? "unknown"
        throw ApusError.file(path, "its color type \(fields[1]) is \(kind); gray (0) and RGB (2) are read", help: help)
      }
      guard fields[0] == 8 else {
        throw ApusError.file(path, "has \(fields[0]) bits a sample; 8 are read", help: help)
      }
      guard fields[2] == 0, fields[3] == 0 else {
        throw ApusError.file(path, "has an unknown compression or filter method")
      }
      guard fields[4] == 0 else { throw ApusError.file(path, "is interlaced, which is not read", help: help) }
      let (total, overflow) = height.multipliedReportingOverflow(by: width * channels + 1)
      guard !overflow else { throw ApusError.file(path, "a picture of \(width) by \(height) is too large") }
      rawByteCount = total
    }
  }

  /// The next chunk with its checksum verified, or nil after IEND.
  private static func nextChunk(_ reader: inout ByteReader) throws -> (type: String, content: Range<Int>)? {
    let path = reader.path
    let length = Int(try reader.bigEndian(UInt32.self, "a chunk's length"))
    let start = reader.offset
    let type = String(decoding: reader.bytes[try reader.take(4, "a chunk's type")], as: UTF8.self)
    let content = try reader.take(length, "the chunk \(type.debugDescription)")
    let checksum = reader.bytes.withUnsafeBytes {
      Deflater.checksum(UnsafeRawBufferPointer(rebasing: $0[start..<content.upperBound]))
    }
    guard try reader.bigEndian(UInt32.self, "a chunk's checksum") == checksum else {
      throw ApusError.file(path, "its chunk \(type.debugDescription) does not match its checksum: the file is damaged")
    }
    return type == "IEND" ? nil : (type, content)
  }

  /// Undoes each row's filter: every sample was predicted from its neighbors to the left (a), above (b) and above
  /// left (c), and the difference stored.
  private static func unfilter(_ raw: [UInt8], _ header: Header, path: String) throws -> Tensor {
    let width = header.width * header.channels
    let step = header.channels
    var picture = try Tensor(uninitialized: .u8, [header.height, header.width, header.channels])
    try picture.withMutableElements(as: UInt8.self) { rows in
      for y in 0..<header.height {
        let source = y * (width + 1) + 1
        let row = y * width
        let filter = raw[source - 1]
        guard filter <= 4 else {
          throw ApusError.file(path, "row \(y) has the unknown filter \(filter); 0 to 4 are known")
        }
        for x in 0..<width {
          let a = x >= step ? Int(rows[row + x - step]) : 0
          let b = y > 0 ? Int(rows[row - width + x]) : 0
          let c = x >= step && y > 0 ? Int(rows[row - width + x - step]) : 0
          let prediction: Int
          switch filter {
          case 1: prediction = a
          case 2: prediction = b
          case 3: prediction = (a + b) / 2
          case 4: prediction = paeth(a, b, c)
          default: prediction = 0
          }
          rows[row + x] = raw[source + x] &+ UInt8(truncatingIfNeeded: prediction)
        }
      }
    }
    return picture
  }

  /// The neighbor nearest to a + b - c; on ties in the order a, b, c.
  static func paeth(_ a: Int, _ b: Int, _ c: Int) -> Int {
    let p = a + b - c
    let da = abs(p - a)
    let db = abs(p - b)
    let dc = abs(p - c)
    if da <= db && da <= dc { return a }
    return db <= dc ? b : c
  }
}
