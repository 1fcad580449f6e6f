import ApusCore
import ApusKernels

/// Offsets for buffers with known lifetimes: those that live at the same time do not overlap.
struct ArenaLayout {
  struct Item {
    /// In bytes.
    var size: Int
    /// Positions, both included.
    var first: Int
    var last: Int
  }

  let items: [Item]
  private(set) var offsets: [Int]
  private(set) var size: Int
  /// Bytes that live at the same time, at most: no layout is smaller.
  let lowerBound: Int

  static let alignment = Memory.alignment
  static func aligned(_ size: Int) -> Int { (size + alignment - 1) / alignment * alignment }

  /// Pairs of items that live at the same time above which lists of them cost too much.
  private static let pairLimit = 2_000_000

  init(_ items: [Item]) {
    let items = items.map { Item(size: ArenaLayout.aligned($0.size), first: $0.first, last: $0.last) }
    self.items = items
    let byTime = items.indices.sorted { (items[$0].first, $0) < (items[$1].first, $1) }
    lowerBound = ArenaLayout.largestLiveSet(items)
    (offsets, size) = ArenaLayout.inOrderOfTime(items, byTime)
    guard size > lowerBound, let neighbors = ArenaLayout.neighbors(items, byTime) else { return }

    func length(_ item: Item) -> Int { item.last - item.first }
    // Double: products of sizes and lengths may not fit an Int.
    let keys: [(Item) -> (Double, Double)] = [
      { (Double($0.size), Double(length($0))) },
      { (Double($0.size) * Double(length($0) + 1), Double($0.size)) },
      { (Double(length($0)), Double($0.size)) },
      { (-Double($0.first), Double($0.size)) },
      { (Double($0.last), Double($0.size)) },
    ]
    for key in keys where size > lowerBound {
      let values = items.map(key)
      let order = items.indices.sorted { values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1 }
      let (found, total) = ArenaLayout.bestFit(items, order, neighbors)
      if total < size { (offsets, size) = (found, total) }
    }
  }

  /// The most bytes that live at one position.
  static func largestLiveSet(_ items: [Item]) -> Int {
    var changes = items.map { ($0.first, aligned($0.size)) } + items.map { ($0.last + 1, -aligned($0.size)) }
    changes.sort { $0 < $1 }
    var (live, most) = (0, 0)
    for (_, change) in changes {
      live += change
      most = max(most, live)
    }
    return most
  }

  /// For each item the others that live when it does; nil: too many.
  private static func neighbors(_ items: [Item], _ byTime: [Int]) -> [[Int32]]? {
    var lists = [[Int32]](repeating: [], count: items.count)
    var live: [Int] = []
    var pairs = 0
    for item in byTime {
      live.removeAll { items[$0].last < items[item].first }
      pairs += live.count
      if pairs > pairLimit { return nil }
      for other in live {
        lists[item].append(Int32(other))
        lists[other].append(Int32(item))
      }
      live.append(item)
    }
    return lists
  }

  /// Places items in an order, each in the smallest gap that holds it among those that live when it does.
  private static func bestFit(_ items: [Item], _ order: [Int], _ neighbors: [[Int32]]) -> ([Int], Int) {
    var offsets = [Int](repeating: -1, count: items.count)
    var total = 0
    var taken: [(Int, Int)] = []
    for item in order {
      taken.removeAll(keepingCapacity: true)
      for other in neighbors[item] where offsets[Int(other)] >= 0 {
        taken.append((offsets[Int(other)], offsets[Int(other)] + items[Int(other)].size))
      }
      taken.sort { $0 < $1 }
      var (end, best, bestGap) = (0, -1, Int.max)
      for (lower, upper) in taken {
        let gap = lower - end
        if gap >= items[item].size, gap < bestGap { (best, bestGap) = (end, gap) }
        end = max(end, upper)
      }
      offsets[item] = best >= 0 ? best : end
      total = max(total, offsets[item] + items[item].size)
    }
    return (offsets, total)
  }

  /// Places items as they come to life, each in the smallest free gap that holds it.
  private static func inOrderOfTime(_ items: [Item], _ byTime: [Int]) -> ([Int], Int) {
    var offsets = [Int](repeating: 0, count: items.count)
    let byEnd = items.indices.sorted { (items[$0].last, $0) < (items[$1].last, $1) }
    var (ended, total) = (0, 0)
    /// Below `total`, in order, never adjacent.
    var gaps: [Range<Int>] = []
    func release(_ range: Range<Int>) {
      var (low, high) = (0, gaps.count)
      while low < high {
        let middle = (low + high) / 2
        if gaps[middle].lowerBound < range.lowerBound { low = middle + 1 } else { high = middle }
      }
      var merged = range
      var replaced = low..<low
      if low > 0, gaps[low - 1].upperBound == range.lowerBound {
        merged = gaps[low - 1].lowerBound..<merged.upperBound
        replaced = low - 1..<low
      }
      if low < gaps.count, gaps[low].lowerBound == range.upperBound {
        merged = merged.lowerBound..<gaps[low].upperBound
        replaced = replaced.lowerBound..<low + 1
      }
      gaps.replaceSubrange(replaced, with: CollectionOfOne(merged))
    }
    for item in byTime {
      while ended < byEnd.count, items[byEnd[ended]].last < items[item].first {
        let other = byEnd[ended]
        if items[other].size > 0 { release(offsets[other]..<offsets[other] + items[other].size) }
        ended += 1
      }
      let size = items[item].size
      if size == 0 { continue }
      var best: Int?
      for (index, gap) in gaps.enumerated() where gap.count >= size {
        if best.map({ gap.count < gaps[$0].count }) ?? true { best = index }
      }
      if let best {
        offsets[item] = gaps[best].lowerBound
        let rest = gaps[best].lowerBound + size..<gaps[best].upperBound
        if rest.isEmpty { gaps.remove(at: best) } else { gaps[best] = rest }
      } else if let top = gaps.last, top.upperBound == total {
        // The free end of the arena grows.
        offsets[item] = top.lowerBound
        gaps.removeLast()
        total = top.lowerBound + size
      } else {
        offsets[item] = total
        total += size
      }
    }
    return (offsets, total)
  }
}

extension Planning {
  /// Offsets by class, the arena's size, and the most bytes that live at one time.
  func arena(_ lifetimes: Lifetimes, _ phases: [ClosedRange<Int>]) -> (offsets: [Int], size: Int, largestLiveSet: Int) {
    var classes: [Int] = []
    var items: [ArenaLayout.Item] = []
    var exact: [ArenaLayout.Item] = []
    for buffer in buffers.indices
    where find(buffer) == buffer && pinned[buffer] == nil && lifetimes.first[buffer] >= 0 && sizes[buffer] > 0 {
      var item = ArenaLayout.Item(size: sizes[buffer], first: lifetimes.first[buffer], last: lifetimes.last[buffer])
      exact.append(item)
      if item.size < options.sharingThreshold {
        item.first = phases[item.first].lowerBound
        item.last = phases[item.last].upperBound
      }
      classes.append(buffer)
      items.append(item)
    }
    let layout = ArenaLayout(items)
    var offsets = [Int](repeating: 0, count: buffers.count)
    for (index, buffer) in classes.enumerated() { offsets[buffer] = layout.offsets[index] }
    return (offsets, layout.size, ArenaLayout.largestLiveSet(exact))
  }
}
