import ApusCore

/// NumPy's file of one array: a magic string, a version, a Python dictionary in text, and the elements.
///
/// Format: NumPy enhancement proposal 1, versions 1.0, 2.0 and 3.0 (which differ in the header's length field and
/// encoding). Reads either byte order and either axis order; writes version 1.0 if it fits, little-endian, row-major.
public enum NPY {
  /// Reads an array.
  /// - Throws: `ApusError` for an element type that no tensor holds, and for a damaged or cut file.
  public static func read(_ path: String) throws -> Tensor {
    let bytes = try BinaryFile.read(path)
    return try parse(bytes, path: path)
  }

  /// Writes an array. An existing file is replaced only once all is written.
  /// - Throws: `ApusError` for `bf16`, which NumPy does not have.
  public static func write(_ tensor: Tensor, to path: String) throws {
    try AtomicFile.write(to: path) { try write(tensor, into: $0) }
  }

  /// Writes an array into a file that is open.
  package static func write(_ tensor: Tensor, into sink: borrowing AtomicFile.Sink) throws {
    try sink.write(header(for: tensor.type, path: sink.path))
    try tensor.withUnsafeBytes { try sink.write($0) }
  }

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// The array in `bytes`.
  static func parse(_ bytes: [UInt8], path: String) throws -> Tensor {
    let (header, data) = try header(of: bytes, path: path)
    let (dtype, swapped) = try elementType(header.descr, path: path)
    let type = TensorType(dtype, Shape(header.shape))
    guard let byteCount = type.byteCount else {
      throw ApusError.file(path, "its header promises \(type), which is larger than any memory")
    }
    guard byteCount == data.count else {
      throw ApusError.file(path, "its header promises \(type), \(byteCount) bytes; \(data.count) follow it")
    }
    let tensor = try ElementBytes.tensor(dtype, header.shape, from: bytes, data, swapped: swapped, path: path)
    return header.fortranOrder ? try ElementBytes.rowMajor(fromColumnMajor: tensor) : tensor
  }

  /// The header of the array in `bytes`, and where its elements are.
  static func header(of bytes: [UInt8], path: String) throws -> (NPYHeader, data: Range<Int>) {
    var reader = ByteReader(bytes, path: path)
    guard bytes.starts(with: magic) else {
      throw ApusError.file(path, "is not an NPY file: it does not begin with \\x93NUMPY")
    }
    _ = try reader.take(magic.count, "the magic string")
    let major = try reader.littleEndian(UInt8.self, "the version")
    _ = try reader.littleEndian(UInt8.self, "the version")
    let length: Int
    switch major {
    case 1: length = Int(try reader.littleEndian(UInt16.self, "the header's length"))
    case 2, 3: length = Int(try reader.littleEndian(UInt32.self, "the header's length"))
    default: throw ApusError.file(path, "has NPY version \(major); versions 1, 2 and 3 are known")
    }
    let text = String(decoding: bytes[try reader.take(length, "the header")], as: UTF8.self)
    return (try NPYHeader(parsing: text, path: path), reader.offset..<bytes.count)
  }

  /// Everything before the elements, padded so that these begin at a multiple of 64.
  static func header(for type: TensorType, path: String) throws -> [UInt8] {
    guard let code = code(type.dtype) else {
      throw ApusError.file(
        path, "NumPy has no \(type.dtype)", help: "cast to f32 first, or write safetensors, which has it")
    }
    let order = type.dtype.byteCount == 1 ? "|" : "<"
    let sizes = (type.shape.numbers ?? []).map(String.init)
    let shape = sizes.count == 1 ? "(\(sizes[0]),)" : "(" + sizes.joined(separator: ", ") + ")"
    var text = Array("{'descr': '\(order)\(code)', 'fortran_order': False, 'shape': \(shape), }".utf8)
    // Magic, version and length take 10 bytes in version 1, whose length has 16 bits, and 12 in version 2.
    let isLong = text.count + 64 > Int(UInt16.max)
    let before = isLong ? 12 : 10
    let padding = 63 - (before + text.count) % 64
    text += [UInt8](repeating: 0x20, count: padding) + [0x0A]
    var bytes = magic + [isLong ? 2 : 1, 0]
    if isLong { bytes.append(bytesOf: UInt32(text.count).littleEndian) }
    if !isLong { bytes.append(bytesOf: UInt16(text.count).littleEndian) }
    return bytes + text
  }

  /// NumPy's name of a type without its byte order: kind and bytes.
  private static func code(_ dtype: DType) -> String? {
    switch dtype {
    case .f32: "f4"
    case .f64: "f8"
    case .f16: "f2"
    case .bf16: nil
    case .i8: "i1"
    case .u8: "u1"
    case .i32: "i4"
    case .i64: "i8"
    case .bool: "b1"
    }
  }

  static func elementType(_ descr: String, path: String) throws -> (DType, swapped: Bool) {
    let order = descr.first
    let name = String(descr.dropFirst())
    if let dtype = DType.allCases.first(where: { code($0) == name }), let order, "<>|=".contains(order) {
      return (dtype, swapped: order == ">")
    }
    let kind = name.first
    let help: String
    switch kind {
    case "O": help = "the array holds Python objects: save it as numbers, x.astype('float32')"
    case "U", "S": help = "the array holds text: save it as numbers, x.astype('float32')"
    case "i", "u": help = "save it as x.astype('int32') or x.astype('int64')"
    case "c": help = "complex numbers are not held: save x.real and x.imag"
    default: help = "save it as x.astype('float32')"
    }
    throw ApusError.file(path, "has elements of the type '\(descr)', which no tensor holds", help: help)
  }
}
