import ApusCore
import ApusKernels

/// What one step of a list touches, class by class.
struct NodeUses {
  /// Bytes from the first to the last of each class that the step reads, and that it writes; in order of appearance.
  private(set) var reads: [(buffer: Int, range: Range<Int>)] = []
  private(set) var writes: [(buffer: Int, range: Range<Int>)] = []
  var read: [Int] { reads.map(\.buffer) }
  var written: [Int] { writes.map(\.buffer) }

  init(_ uses: [MemoryUse]) {
    var (readIndex, writeIndex): ([Int: Int], [Int: Int]) = ([:], [:])
    for use in uses where !use.range.isEmpty {
      if use.reads { NodeUses.widen(&reads, &readIndex, use) }
      if use.writes { NodeUses.widen(&writes, &writeIndex, use) }
    }
  }

  private static func widen(
    _ list: inout [(buffer: Int, range: Range<Int>)], _ index: inout [Int: Int], _ use: MemoryUse
  ) {
    if let known = index[use.buffer] {
      let range = list[known].range
      list[known].range =
        min(range.lowerBound, use.range.lowerBound)..<max(range.upperBound, use.range.upperBound)
    } else {
      index[use.buffer] = list.count
      list.append((use.buffer, use.range))
    }
  }
}

/// An order of steps that keeps what one needs of another, and lets some be moved back.
struct StepOrder {
  /// Nodes as they run.
  private(set) var order: [Int] = []
  private var position: [Int] = []
  private var successors: [[Int]] = []
  /// By class: who touched which bytes, as far as later nodes must know.
  private var reads: [Int: [Record]] = [:]
  private var writes: [Int: [Record]] = [:]
  private var visited: [Bool] = []

  private struct Record {
    var node: Int
    var range: Range<Int>
  }

  /// Records of one class above which the next that writes it stands for all.
  private static let recordLimit = 64

  /// Adds a node after all others, with what it must wait for.
  mutating func append(_ uses: NodeUses) {
    let node = addNode(at: order.count)
    for read in uses.reads {
      wait(node, for: writes[read.buffer], read.range)
      reads[read.buffer, default: []].append(Record(node: node, range: read.range))
    }
    for write in uses.writes {
      var range = write.range
      let count = reads[write.buffer, default: []].count + writes[write.buffer, default: []].count
      if count > StepOrder.recordLimit {
        for record in reads[write.buffer, default: []] + writes[write.buffer, default: []] {
          range = min(range.lowerBound, record.range.lowerBound)..<max(range.upperBound, record.range.upperBound)
        }
      }
      wait(node, for: reads[write.buffer], range)
      wait(node, for: writes[write.buffer], range)
      func isHidden(_ record: Record) -> Bool {
        range.lowerBound <= record.range.lowerBound && record.range.upperBound <= range.upperBound
      }
      reads[write.buffer]?.removeAll(where: isHidden)
      writes[write.buffer, default: []].removeAll(where: isHidden)
      writes[write.buffer, default: []].append(Record(node: node, range: range))
    }
  }

  private mutating func wait(_ node: Int, for records: [Record]?, _ range: Range<Int>) {
    for record in records ?? [] where record.node != node && record.range.overlaps(range) {
      connect(record.node, before: node)
    }
  }

  private mutating func addNode(at place: Int) -> Int {
    let node = successors.count
    successors.append([])
    visited.append(false)
    order.insert(node, at: place)
    position.append(place)
    for later in order[place...].indices { position[order[later]] = later }
    return node
  }

  /// Adds a node that touches nothing.
  mutating func insertNode(after earlier: Int) -> Int { addNode(at: position[earlier] + 1) }

  mutating func connect(_ earlier: Int, before later: Int) {
    if successors[earlier].last != later { successors[earlier].append(later) }
  }

  /// Moves nodes, and those that depend on them, back so far that they come after others.
  /// - Returns: false, and the order as it was, if one of the others depends on one of the nodes.
  mutating func move(_ nodes: [Int], after others: [Int]) -> Bool {
    guard let limit = others.map({ position[$0] }).max() else { return true }
    var stack = nodes.filter { position[$0] <= limit }
    var reached: [Int] = []
    while let node = stack.popLast() {
      if visited[node] { continue }
      visited[node] = true
      reached.append(node)
      stack += successors[node].filter { position[$0] <= limit && !visited[$0] }
    }
    defer { for node in reached { visited[node] = false } }
    if others.contains(where: { visited[$0] }) { return false }
    guard let first = reached.map({ position[$0] }).min() else { return true }
    let region = order[first...limit]
    let moved = region.filter { !visited[$0] } + region.filter { visited[$0] }
    for (offset, node) in moved.enumerated() {
      order[first + offset] = node
      position[node] = first + offset
    }
    return true
  }
}
