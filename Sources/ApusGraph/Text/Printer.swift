import ApusCore

/// How graphs are printed.
public struct PrintOptions: Sendable {
  /// Constants with more elements than this print as `elided`, for reading only; nil prints all, for parsing.
  public var elidingConstantsAbove: Int?

  public init(elidingConstantsAbove: Int? = nil) { self.elidingConstantsAbove = elidingConstantsAbove }

  /// What the parser reads back as the same graph.
  public static let exact = PrintOptions()
  public static let readable = PrintOptions(elidingConstantsAbove: 16)
}

extension Graph: CustomStringConvertible {
  public var description: String { text() }

  /// The graph in the text format; see Docs/TextFormat.md.
  public func text(_ options: PrintOptions = .exact) -> String {
    var printer = Printer(options: options)
    printer.write(self)
    return printer.text
  }

  /// One node as in `text`, without indentation.
  public func text(of node: Node, _ options: PrintOptions = .readable) -> String {
    var printer = Printer(options: options)
    printer.write(node, in: self, indentation: "")
    return printer.text
  }
}

private struct Printer {
  let options: PrintOptions
  var text = ""

  mutating func write(_ graph: Graph) {
    // Parameters that come first are in the header; later ones are statements, so that ids do not change.
    let header = graph.nodes.prefix { $0.op is Parameter }
    text += "graph @\(graph.name)(\(parameters(header, graph))) {\n"
    writeBody(graph, from: header.count, indentation: "  ")
    text += "}\n"
  }

  private func parameters(_ nodes: some Sequence<Node>, _ graph: Graph) -> String {
    nodes.map { "\(graph.label(of: $0.result)): \(graph.type(of: $0.result))" }.joined(separator: ", ")
  }

  private mutating func writeBody(_ graph: Graph, from start: Int, indentation: String) {
    for node in graph.nodes[start...] {
      text += indentation
      write(node, in: graph, indentation: indentation)
      text += "\n"
    }
    for update in graph.updates {
      text += "\(indentation)update \(graph.label(of: update.variable)) = \(graph.label(of: update.value))\n"
    }
    text += "\(indentation)return"
    if !graph.outputs.isEmpty { text += " " + graph.outputs.map { graph.label(of: $0) }.joined(separator: ", ") }
    text += "\n"
  }

  mutating func write(_ node: Node, in graph: Graph, indentation: String) {
    let results = node.results.map { "\(graph.label(of: $0)): \(graph.type(of: $0))" }
    text += "\(results.joined(separator: ", ")) = \(node.op.name)(\(arguments(of: node, in: graph)))"
    for region in node.regions {
      let header = region.nodes.prefix { $0.op is Parameter }
      text += " { (\(parameters(header, region))) in\n"
      writeBody(region, from: header.count, indentation: indentation + "  ")
      text += "\(indentation)}"
    }
    if let name = node.origin.name { text += " from \(AttributeText.quote(name))" }
  }

  private func arguments(of node: Node, in graph: Graph) -> String {
    if let constant = node.op as? Constant {
      return AttributeText.literal(constant.value, elidingAbove: options.elidingConstantsAbove)
    }
    return (node.operands.map { graph.label(of: $0) } + node.op.settings).joined(separator: ", ")
  }
}

extension Operator {
  /// The attributes that a call has to spell: `axis: 1`. Those that have their defaults are left out.
  package var settings: [String] {
    record.attributes.compactMap { attribute in
      guard let value = attribute.read(self) else { return nil }
      if attribute.isPositional { return AttributeText.describe(value) }
      guard attribute.isRequired || value != attribute.defaultValue else { return nil }
      return "\(attribute.name): \(AttributeText.describe(value))"
    }
  }
}
