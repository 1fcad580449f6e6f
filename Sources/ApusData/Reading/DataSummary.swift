import ApusCore
import Foundation

/// What data hold: what `apus data` prints.
public struct DataSummary: Sendable, Encodable {
  /// A column of a table, or an array.
  public struct Part: Sendable, Encodable {
    public var name: String
    /// `f32[150, 4]`; of a column `numbers` or `text`.
    public var type: String
    /// The smallest and the largest number; nil if there is none.
    public var minimum: Double?
    public var maximum: Double?
    public var mean: Double?
    /// The deviation from the mean, of all numbers and not of a sample of them.
    public var deviation: Double?
    /// Values that are missing: empty fields of a table, NaN in an array.
    public var missing: Int
    /// Different texts, of a column that holds text.
    public var distinct: Int?
  }

  public struct ClassCount: Sendable, Encodable {
    public var name: String
    public var count: Int
  }

  public var name: String
  public var kind: String
  public var samples: Int
  /// Samples for testing, where the data have such a part.
  public var testSamples: Int?
  public var parts: [Part]
  /// Samples of each class; empty if targets are not classes.
  public var classes: [ClassCount]
  /// Why the arrays are not data to train on as they are; nil if they are.
  public var note: String?
  /// The most frequent words of texts for training.
  public var words: [ClassCount]?
  /// The first text.
  public var firstText: String?
  /// Warnings about what is left out; not a part of the JSON.
  public var remarks: [Diagnostic] = []

  private enum CodingKeys: String, CodingKey {
    case name, kind, samples, parts, classes, note, words
    case testSamples = "test_samples"
    case firstText = "first_text"
  }

  /// Looks at the data at a path.
  /// - Throws: as `DataReader`. A table that does not say which column is its target is described all the same.
  public init(_ nameOrPath: String, _ choices: DataChoices = DataChoices()) throws {
    let path = (nameOrPath as NSString).expandingTildeInPath
    name = nameOrPath
    testSamples = nil
    classes = []
    switch try DataKind(of: nameOrPath) {
    case .texts, .textParts:
      (kind, samples, parts) = ("texts by class", 0, [])
      try describeTexts(choices, isByClass: true)
    case .looseTexts, .text:
      (kind, samples, parts) = ("texts", 0, [])
      try describeTexts(choices, isByClass: false)
    case .table where choices.textColumn != nil:
      (kind, samples, parts) = ("table", 0, [])
      try describeTexts(choices, isByClass: false)
    case .table:
      let table = try TextTable(contentsOf: path, choices)
      (kind, samples) = ("table", table.rowCount)
      let contents = try table.contents(of: Array(table.columns.indices))
      parts = table.columns.indices.map { Part(table, $0, contents[$0] ?? ColumnContents()) }
      for name in (choices.features ?? []) + choices.categories { _ = try table.index(of: name) }
      let target = choices.target ?? TableEncoding.usualTargets.first(where: table.columns.contains)
      guard let target else { return }
      classes = try ClassCount.of(table, table.index(of: target))
    case .npz:
      let arrays = try NPZ.read(path)
      (kind, samples) = ("NPZ file", arrays.first?.tensor.dimensions.first ?? 0)
      parts = try arrays.map { try Part($0.name, $0.tensor) }
      do {
        let loaded = try DataReader.load(nameOrPath, choices)
        (samples, testSamples) = (loaded.train.count, loaded.test?.count)
        classes = ClassCount.of(loaded.train.targets, loaded.classNames)
      } catch let error as ApusError where choices.target == nil && choices.features == nil {
        note = error.diagnostics.first?.message
      }
    case .npy where choices.target == nil, .picture, .loosePictures:
      let read = try DataReader.samples(nameOrPath, choices)
      (kind, samples) = (Picture.isPicture(path) || BinaryFile.isDirectory(path) ? "pictures" : "NPY file", read.count)
      parts = [try Part("inputs", read.inputs)]
      remarks = read.remarks
    case .named, .idx, .cifar10, .imdb, .npy, .pictures, .parts:
      let loaded = try DataReader.load(nameOrPath, choices)
      (kind, samples, testSamples) = (loaded.kind, loaded.train.count, loaded.test?.count)
      remarks = loaded.remarks
      parts = [try Part("inputs", loaded.train.inputs), try Part("targets", loaded.train.targets)]
      if let test = loaded.test {
        parts += [try Part("test inputs", test.inputs), try Part("test targets", test.targets)]
      }
      classes = ClassCount.of(loaded.train.targets, loaded.classNames)
    }
  }
}

extension DataSummary.ClassCount {
  /// More whole numbers than this are values, and no classes.
  private static let most = 1_000

  fileprivate static func of(_ table: TextTable, _ column: Int) throws -> [Self] {
    // Numbers with a fraction are values.
    let isWhole = (0..<table.rowCount).allSatisfy { row in
      let value = table.number(row, column)
      return value.isNaN || Int32(exactly: value) != nil
    }
    guard isWhole else { return [] }
    let counts = try table.contents(of: [column], asTexts: [column])[column]?.texts ?? [:]
    guard counts.count <= most else { return [] }
    return TableEncoding.inOrder(counts.keys).map { Self(name: $0, count: counts[$0] ?? 0) }
  }

  static func of(_ targets: Tensor, _ names: [String]) -> [Self] {
    guard targets.dtype.isInteger, targets.count == targets.dimensions.first else { return [] }
    var counts: [Int: Int] = [:]
    for label in targets.doubles() {
      guard let label = Int(exactly: label) else { return [] }
      counts[label, default: 0] += 1
    }
    guard counts.count <= most else { return [] }
    let labels = Set(names.indices).union(counts.keys).sorted()
    return labels.map { label in
      Self(name: names.indices.contains(label) ? names[label] : String(label), count: counts[label] ?? 0)
    }
  }
}

extension DataSummary.Part {
  fileprivate init(_ name: String, _ tensor: Tensor) throws {
    self.name = name
    type = "\(tensor.type)"
    var visitor = TensorMoments(source: tensor)
    let moments = try tensor.dtype.dispatch(&visitor)
    missing = moments.missingCount
    take(moments)
  }

  fileprivate init(_ table: TextTable, _ column: Int, _ contents: ColumnContents) {
    name = table.columns[column]
    var moments = Moments()
    for row in 0..<table.rowCount { moments.add(table.number(row, column)) }
    type = contents.texts.isEmpty ? "numbers" : "text"
    distinct = contents.texts.isEmpty ? nil : contents.texts.count
    missing = contents.missingCount
    take(moments)
  }

  mutating func take(_ moments: Moments) {
    guard moments.count > 0 else { return }
    (minimum, maximum) = (moments.minimum, moments.maximum)
    (mean, deviation) = (moments.mean, moments.deviation)
  }
}

private struct TensorMoments: TensorElementVisitor {
  let source: Tensor
  mutating func visit<Element: TensorElement>(_ type: Element.Type) throws -> Moments {
    var moments = Moments()
    source.withElements(as: type) { for element in $0 { moments.add(element.asDouble) } }
    return moments
  }
}
