import ApusGraph

/// The nodes of a graph by the names of their layers: `conv2_block1_0_conv` is in `conv2_block1` is in `conv2`.
final class LayerTree {
  enum Child {
    case node(Int)
    case group(LayerTree)
  }

  private(set) var name: String
  private(set) var children: [Child] = []
  private var byName: [String: LayerTree] = [:]
  /// How many nodes it holds.
  private(set) var count = 0

  private init(_ name: String) { self.name = name }

  /// At most so many boxes are shown at once if groups can be folded.
  static let boxLimit = 24
  /// More boxes than this are put into numbered groups.
  static let flatLimit = 60
  /// How many boxes such a group has at most.
  private static let chunkSize = 40

  /// The tree of a graph, each level of which shows some 20 boxes.
  static func of(_ graph: Graph) -> LayerTree {
    let root = LayerTree(graph.name)
    for (node, path) in LayerPaths(graph).paths.enumerated() { root.insert(node, path[...]) }
    root.simplify()
    root.shape()
    return root
  }

  /// The positions of all its nodes.
  var nodes: [Int] {
    children.flatMap { child in
      switch child {
      case .node(let node): [node]
      case .group(let group): group.nodes
      }
    }
  }

  private func insert(_ node: Int, _ path: ArraySlice<String>) {
    count += 1
    guard let first = path.first else { return children.append(.node(node)) }
    let group = byName[first] ?? LayerTree(first)
    if byName.updateValue(group, forKey: first) == nil { children.append(.group(group)) }
    group.insert(node, path.dropFirst())
  }

  /// Takes away groups of one.
  private func simplify() {
    children = children.map { child in
      guard case .group(var group) = child else { return child }
      while group.children.count == 1, case .group(let only) = group.children[0] { group = only }
      group.simplify()
      return group.count == 1 ? group.children[0] : .group(group)
    }
  }

  /// Opens the largest groups while few boxes are seen, and folds boxes if there are too many.
  private func shape() {
    while let position = largestGroup, case .group(let group) = children[position],
      children.count - 1 + group.children.count <= LayerTree.boxLimit
    {
      children.replaceSubrange(position...position, with: group.children)
    }
    while children.count > LayerTree.flatLimit { fold() }
    for case .group(let group) in children { group.shape() }
  }

  private var largestGroup: Int? {
    children.indices.filter { if case .group = children[$0] { true } else { false } }
      .max { size(children[$0]) < size(children[$1]) }
  }

  private func size(_ child: Child) -> Int { if case .group(let group) = child { group.count } else { 1 } }

  private func fold() {
    let parts = (children.count + LayerTree.chunkSize - 1) / LayerTree.chunkSize
    let length = (children.count + parts - 1) / parts
    children = stride(from: 0, to: children.count, by: length).map { start in
      let end = min(children.count, start + length)
      let chunk = LayerTree("part \(start / length + 1) of \(parts)")
      chunk.children = Array(children[start..<end])
      chunk.count = chunk.children.reduce(0) { $0 + size($1) }
      return .group(chunk)
    }
  }
}

/// Where in a tree each node is put.
private struct LayerPaths {
  /// By node: the names of the groups around it, from the outermost.
  let paths: [[String]]

  init(_ graph: Graph) {
    let layers = LayerPaths.layers(graph)
    let isForward = LayerPaths.neededForOutputs(graph)
    let forward = Set(layers.indices.filter { isForward[$0] }.compactMap { layers[$0] })
    paths = layers.indices.map { node in
      guard let layer = layers[node] else { return [] }
      let isGradient = !isForward[node] && forward.contains(layer)
      return LayerPaths.prefixes(layer).map { isGradient ? "∇ " + $0 : $0 }
    }
  }

  /// By node its layer; of nodes without one that of their first reader.
  private static func layers(_ graph: Graph) -> [String?] {
    let readers = graph.readers()
    var layers = graph.nodes.map(\.layer)
    for node in graph.nodes.reversed() where layers[node.id.index] == nil && !(node.op is Parameter) {
      layers[node.id.index] =
        node.results.lazy.flatMap { readers[$0.index] }.compactMap { layers[$0.index] }.first
    }
    return layers
  }

  /// By node whether outputs need it. In a training step the others are gradients and updates.
  private static func neededForOutputs(_ graph: Graph) -> [Bool] {
    guard !graph.updates.isEmpty else { return graph.nodes.map { _ in true } }
    var needed = graph.nodes.map { $0.op is Parameter }
    for output in graph.outputs { needed[graph.producer(of: output).id.index] = true }
    for node in graph.nodes.reversed() where needed[node.id.index] {
      for operand in node.operands { needed[graph.producer(of: operand).id.index] = true }
    }
    return needed
  }

  /// `a`, `a_b`, `a_b_c` of `a_b_c`. A number at the end counts layers of a class (`dense_1`) and has no part of its own.
  static func prefixes(_ name: String) -> [String] {
    var result: [String] = []
    var end = name.startIndex
    while let cut = name[end...].firstIndex(where: { "_/.".contains($0) }) {
      if name[name.index(after: cut)...].allSatisfy(\.isNumber) { break }
      if cut > name.startIndex { result.append(String(name[..<cut])) }
      end = name.index(after: cut)
    }
    return result + [name]
  }
}
