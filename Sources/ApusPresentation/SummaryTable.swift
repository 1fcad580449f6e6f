import Foundation

/// A model's layers, output shapes and parameter counts, as Keras's `summary()` prints them.
public struct SummaryTable: Sendable {
  /// One layer.
  public struct Row: Sendable {
    public var name: String
    /// The layer's class: `Dense`.
    public var type: String
    /// The shape of each output, nil for the batch; none where the layer is not built.
    public var outputShapes: [[Int?]]
    public var parameterCount: Int
    /// The outputs that the layer reads, as `dense[0][0]`; nil if the model is a plain sequence.
    public var connections: [String]?
    /// The layers of a model that is a layer of this one.
    public var nested: [Row]

    public init(
      name: String, type: String, outputShapes: [[Int?]], parameterCount: Int, connections: [String]? = nil,
      nested: [Row] = []
    ) {
      self.name = name
      self.type = type
      self.outputShapes = outputShapes
      self.parameterCount = parameterCount
      self.connections = connections
      self.nested = nested
    }

    /// This row and all rows inside it, indented as in Keras.
    fileprivate func expanded(depth: Int = 0) -> [Row] {
      var row = self
      if depth > 0 { row.name = String(repeating: "   ", count: depth) + "└ " + name }
      row.nested = []
      return [row] + nested.flatMap { $0.expanded(depth: depth + 1) }
    }
  }

  /// Numbers and the bytes they take.
  public struct Total: Sendable, Hashable {
    public var count: Int
    public var byteCount: Int

    public init(count: Int, byteCount: Int) {
      self.count = count
      self.byteCount = byteCount
    }
  }

  public enum Style: Sendable, Hashable {
    /// Keras 3: a table in box-drawing characters, totals with their sizes.
    case box
    /// Keras 2: lines of `=` and `_`, totals without sizes.
    case classic
  }

  public var modelName: String
  public var rows: [Row]
  public var trainable: Total
  public var nonTrainable: Total
  /// The optimizer's variables, once it has them.
  public var optimizer: Total?

  public init(modelName: String, rows: [Row], trainable: Total, nonTrainable: Total, optimizer: Total? = nil) {
    self.modelName = modelName
    self.rows = rows
    self.trainable = trainable
    self.nonTrainable = nonTrainable
    self.optimizer = optimizer
  }

  /// The table as lines of text, each with a newline.
  /// - Parameters:
  ///   - terminalWidth: columns of the terminal, where the box form must fit into fewer than its own 88 (108 with
  ///     connections). The classic form has 65 (98).
  ///   - expandNested: whether the layers of models inside the model have rows, too.
  public func text(style: Style = .box, terminalWidth: Int? = nil, expandNested: Bool = false) -> String {
    if expandNested {
      var table = self
      table.rows = rows.flatMap { $0.expanded() }
      // The layers of a model inside a plain sequence need no column of connections, either.
      if !showsConnections {
        for index in table.rows.indices { table.rows[index].connections = nil }
      }
      return table.text(style: style, terminalWidth: terminalWidth)
    }
    switch style {
    case .box: return boxText(terminalWidth: terminalWidth)
    case .classic: return classicText()
    }
  }

  var showsConnections: Bool { rows.contains { $0.connections != nil } }

  package var total: Total {
    let parts = [trainable, nonTrainable, optimizer].compactMap(\.self)
    return Total(count: parts.reduce(0) { $0 + $1.count }, byteCount: parts.reduce(0) { $0 + $1.byteCount })
  }

  /// `(None, 128)`, as Python prints a tuple.
  package static func shapeText(_ shapes: [[Int?]]) -> String {
    let texts = shapes.map { shape in
      let dims = shape.map { $0.map(String.init) ?? "None" }
      return dims.count == 1 ? "(\(dims[0]),)" : "(" + dims.joined(separator: ", ") + ")"
    }
    switch texts.count {
    case 0: return "?"
    case 1: return texts[0]
    default: return "[" + texts.joined(separator: ", ") + "]"
    }
  }

  /// `101,770`
  package static func grouped(_ number: Int) -> String {
    let digits = Array(String(number.magnitude))
    var text = number < 0 ? "-" : ""
    for (i, digit) in digits.enumerated() {
      if i > 0, (digits.count - i) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return text
  }

  /// `397.54 KB`: powers of 1024, two decimals.
  package static func sizeText(_ byteCount: Int) -> String {
    var size = Double(byteCount)
    for unit in ["B", "KB", "MB", "GB", "TB"] {
      if size / 1024 < 1 { return String(format: "%.2f ", size) + unit }
      size /= 1024
    }
    return String(format: "%.2f PB", size)
  }
}
