import ApusCore
import ApusKernels

/// Puts a barrier before each step that conflicts with what workers may still be doing: one writes bytes that the other
/// touches. Launches that one worker does alone are in order anyway, and so are those that divide bytes among workers
/// alike.
///
/// Before a launch writes a variable there is a barrier after every launch that can fail, since a program ends only at
/// barriers.
struct BarrierPlacement {
  /// Where each class lies: memories are apart from each other.
  struct Place {
    var memory: Int
    var base: Int
  }

  let planning: Planning
  let places: [Place]

  init(_ planning: Planning, places: [Place]) {
    self.planning = planning
    self.places = places
  }

  mutating func place(_ steps: [DraftStep]) -> [ProgramStep] {
    var running = Running()
    return place(steps, &running, [])
  }

  /// Conditions and launches since the last barrier above which there is one more, so that lists stay short.
  private static let runningLimit = 192

  private func place(
    _ steps: [DraftStep], _ running: inout Running, _ loops: IterationCounts
  ) -> [ProgramStep] {
    var placed: [ProgramStep] = []
    func wait(for touches: [Touch], writesVariable: Bool = false) {
      if running.conflicts(touches, loops) || writesVariable && running.mayFail
        || running.touches.count > BarrierPlacement.runningLimit
      {
        placed.append(.barrier)
        running = Running()
      }
    }
    for step in steps {
      switch step {
      case .launch(let launch):
        let touches = touches(launch)
        let writesVariable = touches.contains { $0.writes && $0.isVariable }
        wait(for: touches, writesVariable: writesVariable)
        running.touches += touches
        if planning.canFail[launch.launch.kernel] { running.mayFail = true }
        placed.append(.launch(launch.launch))

      case .barrier: placed.append(.barrier)

      case .loop, .whileLoop: placed += placeLoop(step, &running, loops)

      case .branch(let condition, let then, let otherwise):
        let touch = touch(condition)
        wait(for: [touch])
        running.touches.append(touch)
        var other = running
        let first = place(then, &running, loops)
        let second = place(otherwise, &other, loops)
        running.merge(other)
        placed.append(.branch(condition: condition, then: first, otherwise: second))

      }
    }
    return placed
  }

  /// Places a loop; behind a barrier, where that spares its rounds one.
  private func placeLoop(_ step: DraftStep, _ running: inout Running, _ loops: IterationCounts) -> [ProgramStep] {
    let before = running
    let joined = placeRounds(step, &running, loops)
    guard !before.isEmpty else { return [joined] }
    var apart = Running()
    let alone = placeRounds(step, &apart, loops)
    guard [joined].barrierCount > [alone].barrierCount else { return [joined] }
    running = apart
    return [.barrier, alone]
  }

  private func placeRounds(_ step: DraftStep, _ running: inout Running, _ loops: IterationCounts) -> ProgramStep {
    switch step {
    case .launch, .barrier, .branch: preconditionFailure("not a loop")
    case .loop(let count, _, let body):
      var inside: [ProgramStep] = []
      let isClosed = close(&running, loops, count) { entry in
        var exit = entry
        inside = place(body, &exit, loops + [count])
        return (again: exit, end: exit)
      }
      if !isClosed { inside.insert(.barrier, at: 0) }
      return .loop(count: count, inside)

    case .whileLoop(let condition, let limit, _, let test, let body):
      var (before, inside): ([ProgramStep], [ProgramStep]) = ([], [])
      let isClosed = close(&running, loops, limit) { entry in
        var state = entry
        before = place(test, &state, loops + [limit])
        let touch = touch(condition)
        if state.conflicts([touch], loops + [limit]) {
          before.append(.barrier)
          state = Running()
        }
        state.touches.append(touch)
        let end = state
        inside = place(body, &state, loops + [limit])
        var either = end
        either.merge(state)
        return (again: state, end: either)
      }
      if !isClosed { before.insert(.barrier, at: 0) }
      return .whileLoop(condition: condition, limit: limit, test: before, body: inside)
    }
  }

  /// Finds a state at the beginning of a loop's rounds that holds for the first and for all others.
  /// - Parameter round: places a round; gives the states before the next one, and at the loop's end.
  /// - Returns: false where each round is to begin with a barrier.
  private func close(
    _ running: inout Running, _ loops: IterationCounts, _ count: Int?,
    _ round: (Running) -> (again: Running, end: Running)
  ) -> Bool {
    var entry = running
    for _ in 0..<4 {
      let (again, end) = round(entry)
      var wider = entry
      if count != 1 { wider.merge(again.nextRound(loops.count, count)) }
      if wider.touches.count == entry.touches.count, wider.mayFail == entry.mayFail {
        running = end.leaving(loops.count, count)
        return true
      }
      entry = wider
    }
    running = round(Running()).end.leaving(loops.count, count)
    return false
  }

  // MARK: Touches

  private func touches(_ draft: DraftLaunch) -> [Touch] {
    let launch = draft.launch
    return launch.arguments.indices.compactMap { argument in
      let size = planning.byteCount(launch, argument: argument)
      if size == 0 { return nil }
      let kernel = planning.kernels[launch.kernel]
      var touch = touch(
        launch.arguments[argument], size, writes: kernel.buffers[argument].use != .read, isSerial: launch.isSerial)
      if !launch.isSerial, argument < draft.unitByteCounts.count {
        touch.unitByteCount = draft.unitByteCounts[argument]
        touch.units = kernel.units
      }
      return touch
    }
  }

  private func touch(_ condition: Location) -> Touch { touch(condition, 1, writes: false, isSerial: false) }

  private func touch(_ location: Location, _ size: Int, writes: Bool, isSerial: Bool) -> Touch {
    let buffer = planning.find(location.buffer)
    let place = places[buffer]
    let lower = place.base + location.offset
    var strides = location.strides
    while strides.last == 0 { strides.removeLast() }
    return Touch(
      memory: place.memory, range: lower..<lower + size, strides: strides, writes: writes, isSerial: isSerial,
      isVariable: writes && planning.isVariable(buffer), limits: place.base..<place.base + planning.sizes[buffer])
  }
}

/// Bytes that a launch touches.
private struct Touch: Hashable {
  var memory: Int
  /// In the first round of each loop around, as seen from the round that is now.
  var range: Range<Int>
  /// By loop, outermost first, without zeros at the end.
  var strides: [Int]
  var writes: Bool
  var isSerial: Bool
  var isVariable: Bool
  /// The buffer's own bytes.
  var limits: Range<Int>
  /// Loops of which the range covers all rounds before the one that is now.
  var past: [Int] = []
  /// Where not 0: each of so many units touches so many bytes of its own.
  var unitByteCount = 0
  var units = 0

  func stride(_ loop: Int) -> Int { loop < strides.count ? strides[loop] : 0 }

  func conflicts(_ other: Touch, _ loops: IterationCounts) -> Bool {
    guard memory == other.memory, writes || other.writes, !(isSerial && other.isSerial) else { return false }
    if strides == other.strides { return range.overlaps(other.range) && !isDividedLike(other) }
    var (a, b) = (self, other)
    for (loop, count) in loops.enumerated() where a.stride(loop) != b.stride(loop) {
      a.widen(over: loop, count)
      b.widen(over: loop, count)
    }
    return a.range.overlaps(b.range)
  }

  /// Whether each byte is the same worker's in both.
  private func isDividedLike(_ other: Touch) -> Bool {
    unitByteCount > 0 && unitByteCount == other.unitByteCount && units == other.units
      && range.lowerBound == other.range.lowerBound
  }

  /// All bytes over the rounds of a loop.
  mutating func widen(over loop: Int, _ count: Int?) { widen(stride(loop), 0, count.map { $0 - 1 }) }

  /// The bytes of all rounds before the one that is now.
  mutating func recede(_ loop: Int, _ count: Int?) {
    guard !past.contains(loop), stride(loop) != 0 else { return }
    past.append(loop)
    widen(-stride(loop), 1, count.map { max(1, $0 - 1) })
  }

  /// Covers the range moved by `stride` times `least` to `most` (nil: any number).
  private mutating func widen(_ stride: Int, _ least: Int, _ most: Int?) {
    if stride == 0 { return }
    unitByteCount = 0
    guard let most else {
      range = limits
      return
    }
    let (a, b) = (stride * least, stride * most)
    range = range.lowerBound + min(a, b)..<range.upperBound + max(a, b)
  }
}

/// What workers may still be doing at a place in the program.
private struct Running {
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

  /// As seen from the next round of a loop: what was done in this one and those before.
  func nextRound(_ loop: Int, _ count: Int?) -> Running {
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

extension Planning {
  /// Each class apart.
  func separatePlaces() -> [BarrierPlacement.Place] {
    buffers.indices.map { BarrierPlacement.Place(memory: $0, base: 0) }
  }

  /// The arena is one memory.
  func places(_ offsets: [Int]) -> [BarrierPlacement.Place] {
    buffers.indices.map { buffer in
      pinned[buffer] == nil
        ? BarrierPlacement.Place(memory: -1, base: offsets[buffer]) : BarrierPlacement.Place(memory: buffer, base: 0)
    }
  }
}
