import ApusCore
import Foundation

/// What writers of files do with folders.
package enum Directory {
  /// The folder that a path is in.
  static func parent(of path: String) -> String {
    let folder = (path as NSString).deletingLastPathComponent
    return folder.isEmpty ? "." : folder
  }

  /// Names in a folder, in order; none if it cannot be read.
  static func entries(of folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  /// A name that no other process picks.
  static func randomName() -> String { String(UInt64.random(in: .min ... .max), radix: 36) }

  /// Makes a folder and those above it, as `mkdir -p` does.
  /// - Throws: `ApusError` that names the path and the system's reason.
  package static func make(_ path: String) throws {
    var status = stat()
    if stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw ApusError.file(path, "is a file: a folder cannot take its place")
      }
      return
    }
    let parent = parent(of: path)
    if parent != path { try make(parent) }
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw ApusError.system(path, "cannot be made") }
  }

  /// Brings names in a folder to the disk. Best effort: not every file system does that for folders.
  static func flush(_ folder: String) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    _ = fsync(descriptor)
    close(descriptor)
  }

  /// Removes a folder that holds files only.
  static func remove(_ folder: String) {
    for entry in entries(of: folder) { unlink(FileGroup.join(folder, entry)) }
    rmdir(folder)
  }
}
