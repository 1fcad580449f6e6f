import ApusGraph

extension GradientExplanation {
  /// For a terminal.
  public var text: String {
    sections.map { section in
      let lines = section.equations.map { equation in
        let left = equation.left.text
        let space = String(repeating: " ", count: left.count)
        // Long products go below each other.
        let parts = equation.right.map(\.text)
        let isLong = left.count + parts.reduce(0) { $0 + $1.count + 3 } > 110
        return "  \(left) \(equation.sign) " + parts.joined(separator: isLong ? "\n  \(space) = " : " = ")
      }
      return "\(section.title)\n" + lines.map { $0 + "\n" }.joined()
    }.joined(separator: "\n")
  }

  /// For a document that uses amsmath.
  public var latex: String {
    sections.map { section in
      let lines = section.equations.map { equation in
        let sign = equation.sign == "=" ? "=" : "\\leftarrow"
        return "  \(equation.left.latex) &\(sign) \(equation.right.map(\.latex).joined(separator: " = "))"
      }
      return "% \(section.title)\n\\begin{align*}\n" + lines.joined(separator: " \\\\\n") + "\n\\end{align*}\n"
    }.joined(separator: "\n")
  }

  /// A page of its own, in light and dark, without scripts.
  /// - Parameter drawing: an SVG of `dot`; nil: none.
  public func html(drawing: String? = nil) -> String {
    var body = ""
    if let drawing, let start = drawing.range(of: "<svg") {
      body += "<figure>\(drawing[start.lowerBound...])</figure>\n"
    }
    for section in sections {
      body += "<h2>\(section.title)</h2>\n"
      for equation in section.equations {
        let sign = "<mo>\(equation.sign)</mo>"
        let right = equation.right.map { "<mrow>\($0.mathML)</mrow>" }.joined(separator: "<mo>=</mo>")
        body += "<p><math displaystyle=\"true\"><mrow>\(equation.left.mathML)</mrow>\(sign)\(right)</math></p>\n"
      }
    }
    return """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8"><title>\(graph.name)</title>
      <style>
      :root { color-scheme: light dark; font-family: system-ui, sans-serif; }
      body { max-width: 70rem; margin: 1.5rem auto; padding: 0 1rem; }
      h2 { font-size: 1.1rem; border-bottom: 1px solid #8886; margin: 1.6rem 0 .4rem; }
      p { margin: .55rem 0; overflow-x: auto; } math { font-size: 1.12rem; }
      figure { margin: 1rem 0; padding: 1rem; background: #fff; border-radius: 6px; overflow-x: auto; }
      figure svg { max-width: 100%; height: auto; display: block; margin: auto; }
      </style></head><body>
      <h1>\(graph.name)</h1>
      \(body)</body></html>

      """
  }

  /// The graph in Graphviz's language: values in the boxes, local derivatives on the edges.
  public var dot: String {
    func quote(_ text: String) -> String {
      "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n"))\""
    }
    var text = "digraph {\n  graph [rankdir=LR, nodesep=0.3, ranksep=0.9];\n"
    text +=
      "  node [fontname=\"Helvetica\", fontsize=12, shape=box, style=\"rounded,filled\", fillcolor=\"#e8f0fe\"];\n"
    text += "  edge [fontname=\"Helvetica\", fontsize=10, fontcolor=\"#0b62c4\", color=\"#5d6a75\"];\n"
    for node in graph.nodes where !(node.op is Constant) {
      for id in node.results {
        guard let value = values[id] else { continue }
        let isGiven = node.op.traits.contains(.declaration)
        let number = FormulaReader.number(value, digits: digits ?? 6).text
        let shape = isGiven ? ", shape=oval, fillcolor=\"#ffffff\"" : ""
        text += "  v\(id.index) [label=\(quote("\(name(of: id))\n\(number)"))\(shape)];\n"
      }
      var seen = Set<ValueID>()
      for operand in node.operands where !(graph.producer(of: operand).op is Constant) && seen.insert(operand).inserted
      {
        for id in node.results {
          let local = locals.first { $0.of == id && $0.by == operand }
          let label = local.map {
            "∂\(name(of: id))/∂\(name(of: operand)) = \(FormulaReader.number($0.value, digits: digits ?? 6).text)"
          }
          text += "  v\(operand.index) -> v\(id.index) [label=\(quote(label ?? ""))];\n"
        }
      }
    }
    return text + "}\n"
  }
}
