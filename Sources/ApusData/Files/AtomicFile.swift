import ApusCore
import Foundation

/// Writing files so that a failure half way leaves the old content untouched: the bytes go to a temporary file in the
/// same folder, reach the disk, and take the name in one step.
///
/// A process that is killed leaves its temporary file. The next write to the same name removes it: a lock on the file tells
/// whether its writer is still there.
package enum AtomicFile {
  /// Where `write(to:_:)` puts bytes.
  package struct Sink: ~Copyable {
    let descriptor: Int32
    /// What messages call the file.
    let path: String

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
    package func write(_ bytes: some ContiguousBytes) throws { try bytes.withUnsafeBytes { try write($0) } }

    /// Brings all that was written to the disk.
    func flush() throws {
      guard fsync(descriptor) == 0 else { throw ApusError.system(path, "cannot be brought to the disk") }
    }
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
    let (descriptor, temporary) = try TemporaryFile.make(beside: target, path)
    var renamed = false
    var open = true
    defer {
      if !renamed { unlink(temporary) }
      if open { close(descriptor) }
    }
    if exists, fchmod(descriptor, status.st_mode & 0o7777) != 0 {
      throw ApusError.system(path, "its permissions cannot be carried over")
    }
    let sink = Sink(descriptor: descriptor, path: path)
    try body(sink)
    try sink.flush()
    guard rename(temporary, target) == 0 else { throw ApusError.system(path, "cannot be replaced") }
    renamed = true
    // The file has its name. That the name reaches the disk, too, is up to the file system where this fails.
    Directory.flush(Directory.parent(of: target))
    open = false
    guard close(descriptor) == 0 else { throw ApusError.system(path, "cannot be written") }
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

  private static func resolvingLinks(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

/// Files that are not there yet for others: hidden, locked by their writer, and called `.NAME.apus-RANDOM` after the file
/// that they become.
private enum TemporaryFile {
  /// A new, locked file, made with the permissions that the user's umask gives (`mkstemp` would give 0600). What killed
  /// writers of the same target left is removed first.
  /// - Parameter path: what messages call the target.
  static func make(beside target: String, _ path: String) throws -> (descriptor: Int32, path: String) {
    let folder = Directory.parent(of: target)
    let name = (target as NSString).lastPathComponent
    guard !name.isEmpty else { throw ApusError.input("a file to write to needs a name, not an empty path") }
    // A long name is cut: the system's limit is 255 bytes, and the name to write to may come close.
    let prefix = ".\(name.prefix(40)).apus-"
    for entry in Directory.entries(of: folder) where entry.hasPrefix(prefix) {
      removeIfAbandoned(FileGroup.join(folder, entry))
    }
    while true {
      let temporary = FileGroup.join(folder, prefix + Directory.randomName())
      let descriptor = Foundation.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else {
        guard errno == EEXIST else { throw ApusError.system(path, "cannot be written") }
        continue
      }
      // If the file system has no locks, other writers cannot take one either, and do not remove it.
      _ = flock(descriptor, LOCK_EX)
      // Another process may have taken it for abandoned before it was locked.
      var status = stat()
      if fstat(descriptor, &status) == 0, status.st_nlink > 0 { return (descriptor, temporary) }
      close(descriptor)
    }
  }

  private static func removeIfAbandoned(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
  }
}
