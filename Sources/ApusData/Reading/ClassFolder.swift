import ApusCore
import Foundation

/// A folder with files in a folder for each class: `FOLDER/CLASS/file`.
struct ClassFolder {
  /// What the files hold.
  struct Content: Sendable {
    /// As in "holds no pictures".
    let name: String
    /// An example of a path.
    let example: String
    let endings: String
    /// Whether a file of this name is one.
    let includes: @Sendable (String) -> Bool

    static let pictures = Content(
      name: "pictures", example: "FOLDER/CLASS/picture.png", endings: ".png, .jpg or .jpeg files",
      includes: Picture.isPicture)
    static let texts = Content(
      name: "texts", example: "FOLDER/CLASS/text.txt", endings: ".txt files",
      includes: { ($0 as NSString).pathExtension.lowercased() == "txt" })
  }

  let path: String
  /// The names of the folders, in order: the classes.
  let classNames: [String]
  /// Files in order of classes and names, with the class's number.
  let files: [(path: String, label: Int)]

  var paths: [String] { files.map(\.path) }
  var labels: Tensor { Tensor(files.map { Int32($0.label) }) }

  /// - Parameters:
  ///   - classNames: the classes that there are already; the folder's own if nil.
  ///   - owner: whose classes they are, for messages.
  /// - Throws: `ApusError` for a folder without such files, a class without them, and a class that is not one of
  ///   `classNames`.
  init(_ path: String, of content: Content, classNames: [String]? = nil, owner: String = "the model") throws {
    let folders = ClassFolder.folders(in: path)
    var files: [(path: String, label: Int)] = []
    let names = classNames ?? folders
    for folder in folders {
      guard let label = names.firstIndex(of: folder) else {
        throw ApusError.file(
          path, "'\(folder)' is not a class of \(owner)",
          help: Suggestion.didYouMean(folder, among: names) ?? "its classes are " + names.joined(separator: ", "))
      }
      let found = ClassFolder.files(in: FileGroup.join(path, folder), of: content)
      guard !found.isEmpty else {
        throw ApusError.file(
          FileGroup.join(path, folder), "holds no \(content.name)",
          help: "each folder is a class: \(content.endings)")
      }
      files += found.map { ($0, label) }
    }
    guard !files.isEmpty else {
      throw ApusError.file(path, "holds no folders of \(content.name)", help: "one a class: \(content.example)")
    }
    (self.path, self.classNames, self.files) = (path, names, files)
  }

  private static func folders(in path: String) -> [String] {
    Directory.entries(of: path).filter { !$0.hasPrefix(".") && BinaryFile.isDirectory(FileGroup.join(path, $0)) }
  }

  /// Paths of the files in a folder, in order of their names.
  static func files(in folder: String, of content: Content) -> [String] {
    Directory.entries(of: folder).filter { !$0.hasPrefix(".") && content.includes($0) }
      .map { FileGroup.join(folder, $0) }
  }

  /// Whether the folder has a folder with such files in it.
  static func isOne(_ path: String, of content: Content) -> Bool {
    folders(in: path).contains { !files(in: FileGroup.join(path, $0), of: content).isEmpty }
  }

  /// Whether it is one twice: `FOLDER/train/CLASS/file` and `FOLDER/test/CLASS/file`.
  static func hasParts(_ path: String, of content: Content) -> Bool {
    ["train", "test"].allSatisfy { isOne(FileGroup.join(path, $0), of: content) }
  }
}
