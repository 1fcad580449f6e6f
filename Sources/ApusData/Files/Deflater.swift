import ApusCore
import CZlib

/// Packs bytes with zlib.
package enum Deflater {
  /// The whole of `bytes`, deflated and wrapped as `format` says.
  /// - Parameter level: 0 (stored) to 9 (smallest).
  static func pack(_ bytes: UnsafeRawBufferPointer, _ format: Inflater.Format, level: Int32 = 6) throws -> [UInt8] {
    var stream = z_stream()
    return try withUnsafeMutablePointer(to: &stream) { stream in
      let status = deflateInit2_(
        stream, level, Z_DEFLATED, format.rawValue, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size))
      guard status == Z_OK else { throw ApusError.defect("zlib could not start (status \(status))") }
      defer { deflateEnd(stream) }
      var output: [UInt8] = []
      var taken = 0
      while true {
        let supply = min(bytes.count - taken, 1 << 30)
        let isLast = taken + supply == bytes.count
        let next = bytes.baseAddress.map { $0.assumingMemoryBound(to: UInt8.self) + taken }
        stream.pointee.next_in = UnsafeMutablePointer(mutating: next)
        stream.pointee.avail_in = UInt32(supply)
        let room = min(Int(deflateBound(stream, UInt(supply))) + 64, 1 << 30)
        var status = Z_OK
        output += [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
          stream.pointee.next_out = buffer.baseAddress
          stream.pointee.avail_out = UInt32(room)
          status = CZlib.deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
          count = room - Int(stream.pointee.avail_out)
        }
        taken += supply - Int(stream.pointee.avail_in)
        if status == Z_STREAM_END { return output }
        guard status == Z_OK else { throw ApusError.defect("zlib could not pack data (status \(status))") }
      }
    }
  }

  package static func pack(_ bytes: [UInt8], _ format: Inflater.Format) throws -> [UInt8] {
    try bytes.withUnsafeBytes { try pack($0, format) }
  }

  /// The CRC-32 of zip, PNG and gzip.
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    UInt32(truncatingIfNeeded: crc32_z(0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
  }
}
