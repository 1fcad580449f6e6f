import Apus
import Foundation

/// Places that a command writes to when its work is done: looked at before the work begins, so that an hour of training
/// is not lost to a misspelt folder.
enum OutputPath {
  /// - Throws: `ApusError` if no file could be written at `path`. Nothing is created.
  static func checkFile(_ path: String, _ option: String) throws {
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) {
      if isDirectory.boolValue { throw ApusError.input("\(option) '\(path)' is a folder; a file's name is wanted") }
      try checkAccess(path, option, path)
    } else {
      let folder = parent(path)
      guard FileManager.default.fileExists(atPath: folder, isDirectory: &isDirectory) else {
        throw ApusError.input(
          "\(option) '\(path)' cannot be written: there is no folder '\(folder)'", help: "make it: mkdir -p '\(folder)'"
        )
      }
      guard isDirectory.boolValue else {
        throw ApusError.input("\(option) '\(path)' cannot be written: '\(folder)' is a file")
      }
      try checkAccess(folder, option, path)
    }
  }

  /// - Parameter sources: files and folders that are read.
  /// - Throws: `ApusError` if `path` is one of them: what is read must not be overwritten.
  static func check(_ path: String, _ option: String, isNone sources: [String?]) throws {
    func place(_ path: String) -> String {
      URL(fileURLWithPath: (path as NSString).expandingTildeInPath).resolvingSymlinksInPath().standardizedFileURL.path
    }
    for source in sources.compactMap(\.self)
    where FileManager.default.fileExists(atPath: (source as NSString).expandingTildeInPath)
      && place(source) == place(path)
    {
      throw ApusError.input(
        "\(option) '\(path)' would overwrite what is read", help: "write to another file than '\(source)'")
    }
  }

  /// - Throws: `ApusError` if the folder `path` does not exist and cannot be made, or cannot be written into.
  ///   It is made if need be, as `mkdir -p` would.
  static func makeFolder(_ path: String, _ option: String) throws {
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue {
      throw ApusError.input("\(option) '\(path)' is a file; a folder's name is wanted")
    }
    do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
      throw ApusError.input("\(option) '\(path)': the folder cannot be made")
    }
    try checkAccess(path, option, path)
  }

  private static func parent(_ path: String) -> String {
    let folder = (path as NSString).deletingLastPathComponent
    return folder.isEmpty ? "." : folder
  }

  private static func checkAccess(_ place: String, _ option: String, _ path: String) throws {
    guard access(place, W_OK) == 0 else {
      throw ApusError.input("\(option) '\(path)' cannot be written: \(String(cString: strerror(errno)))")
    }
  }
}
