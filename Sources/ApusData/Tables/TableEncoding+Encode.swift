import ApusCore

extension TableEncoding {
  /// The rows of a table as samples.
  /// - Throws: `ApusError` that names the columns which are missing; or file, line and column of a value that is missing
  ///   or unknown.
  func samples(_ table: TextTable) throws -> Samples {
    let lacking = columns.map(\.name).filter { !table.columns.contains($0) }
    guard lacking.isEmpty else {
      let names = lacking.map { "'\($0)'" }.joined(separator: ", ")
      throw ApusError.file(
        table.path, "lacks the column\(lacking.count == 1 ? "" : "s") \(names), which the model reads",
        help: "the model reads " + columns.map(\.name).joined(separator: ", ") + "; the file has "
          + table.columns.joined(separator: ", "))
    }
    let indices = try columns.map { try table.index(of: $0.name) }
    let targetIndex = target.flatMap { table.columns.firstIndex(of: $0.name) }
    let positions = columns.map { column in
      column.categories.map { Dictionary(uniqueKeysWithValues: $0.enumerated().map { ($1, $0) }) }
    }
    var inputs: [Float] = []
    inputs.reserveCapacity(table.rowCount * width)
    var targets: [Double] = []
    var rows: [Int] = []
    for row in 0..<table.rowCount {
      let before = inputs.count
      var isComplete = true
      for (column, (index, position)) in zip(columns, zip(indices, positions)) {
        if let position {
          isComplete = try append(column, position, table, row, index, to: &inputs) && isComplete
        } else {
          isComplete = try append(column, table, row, index, to: &inputs) && isComplete
        }
      }
      if let targetIndex, let target, isComplete {
        let value = try target.value(table, row, targetIndex, missing)
        if let value { targets.append(value) } else { isComplete = false }
      }
      if isComplete { rows.append(row) } else { inputs.removeSubrange(before...) }
    }
    guard !rows.isEmpty else {
      throw ApusError.file(
        table.path, "each of its \(table.rowCount) rows lacks a value, so none is left",
        help: "fill the values in, or choose fewer features")
    }
    return Samples(
      name: table.path, inputs: try Tensor(inputs, [rows.count, width]),
      targets: targetIndex == nil ? nil : target?.tensor(targets), classNames: target?.classNames ?? [],
      inputNames: inputNames, origin: .rows(rows.map(table.place), target: target?.name))
  }

  /// Appends a number; says whether it is there.
  private func append(
    _ column: Column, _ table: TextTable, _ row: Int, _ index: Int, to inputs: inout [Float]
  ) throws -> Bool {
    var value = table.number(row, index)
    let isMissing = value.isNaN
    if isMissing {
      let text = try table.text(row, index)
      guard TextTable.missingTexts.contains(text) else {
        throw table.fault("'\(text)' is not a number, which column '\(column.name)' holds", row, index)
      }
      try refuseMissing(table, row, index, column.name)
      value = missing == .mean ? column.mean ?? 0 : 0
    }
    if let deviation = column.deviation { value = (value - (column.mean ?? 0)) / deviation }
    inputs.append(Float(value))
    return !isMissing || missing != .drop
  }

  /// Appends a 1 among zeros; says whether the category is there.
  private func append(
    _ column: Column, _ position: [String: Int], _ table: TextTable, _ row: Int, _ index: Int, to inputs: inout [Float]
  ) throws -> Bool {
    let text = try table.text(row, index)
    let start = inputs.count
    inputs += repeatElement(0, count: position.count)
    if let place = position[text] {
      inputs[start + place] = 1
      return true
    }
    guard TextTable.missingTexts.contains(text) else {
      let known = column.categories ?? []
      throw table.fault(
        "column '\(column.name)' has no category '\(text)' in the data that the model was trained on", row, index,
        help: Suggestion.didYouMean(text, among: known) ?? "it has " + known.prefix(12).joined(separator: ", ")
          + (known.count > 12 ? ", …" : ""))
    }
    try refuseMissing(table, row, index, column.name)
    return missing != .drop
  }

  private func refuseMissing(_ table: TextTable, _ row: Int, _ index: Int, _ name: String) throws {
    guard missing == .error else { return }
    throw table.fault(
      "the value of column '\(name)' is missing", row, index,
      help: "fill it in, or choose what stands for missing values",
      commandHelp: "fill it in, or train with --missing mean, zero or drop")
  }
}

extension TableEncoding.Target {
  /// A target as a number: the class's for a text; nil if it is missing and its row may be left out.
  fileprivate func value(_ table: TextTable, _ row: Int, _ index: Int, _ missing: MissingValues) throws -> Double? {
    let number = table.number(row, index)
    let text = kind == .texts || number.isNaN ? try table.text(row, index) : ""
    if kind == .texts, let label = classNames.firstIndex(of: text) { return Double(label) }
    if kind == .texts || number.isNaN, TextTable.missingTexts.contains(text) {
      if missing == .drop { return nil }
      throw table.fault(
        "the target '\(name)' is missing", row, index, help: "a target cannot be filled in; leave the row out",
        commandHelp: "a target cannot be filled in; --missing drop leaves such rows out")
    }
    switch kind {
    case .texts:
      throw table.fault(
        "'\(text)' is not a class of the target '\(name)'", row, index,
        help: Suggestion.didYouMean(text, among: classNames) ?? "its classes are "
          + classNames.prefix(20).joined(separator: ", ") + (classNames.count > 20 ? ", …" : ""))
    case .wholes:
      guard number >= 0, Int32(exactly: number) != nil else {
        throw table.fault("the target '\(name)' is a whole number from 0 up", row, index)
      }
    case .numbers:
      guard !number.isNaN else { throw table.fault("the target '\(name)' is a number", row, index) }
    }
    return number
  }

  fileprivate func tensor(_ values: [Double]) -> Tensor {
    kind == .numbers ? Tensor(values.map(Float.init)) : Tensor(values.map { Int32($0) })
  }
}
