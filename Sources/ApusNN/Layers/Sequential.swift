import ApusCore
import ApusGraph
import ApusOperators
import ApusPasses

/// A model of layers one after the other.
public struct Sequential: Sendable {
  public let name: String
  /// The forward graph: parameter `input` of shape (batch, …), one output. Dropout and the like are not bound yet.
  public let graph: Graph
  private let rows: [SummaryTable.Row]

  /// - Parameters:
  ///   - input: the shape of one sample, without the batch.
  ///   - dtype: the element type of the samples. Bytes fed where floats are declared are cast, not scaled: images are
  ///     brought to [0, 1] by `Rescaling(scale: 1 / 255)`, inside the graph.
  /// - Throws: `ApusError` that names the layer where a layer does not fit the one before it.
  public init(
    name: String = "sequential", input: [Int], dtype: DType = .f32, @LayerBuilder _ layers: () -> [any Layer]
  ) throws {
    let builder = GraphBuilder(Identifier.sanitized(name))
    var x = try builder.parameter("input", dtype, Shape([.symbol("batch")] + input.map(Dim.number)))
    var names = LayerNames()
    var rows: [SummaryTable.Row] = []
    for layer in layers() {
      let layerName = try names.name(for: layer)
      let before = builder.graph.variables.count
      builder.origin = Origin(name: layerName)
      do { x = try layer.build(x, LayerContext(builder: builder, name: layerName)) } catch let error as ApusError {
        guard error.message.contains("'\(layerName)'") else {
          throw ApusError(
            error.fault,
            error.diagnostics.map { Diagnostic($0.severity, "layer '\(layerName)': \($0.message)", help: $0.help) })
        }
        throw error
      }
      let own = builder.graph.variables.dropFirst(before)
      rows.append(
        SummaryTable.Row(
          name: layerName, type: type(of: layer).typeName, outputShapes: [x.shape.dims.map(\.number)],
          parameterCount: own.reduce(0) { $0 + ($1.declaration.type.shape.elementCount ?? 0) }))
    }
    builder.origin = Origin()
    self.name = name
    self.rows = rows
    graph = try builder.build([x])
  }

  /// Layers, output shapes and parameter counts, as Keras prints them.
  public func summary(style: SummaryTable.Style = .box, terminalWidth: Int? = nil) -> String {
    graph.summaryTable(name: name, rows: rows).text(style: style, terminalWidth: terminalWidth)
  }

  /// How many numbers training changes.
  public var parameterCount: Int {
    graph.variables.reduce(0) { $0 + ($1.declaration.type.shape.elementCount ?? 0) }
  }

  /// A trainer for this model.
  /// - Throws: `ApusError` where the loss does not fit the output.
  public func compile(
    optimizer: any Optimizer = RMSprop(), loss: Loss, metrics: [Metric] = [], backend: (any Backend)? = nil,
    seed: UInt64 = 0, pipeline: Pipeline? = nil
  ) throws -> Trainer {
    try Trainer(
      graph, optimizer: optimizer, loss: loss, metrics: metrics, backend: backend, seed: seed, pipeline: pipeline)
  }
}

/// Layers one after the other, as a list.
@resultBuilder
public enum LayerBuilder {
  public static func buildExpression(_ layer: any Layer) -> [any Layer] { [layer] }
  public static func buildBlock(_ parts: [any Layer]...) -> [any Layer] { parts.flatMap(\.self) }
  public static func buildOptional(_ part: [any Layer]?) -> [any Layer] { part ?? [] }
  public static func buildEither(first part: [any Layer]) -> [any Layer] { part }
  public static func buildEither(second part: [any Layer]) -> [any Layer] { part }
  public static func buildArray(_ parts: [[any Layer]]) -> [any Layer] { parts.flatMap(\.self) }
}

/// Keras's automatic names: the class's name in snake case, numbered from the second on.
struct LayerNames {
  private var counts: [String: Int] = [:]
  private var taken: Set<String> = []

  mutating func name(for layer: any Layer) throws -> String {
    if let name = layer.name {
      guard Identifier.isValid(name) else {
        throw ApusError.input("'\(name)' is not a name for a layer", help: "as '\(Identifier.sanitized(name))'")
      }
      guard taken.insert(name).inserted else { throw ApusError.input("two layers are named '\(name)'") }
      return name
    }
    let base = LayerNames.snakeCase(type(of: layer).typeName)
    while true {
      let count = counts[base, default: 0]
      counts[base] = count + 1
      let name = count == 0 ? base : "\(base)_\(count)"
      if taken.insert(name).inserted { return name }
    }
  }

  /// `MaxPooling2D` → `max_pooling2d`
  static func snakeCase(_ text: String) -> String {
    var result = ""
    var previousIsLower = false
    for c in text {
      if c.isUppercase, previousIsLower { result += "_" }
      result += c.lowercased()
      previousIsLower = c.isLowercase
    }
    return result
  }
}

extension Graph {
  /// Counts and bytes of the variables for `summary()`.
  func summaryTable(name: String, rows: [SummaryTable.Row]) -> SummaryTable {
    func total(_ condition: (Variable) -> Bool) -> SummaryTable.Total {
      variables.map(\.declaration).filter(condition).reduce(into: SummaryTable.Total(count: 0, byteCount: 0)) {
        $0.count += $1.type.shape.elementCount ?? 0
        $0.byteCount += $1.type.byteCount ?? 0
      }
    }
    return SummaryTable(
      modelName: name, rows: rows, trainable: total(\.trainable), nonTrainable: total { !$0.trainable })
  }

  /// A summary of any graph: a row for each origin, in order of appearance, with the shape that it ends with.
  public func summary(style: SummaryTable.Style = .box, terminalWidth: Int? = nil) -> String {
    var rows: [SummaryTable.Row] = []
    var byName: [String: Int] = [:]
    for node in nodes where !(node.op is Parameter || node.op is Constant) {
      let name =
        node.origin.name ?? (node.op as? Variable)?.label.split(separator: "/").first.map(String.init) ?? node.op.name
      let index = byName[name] ?? rows.count
      if index == rows.count {
        byName[name] = index
        rows.append(SummaryTable.Row(name: name, type: "", outputShapes: [], parameterCount: 0))
      }
      if let variable = node.op as? Variable {
        rows[index].parameterCount += variable.type.shape.elementCount ?? 0
      } else {
        rows[index].type = rows[index].type.isEmpty ? node.op.name : rows[index].type
        rows[index].outputShapes = [type(of: node.result).shape.dims.map(\.number)]
      }
    }
    return summaryTable(name: self.name, rows: rows).text(style: style, terminalWidth: terminalWidth)
  }
}
