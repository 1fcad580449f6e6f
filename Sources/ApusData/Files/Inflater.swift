import ApusCore
import CZlib

/// Bytes in order: a plain file's, or what a compressed one unpacks to.
protocol ByteSource {
  /// Fills `buffer` as far as there are bytes; fewer than its size only at the end.
  mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
  /// No more bytes than this can follow: what a header's promise is checked against before memory is taken.
  var mostBytesLeft: Int { get }
}

/// A plain file's bytes.
struct PlainSource: ByteSource {
  private let bytes: [UInt8]
  private var offset = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var mostBytesLeft: Int { bytes.count - offset }

  mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(buffer.count, mostBytesLeft)
    bytes.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count])) }
    offset += count
    return count
  }
}

/// Unpacks deflated data with zlib, as a stream: memory is the caller's buffer and zlib's window.
package final class Inflater: ByteSource {
  /// How the deflated data are wrapped; the raw value is zlib's `windowBits`.
  package enum Format: Int32 {
    case gzip = 31
    case zlib = 15
    case raw = -15
  }

  /// zlib keeps a pointer back to the stream, so it must not move.
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private let format: Format
  private let input: [UInt8]
  private var position: Int
  private let end: Int
  private var finished = false
  private let path: String

  /// - Parameters:
  ///   - range: where the compressed data are in `input`.
  ///   - path: named in errors.
  init(_ format: Format, _ input: [UInt8], _ range: Range<Int>, path: String) throws {
    self.format = format
    self.input = input
    position = range.lowerBound
    end = range.upperBound
    self.path = path
    stream.initialize(to: z_stream())
    let status = inflateInit2_(stream, format.rawValue, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else {
      throw ApusError.defect("zlib could not start (status \(status))")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Deflate packs at most 258 bytes in 2 bits, 1,032 to 1; the constant covers what zlib holds back.
  var mostBytesLeft: Int { finished ? 0 : (end - position) * 1032 + 65_536 }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var filled = 0
    while filled < buffer.count, !finished {
      let room = min(buffer.count - filled, 1 << 30)
      let supply = min(end - position, 1 << 30)
      let status = input.withUnsafeBytes { bytes in
        let next = bytes.baseAddress.map { $0.assumingMemoryBound(to: UInt8.self) + position }
        stream.pointee.next_in = UnsafeMutablePointer(mutating: next)
        stream.pointee.avail_in = UInt32(supply)
        stream.pointee.next_out = buffer.baseAddress!.assumingMemoryBound(to: UInt8.self) + filled
        stream.pointee.avail_out = UInt32(room)
        return inflate(stream, Z_NO_FLUSH)
      }
      position += supply - Int(stream.pointee.avail_in)
      filled += room - Int(stream.pointee.avail_out)
      switch status {
      case Z_OK: continue
      case Z_STREAM_END: try endMember()
      case Z_BUF_ERROR: throw ApusError.file(path, "ends in the middle of its compressed data: it is cut off")
      case Z_MEM_ERROR: throw ApusError.file(path, "cannot be unpacked: out of memory")
      default:
        let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib status \(status)"
        throw ApusError.file(path, "its compressed data are damaged: \(reason)")
      }
    }
    return filled
  }

  /// A gzip file may hold several members, whose contents follow each other, and zeros after the last.
  private func endMember() throws {
    if format == .gzip, end - position >= 2, input[position] == 0x1F, input[position + 1] == 0x8B {
      inflateReset(stream)
      return
    }
    finished = true
    guard input[position..<end].allSatisfy({ $0 == 0 }) else {
      throw ApusError.file(path, "\(end - position) bytes follow the end of its compressed data; none should")
    }
  }

  /// Unpacks data whose size is known from elsewhere.
  /// - Throws: `ApusError` if it unpacks to fewer or more bytes.
  package static func unpack(
    _ format: Format, _ input: [UInt8], _ range: Range<Int>, byteCount: Int, path: String
  ) throws -> [UInt8] {
    let inflater = try Inflater(format, input, range, path: path)
    guard byteCount <= inflater.mostBytesLeft else {
      throw ApusError.file(path, "\(range.count) compressed bytes cannot unpack to the \(byteCount) that are promised")
    }
    try Memory.check(byteCount)
    let bytes = try [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      count = try inflater.read(into: UnsafeMutableRawBufferPointer(buffer))
    }
    var extra: UInt8 = 0
    let more = try withUnsafeMutableBytes(of: &extra) { try inflater.read(into: $0) }
    guard bytes.count == byteCount, more == 0 else {
      let found = more == 0 ? "\(bytes.count)" : "more than \(byteCount)"
      throw ApusError.file(path, "its compressed data unpack to \(found) bytes, not the \(byteCount) that are promised")
    }
    return bytes
  }
}
