import ApusCore
import Foundation

/// Named tensors in one file: the length of a JSON header as a little-endian 64-bit number, the header, and the
/// elements without gaps, little-endian and row-major.
///
/// Format: Hugging Face, safetensors, README section "Format".
public struct SafeTensors: Sendable {
  /// In the order of their elements in the file.
  public var tensors: [(name: String, tensor: Tensor)]
  /// Free text, kept as it is.
  public var metadata: [String: String]

  public init(_ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:]) {
    self.tensors = tensors
    self.metadata = metadata
  }

  /// Reads tensors and metadata.
  /// - Throws: `ApusError` for a header that is no valid JSON of the format, for elements that overlap, leave gaps, lie
  ///   outside of the file or do not fit their shape, and for an element type that no tensor holds.
  public init(contentsOf path: String) throws {
    let bytes = try BinaryFile.read(path)
    var reader = ByteReader(bytes, path: path)
    let length = Int(clamping: try reader.littleEndian(UInt64.self, "the header's length"))
    guard length <= reader.remaining else {
      throw ApusError.file(
        path, "is no safetensors file, or cut off: a header of \(length) bytes is promised, \(reader.remaining) follow")
    }
    let header = try SafeTensorsHeader(json: bytes[try reader.take(length, "the header")], path: path)
    let data = reader.offset
    let types = try header.checkedTypes(dataCount: reader.remaining, path: path)
    tensors = try zip(header.entries, types).map { entry, type in
      let range = data + entry.start..<data + entry.end
      let place = "\(path), tensor '\(entry.name)'"
      return (entry.name, try ElementBytes.tensor(type.dtype, entry.shape, from: bytes, range, path: place))
    }
    metadata = header.metadata
  }

  /// The tensors of a file, in file order.
  public static func read(_ path: String) throws -> [(name: String, tensor: Tensor)] {
    try SafeTensors(contentsOf: path).tensors
  }

  /// Writes tensors in the given order. An existing file is replaced only once all is written.
  public static func write(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to path: String
  ) throws {
    try SafeTensors(tensors, metadata: metadata).write(to: path)
  }

  /// Writes tensors and metadata; the same contents give the same bytes.
  /// - Throws: `ApusError` if two tensors have one name.
  public func write(to path: String) throws { try AtomicFile.write(to: path) { try write(into: $0) } }

  /// Writes tensors and metadata into a file that is open.
  package func write(into sink: borrowing AtomicFile.Sink) throws {
    let header = try SafeTensorsHeader.text(of: self, path: sink.path)
    var length: [UInt8] = []
    length.append(bytesOf: UInt64(header.count).littleEndian)
    try sink.write(length + header)
    for (_, tensor) in tensors { try tensor.withUnsafeBytes { try sink.write($0) } }
  }
}
