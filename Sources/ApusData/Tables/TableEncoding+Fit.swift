import ApusCore

extension TableEncoding {
  /// Names of columns that are the target if nothing else is said.
  static let usualTargets = ["target", "label", "class", "y"]

  /// The encoding of a table that is trained on.
  /// - Parameters:
  ///   - rows: those for training, of which means and deviations are taken; categories are those of all rows.
  ///   - needsTarget: whether a table without a target is an error.
  /// - Throws: `ApusError` for a column that is not there, a target that is not said, a column of numbers with a text in
  ///   it, or one with too many texts.
  init(_ table: TextTable, rows: [Int], _ choices: DataChoices, needsTarget: Bool = true) throws {
    let target = choices.target ?? TableEncoding.usualTargets.first(where: table.columns.contains)
    guard target != nil || !needsTarget else {
      throw ApusError.file(
        table.path, "does not say which of its columns is the target",
        help: "name it, as target '\(table.columns.last ?? "")'; its columns are "
          + table.columnList, commandHelp: "--target \(table.columns.last ?? "")")
    }
    let targetIndex = try target.map(table.index)
    missing = choices.missing
    textColumn = try TableEncoding.textColumn(of: table, target, choices)
    guard textColumn == nil else {
      let indices = [targetIndex].compactMap(\.self)
      let contents = try TableEncoding.contents(of: table, indices, asTexts: Set(choices.categories.map(table.index)))
      columns = []
      self.target = targetIndex.map { Target(table, $0, contents[$0] ?? ColumnContents()) }
      return
    }
    let features = try TableEncoding.features(of: table, target, choices)
    let indices = try features.map(table.index)
    let contents = try TableEncoding.contents(
      of: table, indices + [targetIndex].compactMap(\.self), asTexts: Set(choices.categories.map(table.index)))
    columns = try indices.map { try Column(table, $0, contents[$0] ?? ColumnContents(), rows: rows, choices) }
    self.target = targetIndex.map { Target(table, $0, contents[$0] ?? ColumnContents()) }
  }

  /// The name of the column with texts, if one is chosen.
  private static func textColumn(of table: TextTable, _ target: String?, _ choices: DataChoices) throws -> String? {
    guard let name = choices.textColumn else { return nil }
    _ = try table.index(of: name)
    guard name != target else { throw ApusError.file(table.path, "the target '\(name)' is the column of texts, too") }
    if let other = (choices.features ?? []).first(where: { $0 != name }) {
      throw ApusError.file(
        table.path, "inputs are the texts of column '\(name)', and not column '\(other)', too",
        help: "choose the column of texts, or features")
    }
    if let other = choices.categories.first(where: { $0 != target }) {
      throw ApusError.file(table.path, "the column '\(other)' of categories is neither a feature nor the target")
    }
    return name
  }

  /// The names of the columns that are inputs.
  private static func features(of table: TextTable, _ target: String?, _ choices: DataChoices) throws -> [String] {
    let features = choices.features ?? table.columns.filter { $0 != target && $0 != choices.sampleWeights }
    guard !features.isEmpty else {
      throw ApusError.file(
        table.path, "has no column beside the target '\(target ?? "")'", help: "inputs are columns, too")
    }
    if let weights = choices.sampleWeights, weights == target || features.contains(weights) {
      throw ApusError.file(
        table.path,
        "the column '\(weights)' of sample weights is \(weights == target ? "the target" : "a feature"), too")
    }
    if let target, features.contains(target) {
      throw ApusError.file(table.path, "the target '\(target)' is one of the features, too", help: "leave it out there")
    }
    if let twice = features.enumerated().first(where: { features[..<$0].contains($1) })?.element {
      throw ApusError.file(table.path, "the feature '\(twice)' is named twice")
    }
    let all = features + [target].compactMap(\.self)
    for name in choices.categories where !all.contains(name) {
      throw ApusError.file(
        table.path, "the column '\(name)' of categories is neither a feature nor the target",
        help: Suggestion.didYouMean(name, among: all))
    }
    return features
  }

  /// What columns hold, each either numbers or texts.
  /// - Throws: `ApusError` at a text in a column that holds more numbers than texts.
  private static func contents(
    of table: TextTable, _ columns: [Int], asTexts: Set<Int>
  ) throws -> [Int: ColumnContents] {
    let contents = try table.contents(of: columns, asTexts: asTexts)
    for (index, found) in contents.sorted(by: { $0.key < $1.key })
    where !asTexts.contains(index) && !found.texts.isEmpty
      && found.texts.keys.allSatisfy({ CSVParser.number(withComma: $0) != nil })
    {
      let row = found.firstText ?? 0
      throw table.fault(
        "'\(try table.texts(row)[index])' is a number with a decimal comma, which only a table separated by semicolons has",
        row, index, help: "write a decimal point, or separate the fields by semicolons")
    }
    let mixed = contents.filter { $1.textCount > 0 && $1.numberCount > 0 }
    for (index, found) in mixed.sorted(by: { $0.key < $1.key }) where found.textCount <= found.numberCount {
      let row = found.firstText ?? 0
      throw table.fault(
        "'\(try table.texts(row)[index])' is not a number, but column '\(table.columns[index])' holds "
          + "\(found.numberCount) numbers", row, index,
        help: "write a number, or leave it empty if it is missing")
    }
    return try contents.merging(table.contents(of: Array(mixed.keys), asTexts: Set(mixed.keys))) { $1 }
  }

  /// Texts in the order in which their numbers are given: those that are numbers by size, then the others.
  static func inOrder(_ texts: some Sequence<String>) -> [String] {
    func key(_ text: String) -> (Double, String) {
      let number = CSVParser.number(text) ?? .infinity
      return (number.isNaN ? .infinity : number, text)
    }
    return texts.sorted { key($0) < key($1) }
  }
}

extension TableEncoding.Column {
  fileprivate init(
    _ table: TextTable, _ index: Int, _ contents: ColumnContents, rows: [Int], _ choices: DataChoices
  ) throws {
    name = table.columns[index]
    guard contents.texts.isEmpty else {
      guard contents.texts.count <= TableEncoding.mostCategories else {
        throw ApusError.file(
          table.path,
          "column '\(name)' holds \(contents.texts.count) different texts, more than the "
            + "\(TableEncoding.mostCategories) that become inputs",
          help: "a name or a number of a sample is not a feature: name the columns that are; or name a column of texts",
          commandHelp: "name the columns that are features: --features a,b,c; a column of texts by --text \(name)")
      }
      categories = TableEncoding.inOrder(contents.texts.keys)
      return
    }
    var moments = Moments()
    for row in rows { moments.add(table.number(row, index)) }
    guard moments.count > 0 else {
      throw ApusError.file(table.path, "column '\(name)' holds no values", help: "leave it out of the features")
    }
    mean = moments.mean
    if choices.normalizes { deviation = moments.deviation > 0 ? moments.deviation : 1 }
  }
}

extension TableEncoding.Target {
  fileprivate init(_ table: TextTable, _ index: Int, _ contents: ColumnContents) {
    name = table.columns[index]
    classNames = TableEncoding.inOrder(contents.texts.keys)
    guard classNames.isEmpty else {
      kind = .texts
      return
    }
    let isWhole = (0..<table.rowCount).allSatisfy { row in
      let value = table.number(row, index)
      return value.isNaN || value >= 0 && Int32(exactly: value) != nil
    }
    kind = isWhole ? .wholes : .numbers
  }
}
