import ApusCore
import ApusKernels

/// Bytes of a class of buffers that a step may touch, over all iterations of the loops around and inside it.
struct MemoryUse {
  var buffer: Int
  var range: Range<Int>
  var reads: Bool
  var writes: Bool
}

extension Planning {
  func byteCount(_ launch: Launch, argument: Int) -> Int {
    let buffer = kernels[launch.kernel].buffers[argument]
    return buffer.count * buffer.dtype.byteCount
  }

  /// All bytes that a place covers while loops run.
  func hull(_ location: Location, byteCount: Int, _ loops: IterationCounts) -> Range<Int> {
    var (lower, upper) = (location.offset, location.offset + byteCount)
    for (stride, count) in zip(location.strides, loops) where stride != 0 {
      guard let count else { return 0..<buffers[location.buffer].byteCount }
      lower += min(0, stride * (count - 1))
      upper += max(0, stride * (count - 1))
    }
    return lower..<upper
  }

  /// What a launch touches, argument by argument.
  func memoryUses(_ launch: Launch, _ loops: IterationCounts) -> [MemoryUse] {
    let kernel = kernels[launch.kernel]
    return launch.arguments.indices.map { argument in
      let use = kernel.buffers[argument].use
      let location = launch.arguments[argument]
      return MemoryUse(
        buffer: find(location.buffer), range: hull(location, byteCount: byteCount(launch, argument: argument), loops),
        reads: use != .write, writes: use != .read)
    }
  }

  func memoryUse(condition: Location, _ loops: IterationCounts) -> MemoryUse {
    MemoryUse(buffer: find(condition.buffer), range: hull(condition, byteCount: 1, loops), reads: true, writes: false)
  }

  /// What a step and all inside it touch.
  func memoryUses(_ step: DraftStep, _ loops: IterationCounts) -> [MemoryUse] {
    var uses: [MemoryUse] = []
    CollectionOfOne(step).walk(loops: loops) { event, position in
      if case .launch(let launch) = event { uses += memoryUses(launch.launch, position.loops) }
      if case .condition(let condition, _) = event { uses.append(memoryUse(condition: condition, position.loops)) }
    }
    return uses
  }

  func canFail(_ step: DraftStep) -> Bool {
    CollectionOfOne(step).launches().contains { canFail[$0.launch.kernel] }
  }

  /// Whether a launch may write `target` where it reads `value`, because each unit reads an element before it, and only
  /// it, writes the same element.
  func mayShare(_ launch: DraftLaunch, target: Int, value: Int) -> Bool {
    let call = launch.launch
    let kernel = kernels[call.kernel]
    for write in call.arguments.indices where find(call.arguments[write].buffer) == target {
      guard kernel.buffers[write].use != .read else { continue }
      for read in call.arguments.indices where find(call.arguments[read].buffer) == value {
        let (a, b) = (call.arguments[write], call.arguments[read])
        guard launch.inPlace.contains(where: { $0.write == write && $0.read == read }),
          kernel.buffers[read].use == .read,
          a.offset == b.offset, a.strides == b.strides,
          kernel.buffers[write].dtype.byteCount == kernel.buffers[read].dtype.byteCount,
          kernel.buffers[write].count == kernel.buffers[read].count
        else { return false }
      }
    }
    return true
  }
}

/// What a run of steps reads before it writes it, and what it surely writes, by the bytes that kernels may touch.
struct Exposure {
  /// Of classes read before they are written.
  private(set) var exposed: Set<Int> = []
  /// By class: bytes written whatever branches are taken.
  private(set) var defined: [Int: ByteSet] = [:]

  mutating func read(_ buffer: Int, _ range: Range<Int>) {
    guard !range.isEmpty else { return }
    if defined[buffer]?.contains(range) != true { exposed.insert(buffer) }
  }

  mutating func write(_ buffer: Int, _ range: Range<Int>) {
    guard !range.isEmpty else { return }
    defined[buffer, default: ByteSet()].insert(range)
  }

  mutating func use(_ uses: [MemoryUse]) {
    for use in uses where use.reads { read(use.buffer, use.range) }
    for use in uses where use.writes { write(use.buffer, use.range) }
  }
}

extension Exposure {
  /// Continues with steps.
  mutating func append(_ steps: [DraftStep], _ planning: Planning, _ loops: IterationCounts) {
    for step in steps {
      switch step {
      case .launch(let launch): use(planning.memoryUses(launch.launch, loops))
      case .barrier: break
      case .loop(let count, _, let body): append(body, planning, loops + [count])
      case .branch(let condition, let then, let otherwise):
        use([planning.memoryUse(condition: condition, loops)])
        var (first, second) = (self, self)
        first.append(then, planning, loops)
        second.append(otherwise, planning, loops)
        exposed = first.exposed.union(second.exposed)
        defined = first.defined.merging(second.defined) { $0.intersection($1) }
          .filter { first.defined[$0.key] != nil && second.defined[$0.key] != nil }
      case .whileLoop(let condition, let limit, _, let test, let body):
        append(test, planning, loops + [limit])
        use([planning.memoryUse(condition: condition, loops + [limit])])
        // The body may not run at all.
        var inside = self
        inside.append(body, planning, loops + [limit])
        exposed = inside.exposed
      }
    }
  }
}

/// Disjoint ranges in order.
struct ByteSet: Equatable {
  private var ranges: [Range<Int>] = []

  func contains(_ range: Range<Int>) -> Bool {
    ranges.contains { $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound }
  }

  func intersection(_ other: ByteSet) -> ByteSet {
    if self == other { return self }
    var common = ByteSet()
    for a in ranges {
      for b in other.ranges where a.overlaps(b) { common.insert(a.clamped(to: b)) }
    }
    return common
  }

  mutating func insert(_ range: Range<Int>) {
    if let last = ranges.last, last.upperBound < range.lowerBound {
      ranges.append(range)
      return
    }
    var merged = range
    var kept: [Range<Int>] = []
    for other in ranges {
      if other.upperBound < merged.lowerBound || other.lowerBound > merged.upperBound {
        kept.append(other)
      } else {
        merged = min(merged.lowerBound, other.lowerBound)..<max(merged.upperBound, other.upperBound)
      }
    }
    let at = kept.firstIndex { $0.lowerBound > merged.lowerBound } ?? kept.count
    kept.insert(merged, at: at)
    ranges = kept
  }
}
