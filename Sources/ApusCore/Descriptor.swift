import Foundation

/// Writing to open files without Foundation's handles, which end the process if a pipe has lost its reader.
package enum Descriptor {
  /// Writes all of a text.
  /// - Returns: the system's number of what went wrong; nil if all was written.
  @discardableResult package static func write(_ text: String, to descriptor: Int32) -> Int32? {
    write(Array(text.utf8), to: descriptor)
  }

  /// Writes all bytes, in one call if the system takes them so.
  /// - Returns: the system's number of what went wrong; nil if all was written.
  package static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
    var bytes = bytes[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 {
        bytes = bytes.dropFirst(count)
      } else if errno != EINTR {
        return errno
      }
    }
    return nil
  }
}
