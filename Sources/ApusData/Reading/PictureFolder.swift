import ApusCore
import Foundation

/// A folder with pictures in a folder for each class: `FOLDER/CLASS/picture.png`.
struct PictureFolder {
  let path: String
  /// The names of the folders with pictures, in order: the classes.
  let classNames: [String]
  /// Pictures in order of classes and names, with the class's number.
  private let files: [(path: String, label: Int)]

  /// - Parameter classNames: the classes of the data that the model was trained on; the folder's own if nil.
  /// - Throws: `ApusError` for a folder without pictures, a class without them, and a class that is not one of
  ///   `classNames`.
  init(_ path: String, classNames: [String]? = nil) throws {
    self.path = path
    let folders = Directory.entries(of: path).filter {
      !$0.hasPrefix(".") && BinaryFile.isDirectory(FileGroup.join(path, $0))
    }
    var files: [(path: String, label: Int)] = []
    let names = classNames ?? folders
    for folder in folders {
      guard let label = names.firstIndex(of: folder) else {
        throw ApusError.file(
          path, "'\(folder)' is not a class of the model",
          help: Suggestion.didYouMean(folder, among: names) ?? "its classes are " + names.joined(separator: ", "))
      }
      let pictures = PictureFolder.pictures(in: FileGroup.join(path, folder))
      guard !pictures.isEmpty else {
        throw ApusError.file(
          FileGroup.join(path, folder), "holds no pictures", help: "each folder is a class: .png, .jpg or .jpeg files")
      }
      files += pictures.map { ($0, label) }
    }
    guard !files.isEmpty else {
      throw ApusError.file(path, "holds no folders of pictures", help: "one a class: FOLDER/CLASS/picture.png")
    }
    self.classNames = names
    self.files = files
  }

  /// Paths of the pictures in a folder, in order of their names.
  static func pictures(in folder: String) -> [String] {
    Directory.entries(of: folder).filter { !$0.hasPrefix(".") && Picture.isPicture($0) }
      .map { FileGroup.join(folder, $0) }
  }

  /// Whether the folder has a folder with pictures in it.
  static func isOne(_ path: String) -> Bool {
    Directory.entries(of: path).contains { name in
      let folder = FileGroup.join(path, name)
      return !name.hasPrefix(".") && BinaryFile.isDirectory(folder) && !pictures(in: folder).isEmpty
    }
  }

  /// All pictures, and how they were brought to one shape.
  func samples(_ encoding: PictureEncoding?, _ choices: DataChoices) throws -> (Samples, PictureEncoding) {
    let (inputs, encoding) = try PictureFolder.read(files.map(\.path), encoding, choices)
    let samples = Samples(
      name: path, inputs: inputs, targets: Tensor(files.map { Int32($0.label) }), classNames: classNames,
      origin: .files(files.map(\.path)))
    return (samples, encoding)
  }

  /// Pictures as one tensor: `u8[count, height, width]` in gray, `u8[count, height, width, 3]` in colors.
  /// - Parameter encoding: the shape to bring them to; chosen if nil.
  /// - Throws: `ApusError` that names the first picture of another size, if no size is given.
  static func read(
    _ paths: [String], _ encoding: PictureEncoding?, _ choices: DataChoices
  ) throws -> (Tensor, PictureEncoding) {
    if let encoding { return (try joined(paths.map { try encoding.read($0) }), encoding) }
    var pictures: [Tensor] = []
    for path in paths {
      var picture = try Picture.read(path)
      if choices.color == .gray { picture = try Picture.converted(picture, channels: 1) }
      if let size = choices.imageSize { picture = try Picture.resized(picture, height: size[0], width: size[1]) }
      if let first = pictures.first, first.dimensions[0..<2] != picture.dimensions[0..<2] {
        let (a, b) = (first.dimensions, picture.dimensions)
        throw ApusError.file(
          path, "is \(b[0])×\(b[1]) (height × width), but \(paths[0]) is \(a[0])×\(a[1])",
          help: "choose a size for all", commandHelp: "choose a size for all: --image-size \(a[0]),\(a[1])")
      }
      pictures.append(picture)
    }
    let channels = choices.color == .rgb || pictures.contains { $0.dimensions[2] == 3 } ? 3 : 1
    let size = pictures.first?.dimensions ?? [1, 1]
    let found = PictureEncoding(height: size[0], width: size[1], channels: channels)
    let joined = try joined(
      pictures.map { picture in
        let picture = try Picture.converted(picture, channels: channels)
        return channels == 1 ? try picture.reshaped([size[0], size[1]]) : picture
      })
    return (joined, found)
  }

  private static func joined(_ pictures: [Tensor]) throws -> Tensor {
    var result = try Tensor(uninitialized: .u8, [pictures.count] + (pictures.first?.dimensions ?? []))
    result.withUnsafeMutableBytes { target in
      var offset = 0
      for picture in pictures {
        picture.withUnsafeBytes { target[offset..<offset + $0.count].copyBytes(from: $0) }
        offset += picture.byteCount
      }
    }
    return result
  }
}
