import ApusCore
import Foundation

/// Places that are written to later, looked at before the work begins, so that hours of it are not lost to a misspelt
/// path. Nothing is created.
package enum WritablePlace {
  /// - Parameter writer: what writes, for messages.
  /// - Throws: `ApusError` if `AtomicFile` could not write a file at `path`.
  package static func checkFile(_ path: String, of writer: String) throws {
    var status = stat()
    let exists = stat(path, &status) == 0
    if exists, status.st_mode & S_IFMT == S_IFDIR {
      throw refusal(
        path, writer, "it is a folder", help: "give the name of a file, as '\(FileGroup.join(path, "log.csv"))'")
    }
    // A pipe or a device is written to as it is, a file is replaced by another one in its folder.
    let isReplaced = !exists || status.st_mode & S_IFMT == S_IFREG
    let place = isReplaced ? Directory.parent(of: path) : path
    guard stat(place, &status) == 0 else {
      throw refusal(path, writer, "there is no folder '\(place)'", help: "make it: mkdir -p '\(place)'")
    }
    try checkAccess(place, path, writer, isFolder: isReplaced)
  }

  /// - Throws: `ApusError` if `path` is not a folder that can be written into, nor one that could be made.
  package static func checkFolder(_ path: String, of writer: String) throws {
    // A slash at the end would hide a file of that name.
    var (place, status) = (path, stat())
    while place.count > 1, place.hasSuffix("/") { place.removeLast() }
    while stat(place, &status) != 0 {
      let parent = Directory.parent(of: place)
      if parent == place { break }
      place = parent
    }
    try checkAccess(place, path, writer, isFolder: true)
  }

  private static func checkAccess(_ place: String, _ path: String, _ writer: String, isFolder: Bool) throws {
    if isFolder, !BinaryFile.isDirectory(place) {
      throw refusal(
        path, writer, place == path ? "it is a file, and not a folder" : "'\(place)' is a file, and not a folder",
        help: "give another name, or remove the file")
    }
    guard access(place, isFolder ? W_OK | X_OK : W_OK) == 0 else {
      throw refusal(
        path, writer, "'\(place)': \(String(cString: strerror(errno)))", help: "give a place that you may write to")
    }
  }

  private static func refusal(_ path: String, _ writer: String, _ reason: String, help: String) -> ApusError {
    .input("\(writer) cannot write '\(path)': \(reason)", help: help)
  }
}
