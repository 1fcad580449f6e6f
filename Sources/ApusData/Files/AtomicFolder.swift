import ApusCore
import Foundation

/// Replacing several files of a folder together: all of them or none, at whatever moment the process is killed, the disk
/// is full or the power fails.
///
/// 1. The new files go to a hidden folder inside the folder, `.apus-saving-…`, and reach the disk.
/// 2. That folder is renamed to `.apus-saved`. This is the step that replaces the set (`FileGroup`).
/// 3. Its files are moved to their places, over the old ones, and the empty folder is removed.
///
/// Whoever writes next finishes a step 3 that was interrupted, and removes what an interrupted step 1 left; a lock tells
/// the folder of a killed writer from that of one that is at work. All other files of the folder stay as they are. The
/// folder itself is never replaced: it may be a link, a mount, or a process's working directory. Several writers at a time
/// are tolerated: one of them is last, with all of its files.
package enum AtomicFolder {
  /// The files that will be there.
  package struct Draft: ~Copyable {
    fileprivate let folder: String
    fileprivate let draft: String

    /// Adds a file; of two with one name the last stays. The permissions of one that it replaces are kept.
    /// - Parameter name: in the folder, without a path.
    package func write(_ name: String, _ body: (borrowing AtomicFile.Sink) throws -> Void) throws {
      let path = FileGroup.join(folder, name)
      var status = stat()
      let exists = lstat(path, &status) == 0
      let kind = status.st_mode & S_IFMT
      if exists, kind == S_IFDIR { throw ApusError.file(path, "is a directory: a file cannot take its place") }
      let descriptor = open(FileGroup.join(draft, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw ApusError.system(path, "cannot be written") }
      defer { close(descriptor) }
      if exists, kind == S_IFREG, fchmod(descriptor, status.st_mode & 0o7777) != 0 {
        throw ApusError.system(path, "its permissions cannot be carried over")
      }
      let sink = AtomicFile.Sink(descriptor: descriptor, path: path)
      try body(sink)
      try sink.flush()
    }

    /// Adds a file of these bytes.
    package func write(_ name: String, _ bytes: some ContiguousBytes) throws {
      try write(name) { try $0.write(bytes) }
    }
  }

  /// Replaces or creates the files that `body` writes, and makes the folder if need be.
  /// - Throws: what `body` throws, or an `ApusError` that names the path and the system's reason; all files are then as
  ///   they were.
  package static func replaceFiles(in folder: String, _ body: (borrowing Draft) throws -> Void) throws {
    try Directory.make(folder)
    removeAbandonedDrafts(in: folder)
    let (lock, draft) = try makeDraft(in: folder)
    defer { close(lock) }
    let committed = FileGroup.join(folder, FileGroup.committedName)
    do {
      try body(Draft(folder: folder, draft: draft))
      Directory.flush(draft)
      // An earlier set whose writer is not done precedes this one. An empty folder is replaced by the rename.
      try finish(committed, folder)
      while rename(draft, committed) != 0 {
        guard errno == ENOTEMPTY || errno == EEXIST else { throw ApusError.system(folder, "cannot be written into") }
        try finish(committed, folder)
      }
    } catch {
      Directory.remove(draft)
      throw error
    }
    Directory.flush(folder)
    try finish(committed, folder)
  }

  /// Moves committed files to their places. Several writers may do so at a time, which is why a file may be gone.
  private static func finish(_ committed: String, _ folder: String) throws {
    var status = stat()
    guard lstat(committed, &status) == 0 else { return }
    for name in Directory.entries(of: committed) {
      let path = FileGroup.join(folder, name)
      guard rename(FileGroup.join(committed, name), path) == 0 || errno == ENOENT else {
        throw ApusError.system(path, "cannot be replaced")
      }
    }
    Directory.flush(folder)
    rmdir(committed)
  }

  /// A new, locked folder.
  private static func makeDraft(in folder: String) throws -> (lock: Int32, path: String) {
    while true {
      let path = FileGroup.join(folder, FileGroup.draftPrefix + Directory.randomName())
      guard mkdir(path, 0o777) == 0 else {
        guard errno == EEXIST else { throw ApusError.system(folder, "cannot be written into") }
        continue
      }
      let lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      // If the file system has no locks, other writers cannot take one either, and do not remove it.
      if lock >= 0 { _ = flock(lock, LOCK_EX) }
      // Another process may have taken it for abandoned before it was locked.
      if lock >= 0, isSame(lock, path) { return (lock, path) }
      let reason = errno
      if lock >= 0 { close(lock) }
      guard lock >= 0 || reason == ENOENT else {
        rmdir(path)
        errno = reason
        throw ApusError.system(folder, "cannot be written into")
      }
    }
  }

  private static func removeAbandonedDrafts(in folder: String) {
    for entry in Directory.entries(of: folder) where entry.hasPrefix(FileGroup.draftPrefix) {
      let path = FileGroup.join(folder, entry)
      let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0, isSame(descriptor, path) { Directory.remove(path) }
    }
  }

  /// Whether an open folder still has its name: its writer may have renamed it since.
  private static func isSame(_ descriptor: Int32, _ path: String) -> Bool {
    var (opened, named) = (stat(), stat())
    return fstat(descriptor, &opened) == 0 && lstat(path, &named) == 0 && opened.st_ino == named.st_ino
      && opened.st_dev == named.st_dev
  }
}
