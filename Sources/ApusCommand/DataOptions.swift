import Apus
import ArgumentParser
import Foundation

/// What a path alone does not say of the data in it.
struct ReadingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Of a table, the column of the targets; of an NPZ file, the array; of an NPY file, another one.",
      valueName: "name"))
  var target: String?

  @Option(
    help: ArgumentHelp(
      "Of a table, the columns that are inputs (left out: all but the target); of an NPZ file, the array.",
      valueName: "names"))
  var features: String?

  @Option(
    help: ArgumentHelp("Columns of a table whose numbers are names of categories, or of classes.", valueName: "names"))
  var categories: String?

  @Option(
    help: """
      What replaces missing values: mean, zero, drop (the row is left out) or error. Left out: error.
      """)
  var missing: MissingValues?

  @Flag(help: "Give each column of numbers a mean of 0 and a deviation of 1.")
  var normalize = false

  @Option(help: "Whether the first line of a table has the columns' names: auto, yes or no.")
  var header = Header.auto

  @Option(
    help: ArgumentHelp(
      "What is between the fields of a table: comma, semicolon, tab, bar or another character. Left out: as its lines are.",
      valueName: "name"))
  var separator: Separator?

  @Option(help: ArgumentHelp("The height and width that pictures get, as 28,28.", valueName: "h,w"))
  var imageSize: String?

  @Option(help: "The colors that pictures get: gray, rgb, or auto, which is gray if all are gray.")
  var color: Picture.Color?

  @OptionGroup var texts: TextOptions

  @Option(
    help: "The part of the samples that are for testing, if the data have none. Left out: 0.")
  var testSplit: Double?

  @Flag(
    inversion: .prefixedNo,
    help: "Put the samples in a fixed random order before any split. Left out: for folders of pictures or texts alone.")
  var mix: Bool?

  enum Header: String, CaseIterable, ExpressibleByArgument {
    case auto, yes, no

    var choice: CSV.Header {
      switch self {
      case .auto: .automatic
      case .yes: .present
      case .no: .absent
      }
    }
  }

  /// A separator by its name, because shells and terminals have uses of their own for `;`, `|` and the tabulator.
  struct Separator: ExpressibleByArgument {
    let character: Character

    init?(argument: String) {
      let names: [String: Character] = ["comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "\\t": "\t"]
      guard let character = names[argument] ?? (argument.count == 1 ? argument.first : nil),
        character.isASCII, !character.isNewline, !character.isLetter, !character.isNumber, !"\".-+".contains(character)
      else { return nil }
      self.character = character
    }
  }

  func validate() throws {
    let split = testSplit ?? 0
    guard split >= 0, split < 1 else { throw ValidationError("--test-split must be at least 0 and below 1.") }
    if let features { try Self.check(features, "--features") }
    if let categories { try Self.check(categories, "--categories") }
    if let imageSize, size(imageSize) == nil {
      throw ValidationError("--image-size '\(imageSize)' is not height,width, as 28,28.")
    }
  }

  private func size(_ text: String) -> [Int]? {
    let sides = text.split(whereSeparator: { $0 == "," || $0 == "x" }).map { Int($0) ?? 0 }
    return sides.count == 2 && sides.allSatisfy { 1...65_536 ~= $0 } ? sides : nil
  }

  /// Names between commas; those that hold a comma are in quotes, as in a table.
  private static func list(_ text: String) -> [String] { (try? CSV.fields(of: text)) ?? [text] }

  /// - Throws: `ValidationError` for a quote that does not end, and for a name that is left out.
  private static func check(_ text: String, _ option: String) throws {
    guard let names = try? CSV.fields(of: text) else {
      throw ValidationError("\(option) '\(text)' has a quote that does not end.")
    }
    guard !names.isEmpty, !names.contains("") else {
      throw ValidationError(
        text.hasSuffix(",")
          ? "\(option) '\(text)' ends with a comma." : "\(option) '\(text)' has no name before or after a comma.")
    }
  }

  var choices: DataChoices {
    var choices = DataChoices()
    choices.target = target
    choices.features = features.map(Self.list)
    choices.categories = categories.map(Self.list) ?? []
    choices.missing = missing ?? .error
    choices.normalizes = normalize
    choices.header = header.choice
    choices.separator = separator?.character
    choices.imageSize = imageSize.flatMap(size)
    choices.color = color ?? .auto
    texts.choose(&choices)
    choices.testFraction = testSplit ?? 0
    choices.mixes = mix
    return choices
  }

  /// The options by which a model's inputs are made.
  private var encodingOptions: [String] {
    [
      ("--target", target != nil), ("--features", features != nil), ("--categories", categories != nil),
      ("--missing", missing != nil), ("--normalize", normalize), ("--image-size", imageSize != nil),
      ("--color", color != nil),
    ].filter(\.1).map(\.0) + texts.given
  }

  /// - Throws: `ApusError` if an option says how inputs are made, although the model says it.
  func check(against encoding: InputEncoding?, of model: String) throws {
    guard let encoding, encoding.makesInputs, let option = encodingOptions.first else { return }
    throw ApusError.usage(
      "'\(model)' keeps how its inputs are made, and \(option) says it again",
      help: "leave \(option) out; to choose anew, train a model from its graph: apus train \(model)/model.graph")
  }
}

extension MissingValues: ExpressibleByArgument {}
extension Picture.Color: ExpressibleByArgument {}

/// Where samples come from.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      A named data set (\(DatasetRegistry.all.map(\.name).joined(separator: ", "))); a .csv, .npz or .npy file; a folder \
      of IDX files, or with a folder of pictures or of .txt files for each class. Left out: \(DataOptions.standard).
      """, valueName: "name|path"))
  var data: String?

  @OptionGroup var reading: ReadingOptions

  static let standard = "fashion-mnist"

  /// Files and folders that are read: none where a published set is, whatever has its name here.
  var sources: [String?] { isNamed ? [] : [data, reading.target] }

  /// Whether samples come from a published set rather than the user's own files.
  var isNamed: Bool { DatasetRegistry.all.contains { $0.name == data ?? Self.standard } }

  /// - Parameters:
  ///   - graph: the model that is to be trained on them.
  ///   - weights: what their losses are multiplied by.
  func load(for graph: Graph, weights: String? = nil) throws -> LoadedData {
    let place = data ?? Self.standard
    var choices = reading.choices
    choices.sampleWeights = weights
    try DataReader.checkUse(of: choices, for: place)
    TextOptions.fit(&choices, to: graph)
    return Self.reported(try DataReader.load(place, choices))
  }

  /// Says what is left out: a table, or a folder, may lose more than its user thinks.
  private static func reported(_ data: LoadedData) -> LoadedData {
    data.remarks.forEach(Terminal.report)
    return data
  }

  /// Other samples with targets, read as those that are trained on.
  /// - Parameter weights: what their losses are multiplied by.
  func more(_ path: String, like data: LoadedData, weights: String?) throws -> Dataset {
    var choices = reading.choices
    choices.sampleWeights = weights
    let samples = try DataReader.samples(
      path, choices, encoding: data.encoding, classNames: data.classNames)
    samples.remarks.forEach(Terminal.report)
    return try samples.labeled()
  }

  /// Samples read as those that a saved model was trained on.
  /// - Parameters:
  ///   - goesOn: whether they are divided and weighted as they were then.
  ///   - weights: what their losses are multiplied by; `ofTest` says whether those for testing have weights, if the data
  ///     come in two parts.
  func load(
    for model: String, _ state: TrainingState?, goesOn: Bool = false, weights: String? = nil, ofTest: Bool = false
  ) throws -> LoadedData {
    let place = try place(for: model, state)
    var choices = reading.choices
    choices.sampleWeights = weights ?? (goesOn ? state?.inputs?.sampleWeights : nil)
    choices.weighsTest = ofTest
    if goesOn, let split = state?.inputs?.split {
      choices.testFraction = reading.testSplit ?? split.testFraction
      choices.mixes = reading.mix ?? split.mixes
    }
    return Self.reported(
      try DataReader.load(place, choices, encoding: state?.inputs, classNames: Self.classNames(of: state)))
  }

  /// The classes of a model that knows how its inputs are made.
  private static func classNames(of state: TrainingState?) -> [String] {
    state.flatMap { $0.inputs == nil ? nil : $0.classNames } ?? []
  }

  /// Samples to predict, read as those that a saved model was trained on.
  /// - Parameter path: where they are; --data if nil.
  func samples(_ path: String? = nil, for model: String, _ state: TrainingState?) throws -> Samples {
    let place = try place(path, for: model, state)
    return try DataReader.samples(
      place, reading.choices, encoding: state?.inputs, classNames: Self.classNames(of: state))
  }

  private func place(_ path: String? = nil, for model: String, _ state: TrainingState?) throws -> String {
    try reading.check(against: state?.inputs, of: model)
    try DataReader.checkUse(of: reading.choices, for: path ?? data ?? Self.standard)
    guard path == nil, data == nil, let encoding = state?.inputs, let kind = Self.kind(of: encoding) else {
      return path ?? data ?? Self.standard
    }
    throw ApusError.usage(
      "'\(model)' was trained on other data than the usual, and --data does not say which to take",
      help: "give --data PATH: \(kind)")
  }

  /// What a model reads; nil for what has no form of its own.
  private static func kind(of encoding: InputEncoding) -> String? {
    if let table = encoding.table {
      let names = table.columns.map(\.name) + [table.textColumn].compactMap(\.self)
      return "a table with the column\(names.count == 1 ? "" : "s") " + names.joined(separator: ", ")
    }
    if encoding.pictures != nil { return "a folder of pictures by class" }
    if encoding.texts != nil { return "a folder of texts by class" }
    return encoding.arrays != nil || encoding.sequences != nil ? "an NPZ file or a name" : nil
  }
}

/// What the losses of samples are multiplied by.
struct WeightOptions: ParsableArguments {
  @Option(
    name: .customLong("sample-weight"),
    help: ArgumentHelp(
      """
      What each sample's loss is multiplied by: a column of the table, an array of the NPZ file, or an .npy file or a .csv \
      file of one column, with a number for each sample. Left out: 1, or as before with --resume.
      """, valueName: "name|path"))
  var weights: String?
}
