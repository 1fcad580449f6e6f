import ApusGraph
import ApusInspection

/// Draws a graph as nested groups: each group is a drawing of its own whose boxes are nodes and smaller groups.
struct StageDrawing {
  private(set) var groups: [Report.Group] = []
  /// The drawing of each region, by the address of its node and its number.
  private(set) var regionGroups: [String: Int] = [:]

  /// - Parameter book: takes the layouts; nil: there are none.
  init(_ graph: Graph, _ book: inout LayoutBook?) {
    draw(LayerTree.of(graph), graph, prefix: "", owner: nil, parent: nil, &book)
    drawRegions(graph, prefix: "", &book)
  }

  private mutating func drawRegions(_ graph: Graph, prefix: String, _ book: inout LayoutBook?) {
    for node in graph.nodes {
      for (number, region) in node.regions.enumerated() {
        let owner = "\(prefix)\(node.id.index)"
        let inside = "\(owner).\(number)."
        regionGroups["\(owner).\(number)"] = groups.count
        draw(LayerTree.of(region), region, prefix: inside, owner: owner, parent: nil, &book)
        drawRegions(region, prefix: inside, &book)
      }
    }
  }

  private mutating func draw(
    _ tree: LayerTree, _ graph: Graph, prefix: String, owner: String?, parent: Int?, _ book: inout LayoutBook?
  ) {
    let number = groups.count
    groups.append(
      Report.Group(
        name: tree.name, parent: parent, owner: owner, count: tree.count, layout: nil, items: [], hidden: 0))
    var sketch = GroupSketch(graph, prefix)
    for child in tree.children {
      switch child {
      case .node(let node): sketch.add(node)
      case .group(let group):
        sketch.add(group, number: groups.count)
        draw(group, graph, prefix: prefix, owner: owner, parent: number, &book)
      }
    }
    sketch.connect()
    groups[number].items = sketch.items
    groups[number].hidden = sketch.hidden
    groups[number].layout = book?.number(of: sketch.sketch)
  }
}

/// The boxes and edges of one drawing.
private struct GroupSketch {
  private let graph: Graph
  private let prefix: String
  private(set) var items: [Report.Item] = []
  private(set) var sketch = LayoutBook.Sketch()
  /// Values that come from or go to other groups and are not shown.
  private(set) var hidden = 0
  /// The box that each node of the group is in.
  private var boxes: [Int: Int] = [:]
  private var members: [Int] = []

  /// So many sources and so many readers elsewhere are shown.
  private static let neighborLimit = 10

  init(_ graph: Graph, _ prefix: String) { (self.graph, self.prefix) = (graph, prefix) }

  mutating func add(_ node: Int) {
    boxes[node] = items.count
    members.append(node)
    append(.node, node: node, lines: BoxText.lines(of: graph.nodes[node], in: graph))
  }

  mutating func add(_ group: LayerTree, number: Int) {
    for node in group.nodes {
      boxes[node] = items.count
      members.append(node)
    }
    items.append(Report.Item(kind: .group, node: nil, group: number))
    sketch.boxes.append(BoxText.size([group.name, "\(group.count) nodes"]))
  }

  private mutating func append(_ kind: Report.Item.Kind, node: Int, lines: [String]) {
    items.append(Report.Item(kind: kind, node: "\(prefix)\(node)", group: nil))
    sketch.boxes.append(BoxText.size(lines))
  }

  /// Draws the edges between boxes, and boxes for the neighbors.
  mutating func connect() {
    var edges = Set<LayoutBook.Sketch.Edge>()
    var sources: [Int: Int] = [:]
    var readers: [Int: Int] = [:]
    let readersOfValue = graph.readers()
    func join(_ from: Int, _ to: Int) {
      let edge = LayoutBook.Sketch.Edge(from: from, to: to)
      if from != to, edges.insert(edge).inserted { sketch.edges.append(edge) }
    }
    for node in members.sorted() {
      guard let box = boxes[node] else { continue }
      for operand in graph.nodes[node].operands {
        let source = graph.producer(of: operand).id.index
        if let from = boxes[source] ?? neighbor(source, .source, &sources) { join(from, box) }
      }
      for reader in graph.nodes[node].results.flatMap({ readersOfValue[$0.index] }) where boxes[reader.index] == nil {
        if let to = neighbor(reader.index, .reader, &readers) { join(box, to) }
      }
    }
  }

  private mutating func neighbor(_ node: Int, _ kind: Report.Item.Kind, _ known: inout [Int: Int]) -> Int? {
    if let box = known[node] { return box }
    guard known.count < Self.neighborLimit else {
      hidden += 1
      return nil
    }
    known[node] = items.count
    append(kind, node: node, lines: [BoxText.label(of: graph.nodes[node], in: graph)])
    return items.count - 1
  }
}

/// What a box says, and how large it must be. The page writes the same lines.
enum BoxText {
  static func label(of node: Node, in graph: Graph) -> String {
    node.results.map { graph.label(of: $0) }.joined(separator: ", ")
  }

  static func lines(of node: Node, in graph: Graph) -> [String] {
    [title(of: node, in: graph), operators(of: node) ?? type(of: node, in: graph)]
  }

  /// What a node with regions is made of; nil of one without.
  private static func operators(of node: Node) -> String? {
    guard !node.regions.isEmpty else { return nil }
    let nodes = node.regions.flatMap(\.nodes).filter { !$0.op.traits.contains(.declaration) }
    return nodes.map(\.op.name).joined(separator: ", ")
  }

  /// Inputs and variables are known by their names alone.
  private static func title(of node: Node, in graph: Graph) -> String {
    let label = label(of: node, in: graph)
    return node.op is Parameter || node.op is Variable ? label : node.op.name + "  " + label
  }

  static func type(of node: Node, in graph: Graph) -> String {
    graph.resultTypes(of: node).map(\.description).joined(separator: ", ")
  }

  /// In points: 12-point letters are some 6.4 wide; longer lines are cut by the page.
  static func size(_ lines: [String]) -> LayoutBook.Sketch.Size {
    let letters = min(38, max(7, lines.map(\.count).max() ?? 0))
    // Steps of some letters: drawings that differ by a digit share their layout.
    return LayoutBook.Sketch.Size(width: 20 + (letters + 3) / 4 * 4 * 13 / 2, height: lines.count > 1 ? 38 : 22)
  }
}
