import ApusGraph

/// A binary heap of node ids.
struct NodeHeap {
  private var items: [NodeID]

  init(_ sorted: [NodeID]) { items = sorted }

  mutating func insert(_ item: NodeID) {
    items.append(item)
    var child = items.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      if items[parent] <= items[child] { break }
      items.swapAt(parent, child)
      child = parent
    }
  }

  mutating func popMin() -> NodeID? {
    guard let least = items.first else { return nil }
    let last = items.removeLast()
    if items.isEmpty { return least }
    items[0] = last
    var parent = 0
    while true {
      var smallest = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < items.count && items[child] < items[smallest] {
        smallest = child
      }
      if smallest == parent { return least }
      items.swapAt(parent, smallest)
      parent = smallest
    }
  }
}
