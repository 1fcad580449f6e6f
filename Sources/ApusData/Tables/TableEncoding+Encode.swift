import ApusCore

extension TableEncoding {
  /// Rows of a table as samples.
  /// - Parameters:
  ///   - rows: all of them if nil.
  ///   - needsTargets: whether a missing target is an error; else the samples have no targets then.
  /// - Throws: `ApusError` that names the columns which are missing; or file, line and column of a value that is missing
  ///   or unknown.
  func samples(_ table: TextTable, rows: [Int]? = nil, needsTargets: Bool = true) throws -> Samples {
    let read = columns.map(\.name) + [textColumn].compactMap(\.self)
    let lacking = read.filter { !table.columns.contains($0) }
    guard lacking.isEmpty else {
      let names = lacking.map { "'\($0)'" }.joined(separator: ", ")
      throw ApusError.file(
        table.path, "lacks the column\(lacking.count == 1 ? "" : "s") \(names), which the model reads",
        help: "the model reads " + read.joined(separator: ", ") + "; the file has "
          + table.columnList)
    }
    let rows = rows ?? Array(0..<table.rowCount)
    let indices = try columns.map { try table.index(of: $0.name) }
    let textIndex = try textColumn.map(table.index)
    var texts: [String] = []
    let targetIndex = target.flatMap { table.columns.firstIndex(of: $0.name) }
    let positions = columns.map { $0.categories.map(TableEncoding.positions) }
    let labels = TableEncoding.positions(target?.classNames ?? [])
    var inputs: [Float] = []
    inputs.reserveCapacity(rows.count * width)
    var targets: [Double] = []
    var hasTargets = targetIndex != nil
    var kept: [Int] = []
    for row in rows {
      var reader = TableRow(table, row)
      let before = inputs.count
      var isComplete = true
      for (position, column) in columns.enumerated() {
        let isThere = try append(column, positions[position], &reader, indices[position], to: &inputs)
        isComplete = isThere && isComplete
      }
      if let textIndex { isComplete = try append(&reader, textIndex, to: &texts) && isComplete }
      if hasTargets, let targetIndex, let target, isComplete {
        if try !needsTargets && reader.isMissing(targetIndex) {
          hasTargets = false
        } else if let value = try target.value(&reader, targetIndex, labels, missing) {
          targets.append(value)
        } else {
          isComplete = false
        }
      }
      if isComplete {
        kept.append(row)
      } else {
        inputs.removeSubrange(before...)
        texts.removeLast(max(0, texts.count - kept.count))
      }
    }
    guard !kept.isEmpty else {
      throw ApusError.file(
        table.path, "each of its \(rows.count) rows lacks a value, so none is left",
        help: "fill the values in, or choose fewer features")
    }
    var samples = Samples(
      name: table.path, inputs: try Tensor(inputs, [kept.count, width]),
      targets: hasTargets ? target?.tensor(targets) : nil, classNames: target?.classNames ?? [],
      inputNames: inputNames, origin: .rows(kept.map(table.place), target: target?.name))
    samples.droppedCount = rows.count - kept.count
    samples.positions = kept
    if textIndex != nil { samples.texts = texts }
    return samples
  }

  /// Appends a text; says whether it is there, or replaced by an empty one.
  private func append(_ row: inout TableRow, _ index: Int, to texts: inout [String]) throws -> Bool {
    let text = try row.text(index)
    texts.append(text)
    // `NA` or `None` may be a text.
    guard text.isEmpty else { return true }
    guard missing != .error else {
      throw row.fault(
        "the text of column '\(textColumn ?? "")' is missing", index,
        help: "fill it in, or choose what replaces missing values",
        commandHelp: "fill it in, or train with --missing zero (no words) or drop")
    }
    return missing != .drop
  }

  private static func positions(_ texts: [String]) -> [String: Int] {
    Dictionary(uniqueKeysWithValues: texts.enumerated().map { ($1, $0) })
  }

  /// Appends a number, or a 1 among zeros for a category; says whether it is there, or replaced by something.
  /// - Parameter positions: of the categories; nil for numbers.
  private func append(
    _ column: Column, _ positions: [String: Int]?, _ row: inout TableRow, _ index: Int, to inputs: inout [Float]
  ) throws -> Bool {
    let start = inputs.count
    var value = row.number(index)
    if let positions {
      inputs += repeatElement(0, count: positions.count)
      if let position = try positions[row.text(index)] {
        inputs[start + position] = 1
        return true
      }
    } else if !value.isNaN {
      inputs.append(try number(value, column, row, index))
      return true
    }
    let text = try row.text(index)
    guard TextTable.missingTexts.contains(text) else { throw unknown(text, column, row, index) }
    guard missing != .error else {
      throw row.fault(
        "the value of column '\(column.name)' is missing", index,
        help: "fill it in, or choose what replaces missing values",
        commandHelp: "fill it in, or train with --missing mean, zero or drop")
    }
    if positions == nil {
      value = missing == .mean ? column.mean ?? 0 : 0
      inputs.append(try number(value, column, row, index))
    }
    return missing != .drop
  }

  private func number(_ value: Double, _ column: Column, _ row: TableRow, _ index: Int) throws -> Float {
    let scaled = column.deviation.map { (value - (column.mean ?? 0)) / $0 } ?? value
    let number = Float(scaled)
    guard number.isFinite else {
      throw row.fault(
        "\(value) in column '\(column.name)' is too large for a 32-bit float", index,
        help: "leave the field empty if its value is missing")
    }
    return number
  }

  private func unknown(_ text: String, _ column: Column, _ row: TableRow, _ index: Int) -> ApusError {
    guard let known = column.categories else {
      return row.fault("'\(text)' is not a number, which column '\(column.name)' holds", index)
    }
    return row.fault(
      "column '\(column.name)' has no category '\(text)' in the data that the model was trained on", index,
      help: Suggestion.didYouMean(text, among: known) ?? "it has " + known.prefix(12).joined(separator: ", ")
        + (known.count > 12 ? ", …" : ""))
  }
}

extension TableEncoding.Target {
  /// A target as a number: the class's for a text; nil if it is missing and its row may be left out.
  /// - Parameter labels: the numbers of the classes.
  fileprivate func value(
    _ row: inout TableRow, _ index: Int, _ labels: [String: Int], _ missing: MissingValues
  ) throws -> Double? {
    let number = row.number(index)
    let text = kind == .texts || number.isNaN ? try row.text(index) : ""
    if kind == .texts, let label = labels[text] { return Double(label) }
    if kind == .texts || number.isNaN, TextTable.missingTexts.contains(text) {
      if missing == .drop { return nil }
      throw row.fault(
        "the target '\(name)' is missing", index, help: "a target cannot be filled in; leave the row out",
        commandHelp: "a target cannot be filled in; --missing drop leaves such rows out")
    }
    switch kind {
    case .texts:
      throw row.fault(
        "'\(text)' is not a class of the target '\(name)'", index,
        help: Suggestion.didYouMean(text, among: classNames) ?? "its classes are "
          + classNames.prefix(20).joined(separator: ", ") + (classNames.count > 20 ? ", …" : ""))
    case .wholes:
      guard number >= 0, Int32(exactly: number) != nil else {
        throw row.fault("the target '\(name)' is a whole number from 0 up", index)
      }
    case .numbers:
      guard !number.isNaN else { throw row.fault("the target '\(name)' is a number", index) }
      guard Float(number).isFinite else {
        throw row.fault("the target '\(name)' is too large for a 32-bit float", index)
      }
    }
    return number
  }

  fileprivate func tensor(_ values: [Double]) -> Tensor {
    kind == .numbers ? Tensor(values.map(Float.init)) : Tensor(values.map { Int32($0) })
  }
}
