import ApusCore
import ApusGraph

extension WireMessage {
  /// A graph as TensorBoard draws one: a `GraphDef` (tensorflow/core/framework/graph.proto, node_def.proto). A node is an
  /// operator, in the group of its layer; what regions hold is not drawn.
  init(drawing graph: Graph) {
    self.init()
    var names: [String] = []
    var taken: [String: Int] = [:]
    for node in graph.nodes {
      let parts = [node.origin.name, node.op.name].compactMap(\.self).joined(separator: "/")
      var name = String(parts.map { $0.isASCII && ($0.isLetter || $0.isNumber || "_.-/".contains($0)) ? $0 : "_" })
      if name.first.map({ !$0.isLetter && !$0.isNumber }) ?? true { name = "n" + name }
      let count = taken[name, default: 0]
      taken[name] = count + 1
      names.append(count == 0 ? name : "\(name)_\(count)")
    }
    // Which node makes a value, and as which of its results.
    var makers: [ValueID: String] = [:]
    for (node, name) in zip(graph.nodes, names) {
      for (position, result) in node.results.enumerated() {
        makers[result] = position == 0 ? name : "\(name):\(position)"
      }
    }
    for (node, name) in zip(graph.nodes, names) {
      var message = WireMessage()
      message.append(1, string: name)
      message.append(2, string: node.op.name)
      for operand in node.operands { if let maker = makers[operand] { message.append(3, string: maker) } }
      var entry = WireMessage()
      entry.append(1, string: "_output_shapes")
      entry.append(2, message: WireMessage(shapes: node.results.map { graph.type(of: $0).shape }))
      message.append(5, message: entry)
      append(1, message: message)
    }
    var version = WireMessage()
    version.append(1, int64: 1)
    append(4, message: version)
  }

  /// An `AttrValue` with a list of shapes; an axis whose size is not known has −1.
  private init(shapes: [Shape]) {
    self.init()
    var list = WireMessage()
    for shape in shapes {
      var message = WireMessage()
      for dim in shape.dims {
        var axis = WireMessage()
        axis.append(1, int64: Int64(dim.number ?? -1))
        message.append(2, message: axis)
      }
      list.append(7, message: message)
    }
    append(1, message: list)
  }
}
