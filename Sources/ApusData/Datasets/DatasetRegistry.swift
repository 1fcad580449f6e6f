import ApusCore
import Foundation

/// The data sets known by name.
public enum DatasetRegistry {
  /// In the order in which they are listed.
  public static let all: [NamedDataset] = [
    NamedDataset(
      name: "fashion-mnist",
      summary: "60,000 + 10,000 gray images of clothes, 28x28, 10 classes (Xiao, Rasul, Vollgraf 2017)",
      classNames: [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
      ],
      directories: directories("fashion-mnist"), package: "dataset-fashion-mnist"),
    NamedDataset(
      name: "mnist",
      summary: "60,000 + 10,000 gray images of handwritten digits, 28x28, 10 classes (LeCun, Cortes, Burges 1998)",
      classNames: (0..<10).map(String.init), directories: directories("mnist")),
    NamedDataset(
      name: "cifar-10",
      summary: "50,000 + 10,000 pictures in colors, 32x32, 10 classes (Krizhevsky 2009), the binary version",
      classNames: CIFAR10.classNames,
      directories: directories("cifar-10") + directories("cifar-10").map { $0 + "/cifar-10-batches-bin" },
      format: .cifar10),
    NamedDataset(
      name: "imdb", summary: "25,000 + 25,000 film reviews as numbers of words, 2 classes (Maas and others 2011)",
      classNames: IMDB.classNames, directories: directories("imdb"), format: .imdb),
  ]

  /// Loads a data set by its name, or from a directory that holds the four files of MNIST's format, plain or packed
  /// with gzip, the six of CIFAR-10's, or Keras's `imdb.npz`. `DataReader` reads everything else.
  /// - Throws: `ApusError` for an unknown name (with the nearest one and the list), for a set that is not installed
  ///   (with the way to install it), for files that are missing, damaged or do not belong together, and for data that are
  ///   no such set.
  public static func load(
    _ nameOrDirectory: String, _ sequences: SequenceEncoding = SequenceEncoding()
  ) throws -> DatasetSplits {
    try load(DataKind(of: nameOrDirectory), nameOrDirectory, sequences)
  }

  /// - Parameter kind: what is at the path.
  static func load(_ kind: DataKind, _ nameOrPath: String, _ sequences: SequenceEncoding) throws -> DatasetSplits {
    let path = (nameOrPath as NSString).expandingTildeInPath
    let name = (path as NSString).lastPathComponent
    switch kind {
    case .named:
      guard let known = all.first(where: { $0.name == nameOrPath }) else {
        throw ApusError.defect("'\(nameOrPath)' is not a name of a data set")
      }
      return try known.load(sequences)
    case .imdb: return try IMDB.load(IMDB.file(at: path) ?? path, name: "imdb", sequences)
    case .cifar10: return try CIFAR10.load(folder: path, name: name)
    // A directory says nothing about what its classes are called, not even by its own name.
    case .idx: return try DatasetFiles.load(directory: path, name: name, classNames: [])
    default:
      throw ApusError.file(
        path, "holds \(kind.text), which is not a published data set", help: "DataReader.load reads such data",
        commandHelp: "a data directory holds " + DatasetFiles.names.joined(separator: ", "))
    }
  }

  /// Debian's place, the administrator's, the user's, the project's.
  private static func directories(_ name: String) -> [String] {
    [
      "/usr/share/datasets/\(name)", "/usr/local/share/datasets/\(name)", "~/.local/share/datasets/\(name)",
      "data/\(name)",
    ]
  }
}
