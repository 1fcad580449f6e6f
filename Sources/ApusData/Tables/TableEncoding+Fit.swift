import ApusCore

extension TableEncoding {
  /// Names of columns that are the target if nothing else is said.
  static let usualTargets = ["target", "label", "class", "y"]

  /// The encoding of a table that is trained on.
  /// - Throws: `ApusError` for a column that is not there, a target that is not said, a column of numbers with a text in
  ///   it, or one with too many texts.
  init(_ table: TextTable, _ choices: DataChoices) throws {
    let target = choices.target ?? TableEncoding.usualTargets.first(where: table.columns.contains)
    guard let target else {
      throw ApusError.file(
        table.path, "does not say which of its columns is the target",
        help: "name it, as target '\(table.columns.last ?? "")'; its columns are "
          + table.columns.joined(separator: ", "), commandHelp: "--target \(table.columns.last ?? "")")
    }
    let targetIndex = try table.index(of: target)
    let features = choices.features ?? table.columns.filter { $0 != target }
    guard !features.isEmpty else {
      throw ApusError.file(table.path, "has no column beside the target '\(target)'", help: "inputs are columns, too")
    }
    guard !features.contains(target) else {
      throw ApusError.file(table.path, "the target '\(target)' is one of the features, too", help: "leave it out there")
    }
    if let twice = features.enumerated().first(where: { features[..<$0].contains($1) })?.element {
      throw ApusError.file(table.path, "the feature '\(twice)' is named twice")
    }
    for name in choices.categories where name != target && !features.contains(name) {
      throw ApusError.file(
        table.path, "the column '\(name)' of categories is neither a feature nor the target",
        help: Suggestion.didYouMean(name, among: features + [target]))
    }
    columns = try features.map { name in
      try Column(
        table, name, table.index(of: name), isCategories: choices.categories.contains(name), choices)
    }
    self.target = try Target(table, target, targetIndex, isCategories: choices.categories.contains(target))
    missing = choices.missing
  }
}

extension TableEncoding.Column {
  fileprivate init(
    _ table: TextTable, _ name: String, _ index: Int, isCategories: Bool, _ choices: DataChoices
  ) throws {
    self.name = name
    if let texts = try TableEncoding.texts(of: table, name, index, isCategories: isCategories) {
      guard texts.count <= TableEncoding.mostCategories else {
        throw ApusError.file(
          table.path,
          "column '\(name)' holds \(texts.count) different texts, more than the \(TableEncoding.mostCategories) that become inputs",
          help: "a name or a number of a sample is not a feature: name the columns that are",
          commandHelp: "name the columns that are features: --features a,b,c")
      }
      categories = texts
      return
    }
    // Sums of differences from the first number keep their digits where all are far from 0.
    var (first, count, sum, squares) = (0.0, 0.0, 0.0, 0.0)
    for row in 0..<table.rowCount {
      let value = table.number(row, index)
      if value.isNaN { continue }
      if count == 0 { first = value }
      count += 1
      sum += value - first
      squares += (value - first) * (value - first)
    }
    guard count > 0 else {
      throw ApusError.file(table.path, "column '\(name)' holds no values", help: "leave it out of the features")
    }
    mean = first + sum / count
    guard choices.normalizes else { return }
    let deviation = (max(0, squares / count - sum / count * (sum / count))).squareRoot()
    self.deviation = deviation > 0 ? deviation : 1
  }
}

extension TableEncoding.Target {
  fileprivate init(_ table: TextTable, _ name: String, _ index: Int, isCategories: Bool) throws {
    self.name = name
    classNames = []
    if let texts = try TableEncoding.texts(of: table, name, index, isCategories: isCategories) {
      kind = .texts
      classNames = texts
      return
    }
    let isWhole = (0..<table.rowCount).allSatisfy { row in
      let value = table.number(row, index)
      return value.isNaN || value >= 0 && Int32(exactly: value) != nil
    }
    kind = isWhole ? .wholes : .numbers
  }
}

extension TableEncoding {
  /// The different texts of a column in order, numbers by size; nil if it holds numbers.
  /// - Parameter isCategories: whether its numbers are texts, too.
  /// - Throws: `ApusError` at a text in a column that holds more numbers than texts.
  fileprivate static func texts(
    of table: TextTable, _ name: String, _ index: Int, isCategories: Bool
  ) throws -> [String]? {
    var texts: Set<String> = []
    var firstText: Int?
    var textCount = 0
    var numberCount = 0
    for row in 0..<table.rowCount {
      if !table.number(row, index).isNaN, !isCategories {
        numberCount += 1
        continue
      }
      let text = try table.text(row, index)
      if TextTable.missingTexts.contains(text) { continue }
      if !isCategories, firstText == nil { firstText = row }
      textCount += 1
      texts.insert(text)
    }
    guard textCount > 0 else { return nil }
    if let row = firstText, numberCount > 0 {
      guard textCount > numberCount else {
        throw table.fault(
          "'\(try table.text(row, index))' is not a number, but column '\(name)' holds \(numberCount) numbers", row,
          index, help: "write a number, or leave it empty if it is missing")
      }
      return try self.texts(of: table, name, index, isCategories: true)
    }
    return texts.sorted { a, b in
      if let x = Double(a), let y = Double(b), x != y { return x < y }
      return a < b
    }
  }
}
