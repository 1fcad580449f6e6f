import ApusCore
import Foundation

/// Writing files so that a failure half way leaves the old content untouched: the bytes go to a temporary file in the
/// same folder, reach the disk, and take the name in one step.
package enum AtomicFile {
  /// Where `write(to:_:)` puts bytes.
  package struct Sink: ~Copyable {
    fileprivate let descriptor: Int32
    fileprivate let path: String

    /// Appends all of `bytes`.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
      var done = 0
      while done < bytes.count {
        let n = Foundation.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
        if n < 0 {
          if errno == EINTR { continue }
          throw ApusError.system(path, "cannot be written")
        }
        done += n
      }
    }

    /// Appends all of `bytes`.
    package func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }
  }

  /// Replaces or creates the file at `path` by what `body` writes. Links are followed, an existing file's permissions
  /// kept; pipes and devices are written to directly.
  /// - Throws: what `body` throws, or an `ApusError` that names the path and the system's reason. The old file is
  ///   then as it was, and the temporary file gone.
  package static func write(to path: String, _ body: (borrowing Sink) throws -> Void) throws {
    var status = stat()
    let exists = stat(path, &status) == 0
    let kind = status.st_mode & S_IFMT
    if exists, kind == S_IFDIR { throw ApusError.file(path, "is a directory: a file cannot take its place") }
    if exists, kind != S_IFREG { return try writeDirectly(to: path, body) }

    let target = exists ? resolvingLinks(path) : path
    let (descriptor, temporary) = try makeTemporary(beside: target, path)
    var renamed = false
    var open = true
    defer {
      if open { close(descriptor) }
      if !renamed { unlink(temporary) }
    }
    if exists, fchmod(descriptor, status.st_mode & 0o7777) != 0 {
      throw ApusError.system(path, "its permissions cannot be carried over")
    }
    try body(Sink(descriptor: descriptor, path: path))
    guard fsync(descriptor) == 0 else { throw ApusError.system(path, "cannot be brought to the disk") }
    open = false
    guard close(descriptor) == 0 else { throw ApusError.system(path, "cannot be written") }
    guard rename(temporary, target) == 0 else { throw ApusError.system(path, "cannot be replaced") }
    renamed = true
  }

  /// Replaces or creates the file at `path` by `bytes`.
  package static func write(_ bytes: [UInt8], to path: String) throws {
    try write(to: path) { try $0.write(bytes) }
  }

  /// Replaces or creates the file at `path` by `text` in UTF-8.
  package static func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

  private static func writeDirectly(to path: String, _ body: (borrowing Sink) throws -> Void) throws {
    let descriptor = Foundation.open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ApusError.system(path, "cannot be opened for writing") }
    defer { close(descriptor) }
    try body(Sink(descriptor: descriptor, path: path))
  }

  /// A new file, made with the permissions that the user's umask gives (`mkstemp` would give 0600).
  private static func makeTemporary(beside target: String, _ path: String) throws -> (Int32, String) {
    let folder = (target as NSString).deletingLastPathComponent
    let name = (target as NSString).lastPathComponent
    guard !name.isEmpty else { throw ApusError.input("a file to write to needs a name, not an empty path") }
    while true {
      let suffix = String(UInt64.random(in: .min ... .max), radix: 36)
      // A long name is cut: the system's limit is 255 bytes, and the name to write to may come close.
      let temporary = (folder as NSString).appendingPathComponent(".\(name.prefix(40)).\(suffix).tmp")
      let descriptor = Foundation.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor >= 0 { return (descriptor, temporary) }
      guard errno == EEXIST else { throw ApusError.system(path, "cannot be written") }
    }
  }

  private static func resolvingLinks(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
