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

  private enum CodingKeys: String, CodingKey {
    case name, kind, samples, parts, classes
    case testSamples = "test_samples"
  }

  /// Looks at the data at a path.
  /// - Throws: as `DataReader`. A table that does not say which column is its target is described all the same.
  public init(_ nameOrPath: String, _ choices: DataChoices = DataChoices()) throws {
    let path = (nameOrPath as NSString).expandingTildeInPath
    name = nameOrPath
    testSamples = nil
    classes = []
    switch try DataKind(of: nameOrPath) {
    case .table:
      let table = try TextTable(contentsOf: path, header: choices.header)
      (kind, samples) = ("table", table.rowCount)
      parts = try table.columns.indices.map { try Part(table, $0) }
      let target = choices.target ?? TableEncoding.usualTargets.first(where: table.columns.contains)
      guard let target else { return }
      classes = try ClassCount.of(table, table.index(of: target))
    case .npz:
      let arrays = try NPZ.read(path)
      (kind, samples) = ("NPZ file", arrays.first?.tensor.dimensions.first ?? 0)
      parts = try arrays.map { try Part($0.name, $0.tensor) }
      let loaded = try? DataReader.load(nameOrPath, choices)
      guard let loaded else { return }
      (samples, testSamples) = (loaded.train.count, loaded.test?.count)
      classes = ClassCount.of(loaded.train.targets, loaded.classNames)
    case .npy where choices.target == nil, .picture, .loosePictures:
      let read = try DataReader.samples(nameOrPath, choices)
      (kind, samples) = (Picture.isPicture(path) || BinaryFile.isDirectory(path) ? "pictures" : "NPY file", read.count)
      parts = [try Part("inputs", read.inputs)]
    case .named, .idx, .cifar10, .imdb, .npy, .pictures, .parts:
      let loaded = try DataReader.load(nameOrPath, choices)
      (kind, samples, testSamples) = (loaded.kind, loaded.train.count, loaded.test?.count)
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
    var counts: [String: Int] = [:]
    for row in 0..<table.rowCount {
      let value = table.number(row, column)
      // Numbers with a fraction are values.
      guard value.isNaN || Int32(exactly: value) != nil else { return [] }
      let text = try table.text(row, column)
      if !TextTable.missingTexts.contains(text) { counts[text, default: 0] += 1 }
    }
    guard counts.count <= most else { return [] }
    let names = counts.keys.sorted { (Double($0) ?? .infinity, $0) < (Double($1) ?? .infinity, $1) }
    return names.map { Self(name: $0, count: counts[$0] ?? 0) }
  }

  fileprivate static func of(_ targets: Tensor, _ names: [String]) -> [Self] {
    guard targets.dtype.isInteger, targets.count == targets.dimensions.first else { return [] }
    var counts: [Int: Int] = [:]
    for label in targets.doubles() { counts[Int(label), default: 0] += 1 }
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
    missing = 0
    var visitor = Moments(source: tensor)
    take(try tensor.dtype.dispatch(&visitor))
  }

  fileprivate init(_ table: TextTable, _ column: Int) throws {
    name = table.columns[column]
    missing = 0
    var statistics = Statistics()
    var texts: Set<String> = []
    for row in 0..<table.rowCount {
      let value = table.number(row, column)
      if !value.isNaN {
        statistics.add(value)
        continue
      }
      let text = try table.text(row, column)
      if TextTable.missingTexts.contains(text) { statistics.missing += 1 } else { texts.insert(text) }
    }
    type = texts.isEmpty ? "numbers" : "text"
    distinct = texts.isEmpty ? nil : texts.count
    take(statistics)
  }

  private mutating func take(_ statistics: Statistics) {
    missing = statistics.missing
    guard statistics.count > 0 else { return }
    (minimum, maximum, mean) = (statistics.minimum, statistics.maximum, statistics.mean)
    deviation = (max(0, statistics.squares / Double(statistics.count))).squareRoot()
  }
}

/// Mean and deviation in one walk: B. P. Welford, "Note on a method for calculating corrected sums of squares and
/// products", Technometrics 4 (1962).
private struct Statistics {
  var count = 0
  var missing = 0
  var minimum = Double.infinity
  var maximum = -Double.infinity
  var mean = 0.0
  var squares = 0.0

  mutating func add(_ value: Double) {
    if value.isNaN {
      missing += 1
      return
    }
    count += 1
    minimum = min(minimum, value)
    maximum = max(maximum, value)
    let difference = value - mean
    mean += difference / Double(count)
    squares += difference * (value - mean)
  }
}

private struct Moments: TensorElementVisitor {
  let source: Tensor
  mutating func visit<Element: TensorElement>(_ type: Element.Type) throws -> Statistics {
    var statistics = Statistics()
    source.withElements(as: type) { for element in $0 { statistics.add(element.asDouble) } }
    return statistics
  }
}
