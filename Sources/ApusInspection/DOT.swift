import ApusCore
import ApusGraph

extension Graph {
  /// The graph in Graphviz's language: inputs and variables as ovals, nodes as boxes colored by family, a region as a
  /// cluster inside its node, results' types on the edges.
  public func dot() -> String {
    var writer = DOTWriter()
    writer.write(self)
    return writer.text
  }
}

private struct DOTWriter {
  private(set) var text = ""
  private var nextCluster = 0

  mutating func write(_ graph: Graph) {
    text += "digraph \(quote(graph.name)) {\n"
    text += "  graph [rankdir=TB, fontname=\"Helvetica\", labeljust=l, nodesep=0.25, ranksep=0.35];\n"
    text += "  node [fontname=\"Helvetica\", fontsize=11, style=\"filled,rounded\", shape=box, color=\"#5b6770\"];\n"
    text += "  edge [fontname=\"Helvetica\", fontsize=9, color=\"#5b6770\", fontcolor=\"#5b6770\"];\n"
    body(graph, prefix: "n", indentation: "  ")
    text += "}\n"
  }

  private mutating func body(_ graph: Graph, prefix: String, indentation: String) {
    for node in graph.nodes {
      let name = "\(prefix)\(node.id.index)"
      text += "\(indentation)\(name) [\(style(of: node, in: graph))];\n"
      for operand in node.operands {
        let source = "\(prefix)\(graph.producer(of: operand).id.index)"
        text += "\(indentation)\(source) -> \(name) [label=\(quote(graph.type(of: operand).description))];\n"
      }
      for (index, region) in node.regions.enumerated() {
        nextCluster += 1
        text += "\(indentation)subgraph cluster_\(nextCluster) {\n"
        text +=
          "\(indentation)  label=\(quote("\(graph.label(of: node.results.first ?? ValueID(0))): \(region.name)"));"
        text += " style=\"rounded,dashed\"; color=\"#9aa5ab\";\n"
        body(region, prefix: "\(name)_\(index)_", indentation: indentation + "  ")
        text += "\(indentation)}\n"
        if let last = region.outputs.last {
          let source = "\(name)_\(index)_\(region.producer(of: last).id.index)"
          text += "\(indentation)\(source) -> \(name) [style=dotted];\n"
        }
      }
    }
    for (index, output) in graph.outputs.enumerated() {
      let name = "\(prefix)out\(index)"
      text +=
        "\(indentation)\(name) [label=\(quote("output \(index)\n\(graph.type(of: output))")), shape=oval, fillcolor=\"#ffffff\"];\n"
      text += "\(indentation)\(prefix)\(graph.producer(of: output).id.index) -> \(name);\n"
    }
    for update in graph.updates {
      let source = "\(prefix)\(graph.producer(of: update.value).id.index)"
      let target = "\(prefix)\(graph.producer(of: update.variable).id.index)"
      text += "\(indentation)\(source) -> \(target) [style=dashed, label=\"update\", constraint=false];\n"
    }
  }

  private func style(of node: Node, in graph: Graph) -> String {
    let results = node.results.map { "\(graph.label(of: $0)): \(graph.type(of: $0))" }.joined(separator: "\n")
    let label = node.op.traits.contains(.declaration) ? results : "\(node.op.name)\n\(results)"
    let shape = node.op.traits.contains(.declaration) ? ", shape=oval" : ""
    let origin = node.origin.name.map { ", tooltip=\(quote($0))" } ?? ""
    return "label=\(quote(label)), fillcolor=\"\(color(of: node.op.record.family))\"\(shape)\(origin)"
  }

  private func color(of family: OperatorFamily) -> String {
    switch family {
    case .declaration: "#eceff1"
    case .elementwise, .comparison: "#dcedc8"
    case .activation: "#ffe0b2"
    case .reduction, .statistics: "#d1c4e9"
    case .shape, .indexing: "#e1e8ec"
    case .contraction, .convolution: "#bbdefb"
    case .window: "#b2dfdb"
    case .random: "#fff9c4"
    case .control: "#f8bbd0"
    case .normalization: "#ffccbc"
    case .loss: "#ffcdd2"
    }
  }

  private func quote(_ text: String) -> String {
    var result = "\""
    for c in text {
      switch c {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      default: result.append(c)
      }
    }
    return result + "\""
  }
}
