import ApusCore
import Foundation

/// Reading files whole.
package enum BinaryFile {
  /// All bytes of a file; pipes and devices are read to their end.
  /// - Throws: `ApusError` that names the path and the system's reason.
  package static func read(_ path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ApusError.system(path, "cannot be opened") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw ApusError.system(path, "cannot be examined") }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw ApusError.file(path, "is a directory, not a file") }

    // One byte more than the size, so that the end of an unchanged file shows without growing the buffer.
    let room = max(Int(status.st_size), 0) + 1
    try checkRoom(room, path)
    var bytes = try [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
      count = try fill(UnsafeMutableRawBufferPointer(buffer), from: descriptor, path)
    }
    if bytes.count < room, status.st_size > 0 { return bytes }
    // Pipes, devices and files under /proc tell no size; a file may grow while it is read.
    let step = 64 << 20
    var checked = bytes.count
    while true {
      if bytes.count >= checked {
        checked = bytes.count + step
        // As long as the array moves to twice its memory, it is there three times.
        try checkRoom(2 * bytes.count + step, path)
      }
      let more = try [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, count in
        count = try fill(UnsafeMutableRawBufferPointer(buffer), from: descriptor, path)
      }
      if more.isEmpty { return bytes }
      bytes += more
    }
  }

  private static func checkRoom(_ byteCount: Int, _ path: String) throws {
    if byteCount <= 1 << 20 { return }
    do { try Memory.check(byteCount) } catch let error as ApusError {
      throw ApusError.file(path, "cannot be read whole: \(error.message)")
    }
  }

  /// True if the path names a directory.
  package static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// True if the path names something that is not a directory.
  package static func exists(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR
  }

  private static func fill(
    _ buffer: UnsafeMutableRawBufferPointer, from descriptor: Int32, _ path: String
  ) throws -> Int {
    var count = 0
    while count < buffer.count {
      let n = Foundation.read(descriptor, buffer.baseAddress! + count, buffer.count - count)
      if n == 0 { break }
      if n < 0 {
        if errno == EINTR { continue }
        throw ApusError.system(path, "cannot be read")
      }
      count += n
    }
    return count
  }
}

extension ApusError {
  /// An error in a file that has no lines: `PATH: what is wrong`.
  package static func file(
    _ path: String, _ message: String, help: String? = nil, commandHelp: String? = nil
  ) -> ApusError {
    .input("\(path): \(message)", help: help, commandHelp: commandHelp)
  }

  /// A system call that failed, with the reason in `errno`.
  static func system(_ path: String, _ action: String) -> ApusError {
    .file(path, "\(action): \(String(cString: strerror(errno)))")
  }
}
