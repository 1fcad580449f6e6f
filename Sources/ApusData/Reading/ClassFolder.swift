import ApusCore
import Foundation

/// A folder with files in a folder for each class: `FOLDER/CLASS/file`, or further down: `FOLDER/CLASS/2024/file`.
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
  /// Files in order of classes and paths, with the class's number.
  let files: [(path: String, label: Int)]

  var paths: [String] { files.map(\.path) }
  var labels: Tensor { Tensor(files.map { Int32($0.label) }) }

  /// - Parameters:
  ///   - classNames: the classes that there are already; the folder's own if nil.
  ///   - owner: whose classes they are, for messages.
  /// - Throws: `ApusError` for a folder without such files, a class without them, a class that is not one of
  ///   `classNames`, and folders that are parts of data, such as `train`, rather than classes.
  init(_ path: String, of content: Content, classNames: [String]? = nil, owner: String = "the model") throws {
    let folders = ClassFolder.folders(in: path)
    guard !folders.allSatisfy(ClassFolder.partNames.contains) || folders.isEmpty else {
      let names = folders.joined(separator: ", ")
      throw ApusError.file(
        path, "holds parts of data rather than classes: \(names)",
        help:
          "give the folder of a part: \(FileGroup.join(path, folders[0])); parts 'train' and 'test' are read together")
    }
    var files: [(path: String, label: Int)] = []
    let names = classNames ?? folders
    for folder in folders {
      guard let label = names.firstIndex(of: folder) else {
        throw ApusError.file(
          path, "'\(folder)' is not a class of \(owner)",
          help: Suggestion.didYouMean(folder, among: names) ?? "its classes are " + names.joined(separator: ", "))
      }
      let (found, leftOut) = ClassFolder.tree(FileGroup.join(path, folder), of: content)
      guard !found.isEmpty else {
        throw ApusError.file(
          FileGroup.join(path, folder),
          "holds no \(content.name)" + (leftOut.count > 0 ? "; its files are \(leftOut.text)" : ""),
          help: "each folder is a class: \(content.endings)")
      }
      files += found.map { ($0, label) }
    }
    guard !files.isEmpty else {
      throw ApusError.file(path, "holds no folders of \(content.name)", help: "one a class: \(content.example)")
    }
    (self.path, self.classNames, self.files) = (path, names, files)
  }

  /// Names that parts of data have. A folder of such parts alone does not hold classes.
  private static let partNames: Set = ["train", "training", "test", "testing", "val", "valid", "validation", "dev"]

  private static func folders(in path: String) -> [String] {
    Directory.entries(of: path).filter { !$0.hasPrefix(".") && BinaryFile.isDirectory(FileGroup.join(path, $0)) }
  }

  /// Paths of the files in a folder, in order of their names.
  static func files(in folder: String, of content: Content) -> [String] {
    Directory.entries(of: folder).filter { !$0.hasPrefix(".") && content.includes($0) }
      .map { FileGroup.join(folder, $0) }
  }

  /// Paths of the files below a folder, in order, and what there is of other kinds.
  private static func tree(_ folder: String, of content: Content) -> (files: [String], leftOut: LeftOutFiles) {
    var files: [String] = []
    var leftOut = LeftOutFiles()
    FileTree.forEach(below: folder) { entry in
      switch entry {
      case .file(let path) where content.includes(path): files.append(path)
      case .file(let path): leftOut.add(path)
      case .link: leftOut.addLink()
      }
      return true
    }
    return (files.sorted(), leftOut)
  }

  /// What a folder holds beside the samples: other files in folders of classes and beside these, or beside files that have
  /// no classes.
  static func leftOut(in path: String, of content: Content) -> LeftOutFiles {
    let hasClasses = isOne(path, of: content) || isOne(path, of: content, below: true)
    var result = LeftOutFiles()
    for name in Directory.entries(of: path) where !name.hasPrefix(".") {
      let entry = FileGroup.join(path, name)
      if BinaryFile.exists(entry), hasClasses || !content.includes(name) { result.add(name) }
    }
    if hasClasses {
      for folder in folders(in: path) { result.add(tree(FileGroup.join(path, folder), of: content).leftOut) }
    }
    return result
  }

  /// All files below the folders in a folder, for messages about a folder without data.
  static func kinds(below path: String) -> LeftOutFiles {
    var result = LeftOutFiles()
    for folder in folders(in: path) {
      FileTree.forEach(below: FileGroup.join(path, folder)) { entry in
        if case .file(let path) = entry { result.add(path) }
        return result.count < 100_000
      }
    }
    return result
  }

  /// Whether the folder has a folder with such files in it.
  /// - Parameter below: whether the files may be in folders of that folder, too.
  static func isOne(_ path: String, of content: Content, below: Bool = false) -> Bool {
    folders(in: path).contains { folder in
      let folder = FileGroup.join(path, folder)
      guard below else { return !files(in: folder, of: content).isEmpty }
      var isFound = false
      FileTree.forEach(below: folder) { entry in
        if case .file(let path) = entry, content.includes(path) { isFound = true }
        return !isFound
      }
      return isFound
    }
  }

  /// Whether it is one twice: `FOLDER/train/CLASS/file` and `FOLDER/test/CLASS/file`.
  static func hasParts(_ path: String, of content: Content, below: Bool) -> Bool {
    ["train", "test"].allSatisfy { isOne(FileGroup.join(path, $0), of: content, below: below) }
  }
}
