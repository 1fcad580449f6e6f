import ApusCore

/// Pictures of one shape, of files.
enum PictureFolder {
  /// All pictures of a folder with a folder for each class, and how they were brought to one shape.
  static func samples(
    _ folder: ClassFolder, _ encoding: PictureEncoding?, _ choices: DataChoices
  ) throws -> (Samples, PictureEncoding) {
    let (inputs, encoding) = try read(folder.paths, encoding, choices)
    let samples = Samples(
      name: folder.path, inputs: inputs, targets: folder.labels, classNames: folder.classNames,
      origin: .files(folder.paths))
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
