import ApusCore

/// The format of MNIST's files: two zero bytes, a byte for the element type, a byte for the rank, each dimension as a
/// big-endian 32-bit number, and the elements, big-endian, in row-major order. Plain or packed with gzip.
///
/// Format: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", section "File formats".
public enum IDX {
  /// Reads an array of any rank.
  ///
  /// | code | elements | tensor |
  /// |---|---|---|
  /// | 0x08 | unsigned bytes | `u8` |
  /// | 0x09 | signed bytes | `i8` |
  /// | 0x0C | 32-bit integers | `i32` |
  /// | 0x0D | singles | `f32` |
  /// | 0x0E | doubles | `f64` |
  ///
  /// - Throws: `ApusError` that names the file and what is wrong with it. Memory is taken only for what the bytes
  ///   that are there can fill.
  public static func read(_ path: String) throws -> Tensor {
    let bytes = try BinaryFile.read(path)
    if bytes.starts(with: [0x1F, 0x8B]) {
      var source = try Inflater(.gzip, bytes, 0..<bytes.count, path: path)
      return try read(from: &source, path)
    }
    var source = PlainSource(bytes)
    return try read(from: &source, path)
  }

  /// Writes `tensor`, packed with gzip if the path ends in `.gz`. An existing file is replaced only once all is
  /// written.
  /// - Throws: `ApusError` if IDX has no code for the element type, or a dimension takes more than 32 bits.
  public static func write(_ tensor: Tensor, to path: String) throws {
    guard let code = codes.first(where: { $0.dtype == tensor.dtype })?.code else {
      throw ApusError.file(
        path, "IDX has no code for \(tensor.dtype)",
        help: "cast to one of " + codes.map(\.dtype.rawValue).joined(separator: ", "))
    }
    guard tensor.rank <= 255, tensor.dimensions.allSatisfy({ $0 <= Int(UInt32.max) }) else {
      throw ApusError.file(path, "IDX cannot hold the shape \(tensor.shape): at most 255 dimensions below 2^32")
    }
    var header: [UInt8] = [0, 0, code, UInt8(tensor.rank)]
    for n in tensor.dimensions { header.append(bytesOf: UInt32(n).bigEndian) }
    var swapped = tensor
    swapped.withUnsafeMutableBytes { ElementBytes.swap($0, elementSize: tensor.dtype.byteCount) }
    try AtomicFile.write(to: path) { sink in
      if path.hasSuffix(".gz") {
        return try sink.write(Deflater.pack(header + swapped.withUnsafeBytes { Array($0) }, .gzip))
      }
      try sink.write(header)
      try swapped.withUnsafeBytes { try sink.write($0) }
    }
  }

  private static let codes: [(code: UInt8, dtype: DType)] = [
    (0x08, .u8), (0x09, .i8), (0x0C, .i32), (0x0D, .f32), (0x0E, .f64),
  ]

  private static func read(from source: inout some ByteSource, _ path: String) throws -> Tensor {
    let magic = try header(4, "the magic number", &source, path)
    guard magic[0] == 0, magic[1] == 0 else {
      let found = magic.map { hexadecimal($0) }.joined(separator: " ")
      throw ApusError.file(path, "is not an IDX file: it begins with \(found); 00 00, a type and a rank are expected")
    }
    guard let dtype = codes.first(where: { $0.code == magic[2] })?.dtype else {
      let name = magic[2] == 0x0B ? "16-bit integers, which no tensor holds" : "no type known"
      let known = codes.map { "\(hexadecimal($0.code)) (\($0.dtype))" }.joined(separator: ", ")
      throw ApusError.file(path, "its element type \(hexadecimal(magic[2])) is \(name)", help: "known are \(known)")
    }

    let sizes = try header(4 * Int(magic[3]), "the \(magic[3]) dimensions", &source, path)
    let dimensions = stride(from: 0, to: sizes.count, by: 4).map { at in
      sizes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    let type = TensorType(dtype, Shape(dimensions))
    guard let byteCount = type.byteCount else {
      throw ApusError.file(path, "its header promises \(type), which is larger than any memory")
    }
    guard byteCount <= source.mostBytesLeft else {
      throw ApusError.file(
        path, "its header promises \(type), \(byteCount) bytes; at most \(source.mostBytesLeft) can follow it")
    }
    var tensor = try Tensor(uninitialized: dtype, dimensions)
    let found = try tensor.withUnsafeMutableBytes { buffer in
      let found = try source.read(into: buffer)
      ElementBytes.swap(buffer, elementSize: dtype.byteCount)
      return found
    }
    guard found == byteCount else {
      throw ApusError.file(path, "its header promises \(type), \(byteCount) bytes; only \(found) follow it")
    }
    var extra: UInt8 = 0
    guard try withUnsafeMutableBytes(of: &extra, { try source.read(into: $0) }) == 0 else {
      throw ApusError.file(path, "more bytes follow the \(byteCount) of \(type) that its header promises")
    }
    return tensor
  }

  private static func header(
    _ count: Int, _ what: String, _ source: inout some ByteSource, _ path: String
  ) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let found = try bytes.withUnsafeMutableBytes { try source.read(into: $0) }
    guard found == count else {
      throw ApusError.file(path, "ends inside its IDX header: \(what) takes \(count) bytes, \(found) are there")
    }
    return bytes
  }

  private static func hexadecimal(_ byte: UInt8) -> String {
    (byte < 16 ? "0x0" : "0x") + String(byte, radix: 16, uppercase: true)
  }
}
