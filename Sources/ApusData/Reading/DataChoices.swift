import ApusCore

/// What a path alone does not say of the data in it.
public struct DataChoices: Sendable, Hashable {
  /// The columns of a table that are inputs, or the array of an NPZ file; nil for all but the target, or the usual names.
  public var features: [String]?
  /// The column of a table that is the target, the array of an NPZ file, or for an NPY file the path of another.
  public var target: String?
  /// Columns of a table whose numbers are names of categories.
  public var categories: [String] = []
  /// What is done about values that a table lacks.
  public var missing: MissingValues = .error
  /// Whether columns of numbers get a mean of 0 and a deviation of 1.
  public var normalizes = false
  /// Whether the first line of a table names its columns.
  public var header: CSV.Header = .automatic
  /// What separates the fields of a table, one ASCII character; nil for what its first lines have.
  public var separator: Character?
  /// Height and width that pictures get; nil if they have one already.
  public var imageSize: [Int]?
  public var color: Picture.Color = .auto
  /// How texts that are word numbers already (IMDB) become samples.
  public var sequences = SequenceEncoding()
  /// How texts become samples: a vocabulary, if it has none, is learned of those for training.
  public var texts = TextVectorization()
  /// The column of a table that holds texts; nil if none does.
  public var textColumn: String?
  /// The last part of the samples for testing, if the data do not come in two parts.
  public var testFraction = 0.0
  /// Whether samples get a fixed random order before they are split; nil for those of folders alone, which are sorted.
  public var mixes: Bool?
  /// What the losses of samples are multiplied by: a column of a table, an array of an NPZ file, or the path of an NPY
  /// file or a table of one column with a number for each sample; nil for nothing.
  public var sampleWeights: String?
  /// Whether, of data that come in two parts, the weights are those of the samples for testing.
  public var weighsTest = false

  public init() {}
}

/// How what is read becomes inputs of a model. Part of a saved model, so that data for prediction mean the same.
public struct InputEncoding: Codable, Hashable, Sendable {
  public var table: TableEncoding?
  public var pictures: PictureEncoding?
  public var arrays: ArrayNames?
  public var sequences: SequenceEncoding?
  /// How texts in files, or in a column of the table, become numbers.
  public var texts: TextVectorization?
  /// Which part of the data the model was trained on; nil for all of it in its order.
  public var split: DataSplit?
  /// What weighed the samples, as `DataChoices.sampleWeights`: a training that goes on takes it again.
  public var sampleWeights: String?

  private enum CodingKeys: String, CodingKey {
    case table, pictures, arrays, sequences, texts, split
    case sampleWeights = "sample_weights"
  }

  /// Whether data become inputs in a way that has been chosen already.
  package var makesInputs: Bool { table != nil || pictures != nil || sequences != nil || texts != nil }

  public init(
    table: TableEncoding? = nil, pictures: PictureEncoding? = nil, arrays: ArrayNames? = nil,
    sequences: SequenceEncoding? = nil, texts: TextVectorization? = nil, split: DataSplit? = nil
  ) {
    (self.table, self.pictures, self.arrays, self.sequences) = (table, pictures, arrays, sequences)
    (self.texts, self.split) = (texts, split)
  }

  /// Whether it can have been written: a file may be damaged, or made by hand.
  package var isValid: Bool {
    if let pictures {
      guard [1, 3].contains(pictures.channels), 1...65_536 ~= pictures.height, 1...65_536 ~= pictures.width else {
        return false
      }
    }
    if let split, !(0..<1 ~= split.testFraction) { return false }
    if let sequences, sequences.vocabulary <= 3 || !(1...(1 << 20) ~= sequences.length) { return false }
    if let texts, !texts.isAdapted { return false }
    guard let table else { return true }
    // A column of texts is the only one.
    guard table.textColumn == nil ? !table.columns.isEmpty : table.columns.isEmpty && texts != nil else { return false }
    let classNames = table.target?.classNames ?? []
    guard Set(classNames).count == classNames.count else { return false }
    return table.columns.allSatisfy { column in
      let texts = column.categories ?? []
      return Set(texts).count == texts.count && column.mean?.isFinite ?? true && column.deviation ?? 1 > 0
    }
  }
}

/// How samples were divided into those for training and those for testing. Part of a saved model, so that a resumed
/// training sees the same samples.
public struct DataSplit: Codable, Hashable, Sendable {
  public var testFraction: Double
  /// As `DataChoices.mixes`.
  public var mixes: Bool?

  /// Nil if nothing is chosen.
  init?(_ choices: DataChoices) {
    guard choices.testFraction > 0 || choices.mixes != nil else { return nil }
    (testFraction, mixes) = (choices.testFraction, choices.mixes)
  }
}

/// The size and the channels of pictures.
public struct PictureEncoding: Codable, Hashable, Sendable {
  public var height: Int
  public var width: Int
  /// 1 for gray, 3 for colors.
  public var channels: Int

  public init(height: Int, width: Int, channels: Int) {
    (self.height, self.width, self.channels) = (height, width, channels)
  }

  /// A picture file as `u8[height, width]` in gray, `u8[height, width, 3]` in colors.
  public func read(_ path: String) throws -> Tensor {
    let picture = try Picture.converted(Picture.read(path), channels: channels)
    let resized = try Picture.resized(picture, height: height, width: width)
    return channels == 1 ? try resized.reshaped([height, width]) : resized
  }
}

/// The arrays of an NPZ file that hold inputs and targets.
public struct ArrayNames: Codable, Hashable, Sendable {
  public var inputs: String
  public var targets: String?
}
