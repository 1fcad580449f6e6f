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
    if let encoding {
      if paths.isEmpty { return (try Tensor(uninitialized: .u8, [0, encoding.height, encoding.width]), encoding) }
      let rows = try paths.map { path in
        let picture = try encoding.read(path)
        return try picture.reshaped([1] + picture.dimensions)
      }
      return (try Tensor.joiningRows(rows), encoding)
    }
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
    if pictures.isEmpty { return (try Tensor(uninitialized: .u8, [0, 1, 1]), found) }
    let joined = try Tensor.joiningRows(
      pictures.map { picture in
        let picture = try Picture.converted(picture, channels: channels)
        return try picture.reshaped([1, size[0], size[1]] + (channels == 1 ? [] : [channels]))
      })
    return (joined, found)
  }
}
