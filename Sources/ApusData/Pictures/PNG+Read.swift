import ApusCore

/// Portable Network Graphics: reads all kinds that the specification knows as 8 bits a sample, writes gray and RGB.
///
/// Format: W3C, "Portable Network Graphics (PNG) Specification", second edition; filters in section 9.
public enum PNG {
  /// Reads a picture as `u8[height, width, channels]` with 1 channel for gray and 3 for colors.
  ///
  /// Palettes become colors, samples of 1, 2, 4 or 16 bits the nearest of 8 bits. Transparency is left out and gamma is
  /// not applied: samples are what the file says.
  /// - Throws: `ApusError` for a damaged or cut file.
  public static func read(_ path: String) throws -> Tensor { try parse(BinaryFile.read(path), path: path) }

  static func parse(_ bytes: [UInt8], path: String) throws -> Tensor {
    guard bytes.starts(with: signature) else {
      throw ApusError.file(path, "is not a PNG file: it does not begin with \\x89PNG")
    }
    var reader = ByteReader(bytes, path: path)
    _ = try reader.take(signature.count, "the signature")
    var header: PNGHeader?
    var palette: [UInt8] = []
    var data: [UInt8] = []
    while let chunk = try nextChunk(&reader) {
      switch (chunk.type, header) {
      case ("IHDR", nil): header = try PNGHeader(bytes, chunk.content, path: path)
      case (_, nil): throw ApusError.file(path, "begins with the chunk \(chunk.type), not with IHDR")
      case ("IHDR", _): throw ApusError.file(path, "has two IHDR chunks")
      case ("PLTE", _): palette = Array(bytes[chunk.content])
      case ("IDAT", _): data += bytes[chunk.content]
      default: break  // Text, color profile, time: nothing that changes a sample.
      }
    }
    guard let header else { throw ApusError.file(path, "has no IHDR chunk") }
    var raw = try Inflater.unpack(.zlib, data, 0..<data.count, byteCount: header.rawByteCount, path: path)
    let samples = PNGSamples(header, palette: palette, path: path)
    var picture = try Tensor(uninitialized: .u8, [header.height, header.width, header.kind.channels])
    try picture.withMutableElements(as: UInt8.self) { pixels in
      var start = 0
      for pass in header.passes {
        let count = header.rowByteCount(pass.width) + 1
        for y in 0..<pass.height {
          let row = start + y * count
          try unfilter(&raw, row, count, hasRowAbove: y > 0, step: header.filterStep, path: path)
          try samples.unpack(raw, row + 1, pass, pass.top + y * pass.stepY, into: pixels)
        }
        start += pass.height * count
      }
    }
    return picture
  }

  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

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

  /// Undoes a row's filter in place: every byte was predicted from its neighbors to the left (a), above (b) and above
  /// left (c), and the difference stored.
  /// - Parameters:
  ///   - row: where the row begins, with its filter's number.
  ///   - count: bytes of the row with that number.
  ///   - step: bytes from a byte to its neighbor to the left.
  private static func unfilter(
    _ raw: inout [UInt8], _ row: Int, _ count: Int, hasRowAbove: Bool, step: Int, path: String
  ) throws {
    let filter = raw[row]
    guard filter <= 4 else {
      throw ApusError.file(path, "a row has the unknown filter \(filter); 0 to 4 are known")
    }
    if filter == 0 { return }
    for x in 1..<count {
      let a = x > step ? Int(raw[row + x - step]) : 0
      let b = hasRowAbove ? Int(raw[row - count + x]) : 0
      let c = x > step && hasRowAbove ? Int(raw[row - count + x - step]) : 0
      let prediction: Int
      switch filter {
      case 1: prediction = a
      case 2: prediction = b
      case 3: prediction = (a + b) / 2
      default: prediction = paeth(a, b, c)
      }
      raw[row + x] &+= UInt8(truncatingIfNeeded: prediction)
    }
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
