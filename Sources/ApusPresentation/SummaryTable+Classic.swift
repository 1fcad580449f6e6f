extension SummaryTable {
  func classicText() -> String {
    let hasConnections = showsConnections
    let lineLength = hasConnections ? 98 : 65
    let ends = (hasConnections ? [0.33, 0.55, 0.67, 1] : [0.45, 0.85, 1]).map { Int($0 * Double(lineLength)) }
    let single = String(repeating: "_", count: lineLength) + "\n"
    let double = String(repeating: "=", count: lineLength) + "\n"

    var header = ["Layer (type)", "Output Shape", "Param #"]
    if hasConnections { header.append("Connected to") }
    var text = "Model: \"\(modelName)\"\n" + single + classicRow(header, ends) + double
    for (index, row) in rows.enumerated() {
      let connections = row.connections ?? []
      var fields = [
        "\(row.name) (\(row.type))", SummaryTable.shapeText(row.outputShapes), String(row.parameterCount),
      ]
      if hasConnections { fields.append(connections.first ?? "") }
      text += classicRow(fields, ends)
      for connection in connections.dropFirst() { text += classicRow(["", "", "", connection], ends) }
      text += index == rows.count - 1 ? double : single
    }
    text += "Total params: \(SummaryTable.grouped(total.count))\n"
    text += "Trainable params: \(SummaryTable.grouped(trainable.count))\n"
    text += "Non-trainable params: \(SummaryTable.grouped(nonTrainable.count))\n"
    if let optimizer { text += "Optimizer params: \(SummaryTable.grouped(optimizer.count))\n" }
    return text + single
  }

  /// Fields cut off or filled up to end at the given columns; a blank always separates them.
  private func classicRow(_ fields: [String], _ ends: [Int]) -> String {
    var line = ""
    for (index, (field, end)) in zip(fields, ends).enumerated() {
      if index > 0 { line = line.dropLast() + " " }
      line = String((line + field).prefix(end))
      line += String(repeating: " ", count: end - line.count)
    }
    return line + "\n"
  }
}
