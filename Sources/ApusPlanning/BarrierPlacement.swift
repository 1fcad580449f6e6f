import ApusCore
import ApusKernels

/// Puts a barrier before each step that conflicts with what workers may still be doing: one writes bytes that the other
/// touches. Launches that one worker does alone are in order anyway.
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

      case .loop(let count, _, let body):
        placed += placeLoop(&running) { placeIterations(count, body, &$0, loops) }

      case .whileLoop(let condition, let limit, _, let test, let body):
        placed += placeLoop(&running) { running in
          placeIterations(while: condition, limit, test, body, &running, loops)
        }

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

  /// Places a loop, after an additional barrier if that saves one in each iteration.
  /// - Parameter iterations: places its iterations, which begin in a state and end in another.
  private func placeLoop(_ running: inout Running, _ iterations: (inout Running) -> ProgramStep) -> [ProgramStep] {
    let before = running
    let joined = iterations(&running)
    guard !before.isEmpty else { return [joined] }
    var apart = Running()
    let alone = iterations(&apart)
    guard [joined].barrierCount > [alone].barrierCount else { return [joined] }
    running = apart
    return [.barrier, alone]
  }

  private func placeIterations(
    _ count: Int?, _ body: [DraftStep], _ running: inout Running, _ loops: IterationCounts
  ) -> ProgramStep {
    var inside: [ProgramStep] = []
    let isClosed = close(&running, loops, count) { entry in
      var exit = entry
      inside = place(body, &exit, loops + [count])
      return (again: exit, end: exit)
    }
    if !isClosed { inside.insert(.barrier, at: 0) }
    return .loop(count: count, inside)
  }

  private func placeIterations(
    while condition: Location, _ limit: Int?, _ test: [DraftStep], _ body: [DraftStep], _ running: inout Running,
    _ loops: IterationCounts
  ) -> ProgramStep {
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

  /// Finds a state at the beginning of a loop's iterations that holds for the first and for all others.
  /// - Parameter iteration: places one iteration; gives the states before the next one, and at the loop's end.
  /// - Returns: false if each iteration must begin with a barrier.
  private func close(
    _ running: inout Running, _ loops: IterationCounts, _ count: Int?,
    _ iteration: (Running) -> (again: Running, end: Running)
  ) -> Bool {
    var entry = running
    for _ in 0..<4 {
      let (again, end) = iteration(entry)
      var wider = entry
      if count != 1 { wider.merge(again.nextIteration(loops.count, count)) }
      if wider.touches.count == entry.touches.count, wider.mayFail == entry.mayFail {
        running = end.leaving(loops.count, count)
        return true
      }
      entry = wider
    }
    running = iteration(Running()).end.leaving(loops.count, count)
    return false
  }

  // MARK: Touches

  private func touches(_ draft: DraftLaunch) -> [Touch] {
    let launch = draft.launch
    return launch.arguments.indices.compactMap { argument in
      let size = planning.byteCount(launch, argument: argument)
      if size == 0 { return nil }
      let use = planning.kernels[launch.kernel].buffers[argument].use
      return touch(launch.arguments[argument], size, writes: use != .read, isSerial: launch.isSerial)
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
