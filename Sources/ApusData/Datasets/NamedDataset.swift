import ApusCore
import Foundation

/// A data set that can be loaded by name: where its files are, and what to do if they are missing.
public struct NamedDataset: Sendable {
  public var name: String
  public var summary: String
  public var classNames: [String]
  /// Where the files are looked for, in this order; `~` is the user's home.
  public var directories: [String]
  /// Debian's package that installs them, if there is one.
  public var package: String?
  public var format: Format

  /// The files that a set consists of.
  public enum Format: Sendable {
    /// The four files of MNIST, plain or packed with gzip.
    case idx
    /// The six files of CIFAR-10's binary version.
    case cifar10
    /// Keras's file of film reviews, lists of word numbers.
    case imdb

    /// The files that a folder lacks.
    func missing(in folder: String) -> [String] {
      switch self {
      case .idx: DatasetFiles.missing(in: folder)
      case .cifar10: CIFAR10.missing(in: folder)
      case .imdb: IMDB.file(at: folder) == nil ? [IMDB.fileName] : []
      }
    }

    var fileNames: String {
      switch self {
      case .idx: DatasetFiles.names.joined(separator: ", ") + " (or .gz)"
      case .cifar10: (CIFAR10.trainNames + [CIFAR10.testName]).joined(separator: ", ")
      case .imdb: IMDB.fileName
      }
    }

    func load(
      folder: String, name: String, classNames: [String], _ sequences: SequenceEncoding
    ) throws -> DatasetSplits {
      switch self {
      case .idx: try DatasetFiles.load(directory: folder, name: name, classNames: classNames)
      case .cifar10: try CIFAR10.load(folder: folder, name: name)
      case .imdb: try IMDB.load(FileGroup.join(folder, IMDB.fileName), name: name, sequences)
      }
    }
  }

  public init(
    name: String, summary: String, classNames: [String], directories: [String], package: String? = nil,
    format: Format = .idx
  ) {
    self.format = format
    self.name = name
    self.summary = summary
    self.classNames = classNames
    self.directories = directories
    self.package = package
  }

  /// Reads the data set from the first of its directories that holds all of its files.
  /// - Parameter sequences: how texts become samples, of sets that hold texts.
  /// - Throws: `ApusError` that names the directories, the files, and how to get them.
  public func load(_ sequences: SequenceEncoding = SequenceEncoding()) throws -> DatasetSplits {
    let places = directories.map { ($0 as NSString).expandingTildeInPath }
    for place in places where BinaryFile.isDirectory(place) {
      if format.missing(in: place).isEmpty {
        return try format.load(folder: place, name: name, classNames: classNames, sequences)
      }
    }
    let install = package.map { "apt-get install \($0)" }
    let other = "give the directory that holds \(format.fileNames): --data DIR"
    throw ApusError.input(
      "the data set '\(name)' is not installed: its files are not in " + places.joined(separator: ", "),
      help: [install, other].compactMap(\.self).joined(separator: ", or "))
  }
}

/// The four files that MNIST and the sets in its format consist of.
enum DatasetFiles {
  /// Names without `.gz`, in the order: images and labels for training, then for testing.
  static let names = [
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
  ]

  /// The path of one of the files, plain or packed; some collections write a point for the second hyphen.
  private static func path(of name: String, in directory: String) -> String? {
    let dotted = name.replacing("-idx", with: ".idx")
    return [name, name + ".gz", dotted, dotted + ".gz"]
      .map { (directory as NSString).appendingPathComponent($0) }.first(where: BinaryFile.exists)
  }

  static func missing(in directory: String) -> [String] { names.filter { path(of: $0, in: directory) == nil } }

  static func load(directory: String, name: String, classNames: [String]) throws -> DatasetSplits {
    let missing = missing(in: directory)
    guard missing.isEmpty else {
      throw ApusError.input(
        "\(directory): lacks " + missing.joined(separator: ", ") + " (or .gz)",
        help: "a data directory holds the four files " + names.joined(separator: ", ") + ", plain or packed with gzip")
    }
    let paths = names.map { path(of: $0, in: directory) ?? $0 }
    let train = try part(of: name, "train", images: paths[0], labels: paths[1], classNames)
    let test = try part(of: name, "test", images: paths[2], labels: paths[3], classNames)
    guard train.imageDimensions == test.imageDimensions else {
      throw ApusError.input(
        "\(paths[0]) holds images of shape \(Shape(train.imageDimensions)), \(paths[2]) of shape "
          + "\(Shape(test.imageDimensions))", help: "use the files of one data set")
    }
    return DatasetSplits(name: name, classNames: classNames, train: train, test: test)
  }

  private static func part(
    of name: String, _ part: String, images: String, labels: String, _ classNames: [String]
  ) throws -> Dataset {
    let part = try Dataset(
      name: "\(name) (\(part))", images: IDX.read(images), labels: IDX.read(labels), imagePlace: images,
      labelPlace: labels)
    if !classNames.isEmpty { try part.checkLabels(classes: classNames.count, of: "'\(name)'") }
    return part
  }
}
