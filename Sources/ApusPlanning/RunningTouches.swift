import ApusKernels

/// Bytes that a launch touches.
struct Touch: Hashable {
  var memory: Int
  /// In the first iteration of each loop around, as seen from the iteration that is now.
  var range: Range<Int>
  /// By loop, outermost first, without zeros at the end.
  var strides: [Int]
  var writes: Bool
  var isSerial: Bool
  var isVariable: Bool
  /// The buffer's own bytes.
  var limits: Range<Int>
  /// Loops of which the range covers all iterations before the one that is now.
  var past: [Int] = []

  func stride(_ loop: Int) -> Int { loop < strides.count ? strides[loop] : 0 }

  func conflicts(_ other: Touch, _ loops: IterationCounts) -> Bool {
    guard memory == other.memory, writes || other.writes, !(isSerial && other.isSerial) else { return false }
    if strides == other.strides { return range.overlaps(other.range) }
    var (a, b) = (self, other)
    for (loop, count) in loops.enumerated() where a.stride(loop) != b.stride(loop) {
      a.widen(over: loop, count)
      b.widen(over: loop, count)
    }
    return a.range.overlaps(b.range)
  }

  /// All bytes over the iterations of a loop.
  mutating func widen(over loop: Int, _ count: Int?) { widen(stride(loop), 0, count.map { $0 - 1 }) }

  /// The bytes of all iterations before the one that is now.
  mutating func recede(_ loop: Int, _ count: Int?) {
    guard !past.contains(loop), stride(loop) != 0 else { return }
    past.append(loop)
    widen(-stride(loop), 1, count.map { max(1, $0 - 1) })
  }

  /// Covers the range moved by `stride` times `least` to `most` (nil: any number).
  private mutating func widen(_ stride: Int, _ least: Int, _ most: Int?) {
    if stride == 0 { return }
    guard let most else {
      range = limits
      return
    }
    let (a, b) = (stride * least, stride * most)
    range = range.lowerBound + min(a, b)..<range.upperBound + max(a, b)
  }
}

/// What workers may still be doing at a place in the program.
struct Running {
  var touches: [Touch] = []
  var mayFail = false
  var isEmpty: Bool { touches.isEmpty && !mayFail }

  func conflicts(_ others: [Touch], _ loops: IterationCounts) -> Bool {
    touches.contains { touch in others.contains { touch.conflicts($0, loops) } }
  }

  mutating func merge(_ other: Running) {
    mayFail = mayFail || other.mayFail
    var known = Set(touches)
    for touch in other.touches where known.insert(touch).inserted { touches.append(touch) }
  }

  /// As seen from the next iteration of a loop: what was done in this one and those before.
  func nextIteration(_ loop: Int, _ count: Int?) -> Running {
    var next = Running(mayFail: mayFail)
    var known: Set<Touch> = []
    for var touch in touches {
      touch.recede(loop, count)
      if known.insert(touch).inserted { next.touches.append(touch) }
    }
    return next
  }

  /// As seen after a loop.
  func leaving(_ loop: Int, _ count: Int?) -> Running {
    var outside = Running(mayFail: mayFail)
    var known: Set<Touch> = []
    for var touch in touches {
      touch.widen(over: loop, count)
      touch.strides = Array(touch.strides.prefix(loop))
      touch.past.removeAll { $0 == loop }
      while touch.strides.last == 0 { touch.strides.removeLast() }
      if known.insert(touch).inserted { outside.touches.append(touch) }
    }
    return outside
  }
}
