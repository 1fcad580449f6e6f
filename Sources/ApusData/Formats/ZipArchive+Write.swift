import ApusCore

extension ZipArchive {
  /// Writes an archive; the same entries give the same bytes, for the time stamp is always 1980-01-01.
  /// - Parameters:
  ///   - entries: name and bytes, in the order of the archive.
  ///   - compressed: deflate each entry; else store it.
  /// - Throws: `ApusError` if an entry, or all of them, take 4 GiB or more, or names repeat.
  package static func write(_ entries: [(name: String, bytes: [UInt8])], compressed: Bool, to path: String) throws {
    var seen: Set<String> = []
    for entry in entries where !seen.insert(entry.name).inserted {
      throw ApusError.file(path, "two entries have the name '\(entry.name)'")
    }
    guard entries.count < Int(UInt16.max) else {
      throw ApusError.file(path, "a zip archive holds fewer than 65,535 entries")
    }
    try AtomicFile.write(to: path) { sink in
      var directory: [UInt8] = []
      var offset = 0
      for entry in entries {
        let name = Array(entry.name.utf8)
        let data = compressed ? try Deflater.pack(entry.bytes, .raw) : entry.bytes
        guard entry.bytes.count < Int(UInt32.max), offset + data.count + 100 + name.count < Int(UInt32.max),
          name.count <= Int(UInt16.max)
        else {
          throw ApusError.file(path, "entry '\(entry.name)' does not fit: zip archives end at 4 GiB")
        }
        // From "version needed" to "extra length": the part that both headers share.
        var common: [UInt8] = []
        common.append(bytesOf: UInt16(20).littleEndian)
        common.append(bytesOf: UInt16(1 << 11).littleEndian)  // Names are UTF-8.
        common.append(bytesOf: UInt16(compressed ? 8 : 0).littleEndian)
        common.append(bytesOf: UInt16(0).littleEndian)  // Midnight
        common.append(bytesOf: UInt16(1 << 5 | 1).littleEndian)  // of the first day that zip can tell.
        common.append(bytesOf: entry.bytes.withUnsafeBytes { Deflater.checksum($0) }.littleEndian)
        common.append(bytesOf: UInt32(data.count).littleEndian)
        common.append(bytesOf: UInt32(entry.bytes.count).littleEndian)
        common.append(bytesOf: UInt16(name.count).littleEndian)
        common.append(bytesOf: UInt16(0).littleEndian)

        var local: [UInt8] = [0x50, 0x4B, 0x03, 0x04]
        local += common + name
        try sink.write(local)
        try sink.write(data)

        directory += [0x50, 0x4B, 0x01, 0x02, 20, 0] + common
        directory += [UInt8](repeating: 0, count: 10)  // No comment, disk 0, no attributes.
        directory.append(bytesOf: UInt32(offset).littleEndian)
        directory += name
        offset += local.count + data.count
      }
      guard offset + directory.count < Int(UInt32.max) else {
        throw ApusError.file(path, "the entries do not fit: zip archives end at 4 GiB")
      }
      var end: [UInt8] = [0x50, 0x4B, 0x05, 0x06, 0, 0, 0, 0]
      end.append(bytesOf: UInt16(entries.count).littleEndian)
      end.append(bytesOf: UInt16(entries.count).littleEndian)
      end.append(bytesOf: UInt32(directory.count).littleEndian)
      end.append(bytesOf: UInt32(offset).littleEndian)
      end += [0, 0]
      try sink.write(directory + end)
    }
  }
}
