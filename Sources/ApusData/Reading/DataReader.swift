import ApusCore
import Foundation

/// Reads data by what is at a path: a named set, a table, NumPy's arrays, pictures, texts.
///
/// | path | data |
/// |---|---|
/// | a name of `DatasetRegistry` | that set |
/// | `imdb.npz` | Keras's film reviews |
/// | `.npz` | arrays `x` and `y`, or `x_train`, `y_train`, `x_test`, `y_test`, or those that are named |
/// | `.npy` | inputs; the targets are another file |
/// | `.csv`, `.tsv` | a table: a row a sample |
/// | a folder | the files of MNIST or CIFAR-10, or pictures or texts in a folder for each class, or both parts in `train` and `test` |
public enum DataReader {
  /// Samples to train on, or to measure a model by.
  /// - Parameters:
  ///   - encoding: how the inputs of a model that is there are made; chosen by the data if nil.
  ///   - classNames: the classes of that model; those of the data if empty.
  /// - Throws: `ApusError` that names the file, the place in it, and what would be right.
  public static func load(
    _ nameOrPath: String, _ choices: DataChoices = DataChoices(), encoding: InputEncoding? = nil,
    classNames: [String] = []
  ) throws -> LoadedData {
    try check(choices)
    let kind = try DataKind(of: nameOrPath, for: encoding)
    var data = try load(kind, nameOrPath, choices, encoding, classNames.isEmpty ? nil : classNames)
    guard let weights = choices.sampleWeights else { return data }
    // The weights of a table may be one of its columns.
    if kind != .table {
      data = try data.weighted(
        by: weightsOutside(weights, of: nameOrPath, kind), isDivided: choices.testFraction > 0,
        testing: choices.weighsTest)
    }
    data.encoding = data.encoding ?? InputEncoding()
    data.encoding?.sampleWeights = weights
    return data
  }

  /// Weights of samples that are not read here: a number for each, from a file.
  /// - Parameter name: what messages call the samples.
  /// - Throws: `ApusError` if there is no such file, or it does not hold as many weights.
  package static func sampleWeights(_ path: String, count: Int, of name: String) throws -> Tensor {
    try SampleWeights(path, in: nil).weights(at: Array(0..<count), of: count, in: name)
  }

  /// Weights that are an array of an NPZ file, or another file.
  private static func weightsOutside(_ name: String, of nameOrPath: String, _ kind: DataKind) throws -> SampleWeights {
    try SampleWeights(name, in: kind == .npz ? (nameOrPath as NSString).expandingTildeInPath : nil)
  }

  private static func load(
    _ kind: DataKind, _ nameOrPath: String, _ choices: DataChoices, _ encoding: InputEncoding?, _ known: [String]?
  ) throws -> LoadedData {
    let path = (nameOrPath as NSString).expandingTildeInPath
    switch kind {
    case .named, .idx, .cifar10, .imdb:
      let sequences = encoding?.sequences ?? choices.sequences
      let splits = try DatasetRegistry.load(kind, nameOrPath, sequences)
      return LoadedData(
        name: splits.name, kind: "data set", train: splits.train, test: splits.test, classNames: splits.classNames,
        encoding: splits.train.inputs.dtype == .u8 ? nil : InputEncoding(sequences: sequences))
    case .npz:
      try encoding?.table?.checkReadsArrays(path)
      let (train, test, names) = try ArrayReader.parts(of: path, choices, encoding?.arrays)
      return try loaded("NPZ file", train, test: test, InputEncoding(arrays: names), choices)
    case .npy:
      guard let target = choices.target else {
        throw ApusError.file(
          path, "holds inputs; their targets are another NPY file", help: "name it as the target",
          commandHelp: "--target FILE.npy")
      }
      try encoding?.table?.checkReadsArrays(path)
      return try loaded("NPY files", ArrayReader.samples(of: path, target: target), nil, choices)
    case .table:
      let table = try TextTable(contentsOf: path, choices)
      let rows = try parts(of: table.rowCount, mixes: choices.mixes ?? false, choices)
      let tableEncoding = try encoding?.table ?? TableEncoding(table, rows: rows.train, choices)
      let weights = try choices.sampleWeights.map { try SampleWeights($0, in: table) }
      var train = try tableEncoding.samples(table, rows: rows.train).weighted(by: weights, of: table.rowCount)
      var test = try rows.test.map {
        try tableEncoding.samples(table, rows: $0).weighted(by: weights, of: table.rowCount)
      }
      let texts = try vectorize(&train, &test, encoding?.texts, choices)
      return LoadedData(
        name: train.name, kind: "table", train: try train.labeled(), test: try test?.labeled(),
        classNames: train.classNames,
        encoding: InputEncoding(table: tableEncoding, texts: texts, split: DataSplit(choices)))
    case .pictures:
      let folder = try ClassFolder(path, of: .pictures, classNames: known)
      let (samples, encoding) = try PictureFolder.samples(folder, encoding?.pictures, choices)
      return try loaded("pictures by class", samples, InputEncoding(pictures: encoding), choices, isSorted: true)
    case .parts:
      let folders = try parts(of: path, .pictures, known)
      let (train, encoding) = try PictureFolder.samples(folders.train, encoding?.pictures, choices)
      let (test, _) = try PictureFolder.samples(folders.test, encoding, choices)
      return try loaded(
        "pictures by class", train, test: test, InputEncoding(pictures: encoding), choices, isSorted: true)
    case .texts:
      let samples = try texts(of: ClassFolder(path, of: .texts, classNames: known))
      return try loaded("texts by class", samples, InputEncoding(texts: encoding?.texts), choices, isSorted: true)
    case .textParts:
      let folders = try parts(of: path, .texts, known)
      return try loaded(
        "texts by class", texts(of: folders.train), test: texts(of: folders.test),
        InputEncoding(texts: encoding?.texts), choices, isSorted: true)
    case .looseTexts, .text:
      throw ApusError.file(
        path, "holds texts without classes, so a model cannot be trained on them",
        help: "give a folder that holds a folder of texts for each class: \(ClassFolder.Content.texts.example)")
    case .loosePictures, .picture:
      throw ApusError.file(
        path, "holds pictures without classes, so a model cannot be trained on them",
        help: "give a folder that holds a folder of pictures for each class: FOLDER/CLASS/picture.png")
    }
  }

  /// Samples to predict, with targets or without: the test part, if the data have one.
  /// - Parameters:
  ///   - encoding: that of the model; chosen by the data if nil.
  ///   - classNames: those of the model; those of the data if empty.
  /// - Throws: as `load`; and `ApusError` that names what the model reads and the data lack.
  public static func samples(
    _ nameOrPath: String, _ choices: DataChoices = DataChoices(), encoding: InputEncoding? = nil,
    classNames: [String] = []
  ) throws -> Samples {
    try check(choices)
    let kind = try DataKind(of: nameOrPath, for: encoding)
    let samples = try Self.samples(kind, nameOrPath, choices, encoding, classNames.isEmpty ? nil : classNames)
    guard let weights = choices.sampleWeights, kind != .table else { return samples }
    return try samples.weighted(by: weightsOutside(weights, of: nameOrPath, kind))
  }

  private static func samples(
    _ kind: DataKind, _ nameOrPath: String, _ choices: DataChoices, _ encoding: InputEncoding?, _ known: [String]?
  ) throws -> Samples {
    let path = (nameOrPath as NSString).expandingTildeInPath
    switch kind {
    case .named, .idx, .cifar10, .imdb:
      let splits = try DatasetRegistry.load(kind, nameOrPath, encoding?.sequences ?? choices.sequences)
      return Samples(
        name: splits.name, inputs: splits.test.inputs, targets: splits.test.targets, classNames: splits.classNames)
    case .npz:
      try encoding?.table?.checkReadsArrays(path)
      return try ArrayReader.samples(of: path, choices, encoding?.arrays)
    case .npy:
      try encoding?.table?.checkReadsArrays(path)
      return try ArrayReader.samples(of: path, target: choices.target)
    case .table:
      let table = try TextTable(contentsOf: path, choices)
      let all = Array(0..<table.rowCount)
      let weights = try choices.sampleWeights.map { try SampleWeights($0, in: table) }
      let samples = try (encoding?.table ?? TableEncoding(table, rows: all, choices, needsTarget: false)).samples(
        table, needsTargets: false
      ).weighted(by: weights, of: table.rowCount)
      return try vectorized(samples, encoding?.texts, choices)
    case .pictures, .parts:
      let place = kind == .parts ? FileGroup.join(path, "test") : path
      let folder = try ClassFolder(place, of: .pictures, classNames: known)
      return try PictureFolder.samples(folder, encoding?.pictures, choices).0
    case .loosePictures, .picture:
      let paths = kind == .picture ? [path] : ClassFolder.files(in: path, of: .pictures)
      let (inputs, _) = try PictureFolder.read(paths, encoding?.pictures, choices)
      return Samples(name: path, inputs: inputs, targets: nil, origin: .files(paths))
    case .texts, .textParts:
      let place = kind == .textParts ? FileGroup.join(path, "test") : path
      let samples = try texts(of: ClassFolder(place, of: .texts, classNames: known))
      return try vectorized(samples, encoding?.texts, choices)
    case .looseTexts, .text:
      let paths = kind == .text ? [path] : ClassFolder.files(in: path, of: .texts)
      let samples = try Samples(
        name: path, texts: paths.map(TextFile.read), targets: nil, origin: .files(paths))
      return try vectorized(samples, encoding?.texts, choices)
    }
  }

  /// The folders of both parts. Classes are those of a model, or of the part for training.
  private static func parts(
    of path: String, _ content: ClassFolder.Content, _ known: [String]?
  ) throws -> (train: ClassFolder, test: ClassFolder) {
    let train = try ClassFolder(FileGroup.join(path, "train"), of: content, classNames: known)
    let test = try ClassFolder(
      FileGroup.join(path, "test"), of: content, classNames: train.classNames,
      owner: known == nil ? "the part for training" : "the model")
    return (train, test)
  }

  private static func texts(of folder: ClassFolder) throws -> Samples {
    try Samples(
      name: folder.path, texts: folder.paths.map(TextFile.read), targets: folder.labels, classNames: folder.classNames,
      origin: .files(folder.paths))
  }

  private static func vectorized(
    _ samples: Samples, _ known: TextVectorization?, _ choices: DataChoices
  ) throws -> Samples {
    var (samples, none) = (samples, Samples?.none)
    _ = try vectorize(&samples, &none, known, choices)
    return samples
  }

  /// Gives texts their numbers, if there are texts: those of a model's vocabulary, or of one that is learned of the samples
  /// for training.
  /// - Returns: how.
  private static func vectorize(
    _ train: inout Samples, _ test: inout Samples?, _ known: TextVectorization?, _ choices: DataChoices
  ) throws -> TextVectorization? {
    guard let texts = train.texts else { return nil }
    let vectorization: TextVectorization
    do { vectorization = try known ?? choices.texts.fitted(to: texts) } catch let error as ApusError {
      throw ApusError.file(train.name, error.message, help: error.diagnostics.first?.help)
    }
    train = try train.vectorized(by: vectorization)
    test = try test?.vectorized(by: vectorization)
    return vectorization
  }

  private static func loaded(
    _ kind: String, _ samples: Samples, test: Samples? = nil, _ encoding: InputEncoding?, _ choices: DataChoices,
    isSorted: Bool = false
  ) throws -> LoadedData {
    guard test == nil || choices.testFraction == 0 else {
      throw ApusError.file(
        samples.name, "has samples for testing already", help: "no part of those for training is needed",
        commandHelp: "leave --test-split out")
    }
    let rows = try parts(of: samples.count, mixes: choices.mixes ?? isSorted, choices)
    var train = try samples.gather(rows: rows.train)
    var test = try test ?? rows.test.map { try samples.gather(rows: $0) }
    var encoding = encoding
    if let texts = try vectorize(&train, &test, encoding?.texts, choices) { encoding?.texts = texts }
    if let split = DataSplit(choices) {
      encoding = encoding ?? InputEncoding()
      encoding?.split = split
    }
    return LoadedData(
      name: samples.name, kind: kind, train: try train.labeled(), test: try test?.labeled(),
      classNames: samples.classNames, encoding: encoding)
  }

  /// The rows of samples for training and for testing, in order.
  private static func parts(of count: Int, mixes: Bool, _ choices: DataChoices) throws -> (train: [Int], test: [Int]?) {
    let order = mixes ? Shuffle.permutation(count: count, seed: 0, epoch: 0) : Array(0..<count)
    guard choices.testFraction > 0 else { return (order, nil) }
    let split = try ValidationSplit(count: count, validation: 0, test: choices.testFraction)
    return (split.train.map { order[$0] }, split.test.map { order[$0] })
  }

  /// - Throws: `ApusError` for a choice that data of this kind do not have: it would be ignored.
  public static func checkUse(of choices: DataChoices, for nameOrPath: String) throws {
    let kind = try DataKind(of: nameOrPath)
    let isTable = kind == .table && choices.textColumn == nil
    let isText = kind.isTexts || choices.textColumn != nil
    let format = DatasetRegistry.all.first { $0.name == nameOrPath }?.format
    let hasWords = isText || kind == .imdb || format == .imdb
    let (texts, usual) = (choices.texts, TextVectorization())
    let uses: [(option: String, isChosen: Bool, isUsed: Bool)] = [
      ("--target", choices.target != nil, kind == .table || kind == .npz || kind == .npy),
      ("--features", choices.features != nil, kind == .table || kind == .npz),
      ("--text", choices.textColumn != nil, kind == .table), ("--normalize", choices.normalizes, isTable),
      ("--categories", !choices.categories.isEmpty, kind == .table),
      ("--missing", choices.missing != .error, kind == .table),
      ("--header", choices.header != .automatic, kind == .table),
      ("--separator", choices.separator != nil, kind == .table),
      ("--image-size", choices.imageSize != nil, kind.isPictures), ("--color", choices.color != .auto, kind.isPictures),
      ("--max-tokens", texts.maxTokens != nil, hasWords),
      ("--sequence-length", texts.outputSequenceLength != nil, hasWords),
      ("--standardize", texts.standardize != usual.standardize, isText),
      ("--split", texts.split != usual.split, isText),
      ("--ngrams", texts.ngramWidths != nil, isText), ("--output-mode", texts.outputMode != .int, isText),
      ("--test-split", choices.testFraction > 0, !kind.isPublished),
      ("--mix", choices.mixes == true, !kind.isPublished),
    ]
    guard let wrong = uses.first(where: { $0.isChosen && !$0.isUsed }) else { return }
    throw ApusError.usage(
      "\(wrong.option) has no meaning for '\(nameOrPath)', which is \(kind.text)", help: "leave \(wrong.option) out")
  }

  private static func check(_ choices: DataChoices) throws {
    if let size = choices.imageSize {
      guard size.count == 2, size.allSatisfy({ 1...65_536 ~= $0 }) else {
        throw ApusError.usage("\(size) is not an image size", help: "height and width from 1, as 28,28")
      }
    }
    guard choices.sequences.vocabulary > 3, choices.sequences.length > 0,
      choices.sequences.length <= 1 << 20
    else {
      throw ApusError.usage(
        "texts cannot have \(choices.sequences.length) words of \(choices.sequences.vocabulary)",
        help: "a length from 1 to \(1 << 20), a vocabulary from 4")
    }
    do { try choices.texts.checkSettings() } catch let error as ApusError {
      throw ApusError.usage(error.message, help: error.diagnostics.first?.help)
    }
    guard choices.testFraction >= 0, choices.testFraction < 1 else {
      throw ApusError.usage(
        "a test split of \(choices.testFraction) is not a part of the samples", help: "0 <= split < 1")
    }
  }
}
