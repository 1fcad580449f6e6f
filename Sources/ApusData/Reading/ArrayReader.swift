import ApusCore

/// Samples from NumPy's files: NPZ with inputs and targets, or two of NPY.
enum ArrayReader {
  /// Names under which training and test parts are looked for, in this order.
  private static let usualParts = [
    ["x_train", "y_train", "x_test", "y_test"], ["train_images", "train_labels", "test_images", "test_labels"],
    ["X_train", "y_train", "X_test", "y_test"],
  ]
  /// Names under which inputs and targets are looked for.
  private static let usualPairs = [
    ["x", "y"], ["X", "y"], ["images", "labels"], ["inputs", "targets"], ["features", "labels"], ["data", "target"],
    ["data", "labels"],
  ]

  /// The arrays of an NPZ file that are inputs and targets, and those for testing.
  /// - Parameter known: the arrays that a model was trained on; nil if nothing was.
  static func parts(
    of path: String, _ choices: DataChoices, _ known: ArrayNames?
  ) throws -> (train: Samples, test: Samples?, ArrayNames) {
    let file = try NPZFile(path)
    if choices.features == nil, choices.target == nil, !chooses(known, in: file) {
      for names in usualParts where names.prefix(2).allSatisfy(file.names.contains) {
        let train = try file.samples(ArrayNames(inputs: names[0], targets: names[1]))
        let hasTest = names.suffix(2).allSatisfy(file.names.contains)
        let test = hasTest ? try file.samples(ArrayNames(inputs: names[2], targets: names[3])) : nil
        return (train, test, ArrayNames(inputs: names[0], targets: names[1]))
      }
    }
    let names = try arrayNames(file, choices, known)
    return (try file.samples(names), nil, names)
  }

  /// Whether a model was trained on arrays of a file that were chosen by name.
  private static func chooses(_ known: ArrayNames?, in file: NPZFile) -> Bool {
    guard let known, file.names.contains(known.inputs) else { return false }
    return !usualParts.contains { $0[0] == known.inputs }
  }

  /// The samples of an NPZ file to predict: those for testing, if the file has such a part.
  static func samples(of path: String, _ choices: DataChoices, _ known: ArrayNames?) throws -> Samples {
    let file = try NPZFile(path)
    if choices.features == nil, choices.target == nil, !chooses(known, in: file) {
      for parts in usualParts where file.names.contains(parts[2]) {
        return try file.samples(
          ArrayNames(inputs: parts[2], targets: file.names.contains(parts[3]) ? parts[3] : nil))
      }
    }
    return try file.samples(arrayNames(file, choices, known))
  }

  private static func arrayNames(
    _ file: NPZFile, _ choices: DataChoices, _ known: ArrayNames?
  ) throws -> ArrayNames {
    if choices.features == nil, choices.target == nil, let known, file.names.contains(known.inputs) {
      let targets = known.targets.flatMap { file.names.contains($0) ? $0 : nil }
      return ArrayNames(inputs: known.inputs, targets: targets)
    }
    if let features = choices.features {
      guard features.count == 1 else {
        throw ApusError.file(
          file.path, "inputs are one array, not \(features.count)", help: "its arrays are \(file.list)")
      }
      try file.require(features[0])
      if let target = choices.target { try file.require(target) }
      let targets = choices.target ?? usualPairs.first { $0[0] == features[0] && file.names.contains($0[1]) }?[1]
      return ArrayNames(inputs: features[0], targets: targets)
    }
    if let target = choices.target {
      try file.require(target)
      let others = file.names.filter { $0 != target }
      let usual = usualPairs.first { $0[1] == target && file.names.contains($0[0]) }?[0]
      if let inputs = usual ?? (others.count == 1 ? others[0] : nil) {
        return ArrayNames(inputs: inputs, targets: target)
      }
    } else if let pair = (usualPairs + usualParts).first(where: { $0.prefix(2).allSatisfy(file.names.contains) }) {
      return ArrayNames(inputs: pair[0], targets: pair[1])
    } else if file.names.count == 1 {
      return ArrayNames(inputs: file.names[0], targets: nil)
    }
    throw ApusError.file(
      file.path, "does not say which of its arrays are inputs and targets: it holds \(file.list)",
      help: "name them, or call them x and y, or x_train, y_train, x_test and y_test",
      commandHelp:
        "name them: --features NAME --target NAME; x and y, or x_train, y_train, x_test and y_test need no word")
  }

  /// An array of an NPZ file; nil if it has none of that name.
  static func array(_ name: String, in path: String) throws -> Tensor? {
    let file = try NPZFile(path)
    return file.names.contains(name) ? try file.array(name) : nil
  }

  /// The array of an NPY file, with another file's as its targets.
  static func samples(of path: String, target: String?) throws -> Samples {
    let inputs = try NPY.read(path)
    return try checked(
      Samples(
        name: path, inputs: inputs, targets: try target.map { try targets(NPY.read($0), $0) },
        origin: .array(target: nil)))
  }

  fileprivate static func checked(_ samples: Samples) throws -> Samples {
    guard samples.inputs.rank >= 1 else {
      throw ApusError.file(
        samples.name, "holds \(samples.inputs.type), which is not a row of samples",
        help: "samples are along the first axis: [count, …]")
    }
    guard samples.inputs.dtype != .bool else {
      throw ApusError.file(
        samples.name, "holds \(samples.inputs.type); inputs are numbers", help: "save it as x.astype('uint8')")
    }
    if let targets = samples.targets, targets.dimensions[0] != samples.count {
      throw ApusError.file(
        samples.name, "\(samples.count) samples have \(targets.dimensions[0]) targets",
        help: "each sample needs one: \(samples.inputs.type), \(targets.type)")
    }
    try checkFinite(samples.inputs, "input", of: samples.name)
    if let targets = samples.targets { try checkFinite(targets, "target", of: samples.name) }
    return samples
  }

  /// - Throws: `ApusError` that names the first sample with a number that is not finite: nothing can be learned from it, and
  ///   in a table it would be an error, too.
  private static func checkFinite(_ tensor: Tensor, _ what: String, of name: String) throws {
    guard tensor.dtype.isFloating, let index = tensor.firstNonFinite else { return }
    let width = max(1, tensor.count / max(1, tensor.dimensions[0]))
    var (rest, place) = (index % width, [Int]())
    for size in tensor.dimensions.dropFirst().reversed() { (place, rest) = ([rest % size] + place, rest / size) }
    throw ApusError.file(
      name,
      "the \(what) of sample \(index / width) holds \(tensor.doubles()[index].canonical)\(place.isEmpty ? "" : " at \(place)")",
      help: "give it a value, or leave the sample out: numpy.nan_to_num(x), or x[numpy.isfinite(x).all(axis=1)]")
  }

  /// Targets as losses take them: class numbers as bytes, `i32` or `i64`.
  fileprivate static func targets(_ tensor: Tensor, _ place: String) throws -> Tensor {
    guard tensor.rank >= 1 else { throw ApusError.file(place, "holds \(tensor.type); targets are [count, …]") }
    var tensor = tensor
    let shape = tensor.dimensions
    if tensor.dtype == .bool { tensor = try Tensor(tensor.elements(as: Bool.self).map { $0 ? UInt8(1) : 0 }, shape) }
    if tensor.dtype == .i8 { tensor = try Tensor(tensor.elements(as: Int8.self).map(Int32.init), shape) }
    return tensor
  }
}

/// An NPZ file whose arrays are read when they are asked for.
private struct NPZFile {
  let path: String
  let names: [String]
  private let archive: ZipArchive

  init(_ path: String) throws {
    self.path = path
    archive = try ZipArchive(contentsOf: path)
    names = archive.entries.map { $0.name.hasSuffix(".npy") ? String($0.name.dropLast(4)) : $0.name }
    guard !names.isEmpty else { throw ApusError.file(path, "holds no arrays", help: "numpy.savez(path, x=x, y=y)") }
  }

  var list: String { names.joined(separator: ", ") }

  func require(_ name: String) throws {
    guard !names.contains(name) else { return }
    throw ApusError.file(
      path, "has no array '\(name)'", help: Suggestion.didYouMean(name, among: names) ?? "its arrays are \(list)")
  }

  func samples(_ arrays: ArrayNames) throws -> Samples {
    try ArrayReader.checked(
      Samples(
        name: path, inputs: array(arrays.inputs),
        targets: try arrays.targets.map { try ArrayReader.targets(array($0), "\(path), array '\($0)'") },
        origin: .array(target: arrays.targets)))
  }

  func array(_ name: String) throws -> Tensor {
    try require(name)
    guard let entry = archive.entries.first(where: { $0.name == name + ".npy" }) else {
      throw ApusError.file(path, "its entry '\(name)' is not an array: names end in .npy")
    }
    return try NPY.parse(archive.contents(of: entry), path: "\(path), array '\(name)'")
  }
}

extension Tensor {
  /// The position in row-major order of the first element that is NaN or infinite.
  fileprivate var firstNonFinite: Int? {
    switch dtype {
    case .f32: withElements(as: Float.self) { $0.firstIndex { !$0.isFinite } }
    case .f64: withElements(as: Double.self) { $0.firstIndex { !$0.isFinite } }
    default: doubles().firstIndex { !$0.isFinite }
    }
  }
}
