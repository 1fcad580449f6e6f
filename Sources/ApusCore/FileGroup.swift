import Foundation

/// Files of a folder that are replaced together, such as a saved model: how readers find the newest complete set.
///
/// A writer (`AtomicFolder`) fills a hidden folder inside the folder, renames it to `committedName`, and then moves its
/// files to their places, over the old ones. The rename is the one step that replaces the set: from then on a file in the
/// committed folder precedes the one beside it. So a writer can be killed at any moment, and readers need to write nothing.
package enum FileGroup {
  /// The hidden folder whose files are newer than those beside it.
  package static let committedName = ".apus-saved"
  /// What the names of folders that are being filled begin with.
  package static let draftPrefix = ".apus-saving-"

  /// Where the newest content of a file is.
  package static func path(of file: String, in folder: String) -> String {
    let newest = join(join(folder, committedName), file)
    var status = stat()
    return lstat(newest, &status) == 0 ? newest : join(folder, file)
  }

  /// Reads several files of one set: `body` runs again if one of them was replaced meanwhile.
  /// - Throws: what `body` throws, or an `ApusError` if the files change faster than they can be read.
  package static func reading<R>(_ files: [String], in folder: String, _ body: () throws -> R) throws -> R {
    for _ in 0..<100 {
      let before = files.map { Version(path(of: $0, in: folder)) }
      let result = Result { try body() }
      if before == files.map({ Version(path(of: $0, in: folder)) }) { return try result.get() }
    }
    throw ApusError.input(
      "'\(folder)' was replaced each time that it was read", help: "try again when it is saved less")
  }

  package static func join(_ folder: String, _ file: String) -> String {
    folder + (folder.hasSuffix("/") ? "" : "/") + file
  }

  /// What tells a file from its successors. A file that only moved counts as another one: a reader may have missed it.
  private struct Version: Equatable {
    let path: String
    let identity: [Int]

    init(_ path: String) {
      self.path = path
      var status = stat()
      identity =
        stat(path, &status) == 0
        ? [
          Int(status.st_dev), Int(truncatingIfNeeded: status.st_ino), Int(status.st_size), status.st_mtim.tv_sec,
          status.st_mtim.tv_nsec,
        ] : []
    }
  }
}
