extension SummaryTable {
  func boxText(terminalWidth: Int?) -> String {
    let hasConnections = showsConnections
    var header = ["Layer (type)", "Output Shape", "Param #"]
    if hasConnections { header.append("Connected to") }
    let widths = columnWidths(hasConnections: hasConnections, terminalWidth: terminalWidth)

    var text = "Model: \"\(modelName)\"\n"
    text += rule("┏", "━", "┳", "┓", widths) + cells(header, widths, "┃") + rule("┡", "━", "╇", "┩", widths)
    for (index, row) in rows.enumerated() {
      var fields = ["\(row.name) (\(row.type))", SummaryTable.shapeText(row.outputShapes)]
      fields.append(SummaryTable.grouped(row.parameterCount) + (row.outputShapes.isEmpty ? " (unbuilt)" : ""))
      if hasConnections {
        let connections = row.connections ?? []
        fields.append(connections.isEmpty ? "-" : connections.joined(separator: ", "))
      }
      if index > 0 { text += rule("├", "─", "┼", "┤", widths) }
      text += cells(fields, widths, "│")
    }
    text += rule("└", "─", "┴", "┘", widths)

    func line(_ name: String, _ total: Total) -> String {
      " \(name) params: \(SummaryTable.grouped(total.count)) (\(SummaryTable.sizeText(total.byteCount)))\n"
    }
    text += line("Total", total) + line("Trainable", trainable) + line("Non-trainable", nonTrainable)
    if let optimizer { text += line("Optimizer", optimizer) }
    return text
  }

  /// The width of each column's text, without the blank on either side.
  ///
  /// Keras gives its table columns that end at fixed fractions of the line, and with blanks and borders these are too
  /// wide together; its table library (Rich) takes what is too much from all columns equally. 88 characters become
  /// columns of 36, 27 and 15.
  private func columnWidths(hasConnections: Bool, terminalWidth: Int?) -> [Int] {
    let ends = hasConnections ? [0.3, 0.56, 0.74, 1] : [0.45, 0.8, 1]
    let line = max(min(hasConnections ? 108 : 88, (terminalWidth ?? .max) - 4), 10 * ends.count)
    var widths: [Int] = []
    var position = 0
    for end in ends {
      let next = Int(end * Double(line))
      widths.append(next - position + 2)
      position = next
    }
    var excess = widths.reduce(0, +) - (line - ends.count - 1)
    for i in widths.indices {
      let share = (Double(excess) / Double(widths.count - i)).rounded(.toNearestOrEven)
      widths[i] -= Int(share)
      excess -= Int(share)
    }
    return widths.map { max($0 - 2, 1) }
  }

  private func rule(_ left: String, _ dash: String, _ cross: String, _ right: String, _ widths: [Int]) -> String {
    left + widths.map { String(repeating: dash, count: $0 + 2) }.joined(separator: cross) + right + "\n"
  }

  /// One row of cells, as many lines high as its longest text needs; the third column stands to the right.
  private func cells(_ fields: [String], _ widths: [Int], _ border: String) -> String {
    let wrapped = zip(fields, widths).map(SummaryTable.wrap)
    var text = ""
    for line in 0..<(wrapped.map(\.count).max() ?? 0) {
      let parts = widths.indices.map { column in
        let part = line < wrapped[column].count ? wrapped[column][line] : ""
        let space = String(repeating: " ", count: widths[column] - part.count)
        return column == 2 ? " \(space)\(part) " : " \(part)\(space) "
      }
      text += border + parts.joined(separator: border) + border + "\n"
    }
    return text
  }

  /// The text in lines of at most `width` characters, broken between words; a longer word is cut off.
  static func wrap(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    // Blanks at the beginning of the text stay: they indent it.
    var line: String?
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      let joined = line.map { $0 + " " + word } ?? String(word)
      if joined.count <= width {
        line = joined
        continue
      }
      if let line, line.contains(where: { $0 != " " }) { lines.append(line) }
      line = word.count <= width ? String(word) : word.prefix(width - 1) + "…"
    }
    return lines + [line ?? ""]
  }
}
