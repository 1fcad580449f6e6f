import ApusCore
import Foundation

/// What data there are at a path.
enum DataKind {
  /// A set of `DatasetRegistry`.
  case named
  /// A folder with MNIST's files, or CIFAR-10's.
  case idx, cifar10
  /// Keras's `imdb.npz`, or a folder with it.
  case imdb
  case npz, npy
  /// Text, a row a sample.
  case table
  /// A folder with a folder of pictures for each class.
  case pictures
  /// The same twice, in `train` and `test`.
  case parts
  /// One picture, or a folder of them.
  case picture, loosePictures
  /// A folder with a folder of texts for each class; the same twice; one text, or a folder of them.
  case texts, textParts, text, looseTexts

  /// As in "a table".
  var text: String {
    switch self {
    case .named, .idx, .cifar10, .imdb: "a published data set"
    case .npz, .npy: "a file of arrays"
    case .table: "a table"
    case .pictures, .parts, .picture, .loosePictures: "pictures"
    case .texts, .textParts, .text, .looseTexts: "texts"
    }
  }

  /// Whether the data are pictures, or texts in files.
  var isPictures: Bool { [.pictures, .parts, .picture, .loosePictures].contains(self) }
  var isTexts: Bool { [.texts, .textParts, .text, .looseTexts].contains(self) }
  /// Whether the data are a published set, in its own form.
  var isPublished: Bool { [.named, .idx, .cifar10, .imdb].contains(self) }

  /// - Parameter encoding: how the inputs of a model that is there are made. A `.txt` file is a text to a model of texts, and
  ///   else a table.
  /// - Throws: `ApusError` for a path that does not exist, and for data of no known kind.
  init(of nameOrPath: String, for encoding: InputEncoding? = nil) throws {
    let path = (nameOrPath as NSString).expandingTildeInPath
    if DatasetRegistry.all.contains(where: { $0.name == nameOrPath }) {
      self = .named
    } else if IMDB.file(at: path) != nil {
      self = .imdb
    } else if BinaryFile.isDirectory(path) {
      self = try DataKind(ofFolder: path)
    } else if BinaryFile.exists(path) {
      let isText = ClassFolder.Content.texts.includes(path) && encoding?.texts != nil && encoding?.table == nil
      self = isText ? .text : try DataKind(ofFile: path)
    } else {
      throw DataKind.nothing(at: nameOrPath)
    }
  }

  private init(ofFile path: String) throws {
    switch (path as NSString).pathExtension.lowercased() {
    case "npz": self = .npz
    case "npy": self = .npy
    case "csv", "tsv", "txt", "data": self = .table
    case let ending where Picture.endings.contains(ending): self = .picture
    default:
      throw ApusError.file(
        path, "its ending says no kind of data that is read",
        help: ".npz, .npy, .csv, .tsv, .png and .jpg are read, and folders")
    }
  }

  private init(ofFolder path: String) throws {
    if DatasetFiles.missing(in: path).count < DatasetFiles.names.count {
      self = .idx
    } else if CIFAR10.missing(in: path).count < CIFAR10.trainNames.count + 1 {
      self = .cifar10
    } else if let kind = DataKind(ofFiles: path, below: false) ?? DataKind(ofFiles: path, below: true) {
      self = kind
    } else {
      let found = Directory.entries(of: path).prefix(5).joined(separator: ", ")
      let kinds = ClassFolder.kinds(below: path)
      throw ApusError.file(
        path,
        found.isEmpty
          ? "is an empty folder"
          : "holds no data of a known kind; it holds \(found)"
            + (kinds.count > 0 ? ", and in its folders \(kinds.text)" : ""),
        help: "a folder of data holds a folder of pictures or of texts for each class, or the four files "
          + DatasetFiles.names.joined(separator: ", ") + ", plain or packed with gzip, or CIFAR-10's "
          + CIFAR10.trainNames[0] + " … " + CIFAR10.testName)
    }
  }

  /// The kind of a folder that holds pictures or texts.
  /// - Parameter below: whether they may be in folders of the folders of classes, too: those that are not are looked for
  ///   first, so that a picture somewhere among texts does not make them pictures.
  private init?(ofFiles path: String, below: Bool) {
    let kind =
      DataKind(ofClasses: path, below, .pictures, parts: .parts, classes: .pictures, loose: .loosePictures)
      ?? DataKind(ofClasses: path, below, .texts, parts: .textParts, classes: .texts, loose: .looseTexts)
    guard let kind else { return nil }
    self = kind
  }

  /// The kind of a folder that holds such files by class, or files alone; nil if it does not.
  private init?(
    ofClasses path: String, _ below: Bool, _ content: ClassFolder.Content, parts: DataKind, classes: DataKind,
    loose: DataKind
  ) {
    if ClassFolder.hasParts(path, of: content, below: below) {
      self = parts
    } else if ClassFolder.isOne(path, of: content, below: below) {
      self = classes
    } else if !ClassFolder.files(in: path, of: content).isEmpty {
      self = loose
    } else {
      return nil
    }
  }

  private static func nothing(at nameOrPath: String) -> ApusError {
    let names = DatasetRegistry.all.map(\.name)
    if nameOrPath.contains("/") || nameOrPath.contains(".") {
      return .file(
        nameOrPath, "the file or folder does not exist",
        help: "data are a folder, a .csv, .npz or .npy file, or one of " + names.joined(separator: ", "))
    }
    let list = "known are " + names.joined(separator: ", ") + "; or give a folder or a file"
    let guess = Suggestion.didYouMean(nameOrPath, among: names)
    return .input(
      "there is no data set, file or folder '\(nameOrPath)'",
      help: [guess, list].compactMap(\.self).joined(separator: " "))
  }
}
