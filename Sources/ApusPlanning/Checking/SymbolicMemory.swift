/// Who wrote bytes, for which buffer, and when.
struct SymbolicContent {
  /// 0: nothing that means something.
  var symbol: Int
  /// The buffer of the draft that the bytes are.
  var owner: Int
  /// The number of the draft's launch; nil: there before the program ran.
  var writer: Int?
  /// By `IterationClock`.
  var time: Int

  static let nothing = SymbolicContent(symbol: 0, owner: -1, writer: nil, time: 0)
}

/// Bytes of a memory with what is in them.
struct SymbolicMemory {
  typealias Segment = (range: Range<Int>, content: SymbolicContent)
  /// In order, apart from each other; bytes between hold nothing.
  private(set) var segments: [Segment] = []

  /// What lies in a range, cut to it.
  subscript(range: Range<Int>) -> [Segment] {
    var found: [Segment] = []
    var index = firstIndex(endingAfter: range.lowerBound)
    while index < segments.count, segments[index].range.lowerBound < range.upperBound {
      let cut = segments[index].range.clamped(to: range)
      if !cut.isEmpty { found.append((cut, segments[index].content)) }
      index += 1
    }
    return found
  }

  /// What lies in a range, and `nothing` between.
  func complete(_ range: Range<Int>) -> [Segment] {
    var result: [Segment] = []
    var at = range.lowerBound
    for segment in self[range] {
      if at < segment.range.lowerBound { result.append((at..<segment.range.lowerBound, .nothing)) }
      result.append(segment)
      at = segment.range.upperBound
    }
    if at < range.upperBound { result.append((at..<range.upperBound, .nothing)) }
    return result
  }

  mutating func set(_ range: Range<Int>, _ contents: [Segment]) {
    if range.isEmpty { return }
    let first = firstIndex(endingAfter: range.lowerBound)
    var end = first
    var (before, after): ([Segment], [Segment]) = ([], [])
    while end < segments.count, segments[end].range.lowerBound < range.upperBound {
      let old = segments[end]
      if old.range.lowerBound < range.lowerBound {
        before.append((old.range.lowerBound..<range.lowerBound, old.content))
      }
      if old.range.upperBound > range.upperBound {
        after.append((range.upperBound..<old.range.upperBound, old.content))
      }
      end += 1
    }
    segments.replaceSubrange(first..<end, with: before + contents + after)
  }

  mutating func set(_ range: Range<Int>, _ content: SymbolicContent) { set(range, [(range, content)]) }

  mutating func change(_ range: Range<Int>, _ body: (inout SymbolicContent) -> Void) {
    set(
      range,
      self[range].map { segment in
        var changed = segment
        body(&changed.content)
        return changed
      })
  }

  /// Changes all that there is.
  mutating func changeAll(_ body: (inout SymbolicContent) -> Void) {
    for index in segments.indices { body(&segments[index].content) }
  }

  private func firstIndex(endingAfter byte: Int) -> Int {
    var (low, high) = (0, segments.count)
    while low < high {
      let middle = (low + high) / 2
      if segments[middle].range.upperBound <= byte { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// Symbols, each for what a buffer held at the beginning, or for one launch, argument and earlier content.
struct SymbolTable {
  private enum Key: Hashable {
    case initial(buffer: Int)
    case batch(Int, of: Int)
    case written(StepInstance, argument: Int, old: Int)
  }
  private var known: [Key: Int] = [:]
  /// By symbol: which batch of a parameter it is.
  private(set) var batches: [Int: Int] = [:]

  private mutating func symbol(_ key: Key) -> Int {
    if let symbol = known[key] { return symbol }
    let symbol = known.count + 1
    known[key] = symbol
    return symbol
  }

  /// What a buffer holds when a program begins.
  mutating func initial(_ buffer: Int) -> SymbolicContent {
    SymbolicContent(symbol: symbol(.initial(buffer: buffer)), owner: buffer, writer: nil, time: 0)
  }

  /// One batch of a parameter.
  mutating func batch(_ number: Int, of buffer: Int) -> SymbolicContent {
    let symbol = symbol(.batch(number, of: buffer))
    batches[symbol] = number
    return SymbolicContent(symbol: symbol, owner: buffer, writer: nil, time: 0)
  }

  /// The new content of bytes: it depends on the old one if that is the same buffer's and of this iteration, because a
  /// launch may write only some of the bytes that it is said to.
  mutating func written(
    _ instance: StepInstance, _ argument: Int, _ owner: Int, _ old: [SymbolicMemory.Segment], _ clock: IterationClock
  ) -> [SymbolicMemory.Segment] {
    old.map { segment in
      let counts = segment.content.owner == owner && !clock.isStale(segment.content)
      let symbol = symbol(.written(instance, argument: argument, old: counts ? segment.content.symbol : 0))
      return (
        segment.range, SymbolicContent(symbol: symbol, owner: owner, writer: instance.number, time: clock.now)
      )
    }
  }
}

/// Tells what is left of an earlier iteration. A buffer that only means something within an iteration of a loop means
/// nothing at the beginning of the next one, unless that reads it first.
struct IterationClock {
  private(set) var now = 1
  /// By buffer: when the iteration began that it means something in.
  private var beginnings: [Int]

  init(bufferCount: Int) { beginnings = Array(repeating: 0, count: bufferCount) }

  mutating func begin(_ locals: [Int]) {
    now += 1
    for buffer in locals { beginnings[buffer] = now }
  }

  func isStale(_ content: SymbolicContent) -> Bool { content.owner >= 0 && content.time < beginnings[content.owner] }
}
