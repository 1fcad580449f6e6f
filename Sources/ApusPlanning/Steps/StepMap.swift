extension Sequence {
  /// The same control flow over other leaves.
  /// - Parameters:
  ///   - condition: gives each branch's and loop's condition.
  ///   - carry: gives each carry of a loop.
  ///   - leaf: what a launch or barrier becomes: steps in its place, maybe none. Positions are those of `walk`.
  public func mapSteps<Call, NewCall>(
    condition: (Location) -> Location = { $0 }, carry: (BufferUpdate) -> BufferUpdate = { $0 },
    leaf: (Step<Call>, StepPosition) throws -> [Step<NewCall>]
  ) rethrows -> [Step<NewCall>] where Element == Step<Call> {
    var position = StepPosition.start
    return try mapSteps(from: &position, condition, carry, leaf)
  }

  private func mapSteps<Call, NewCall>(
    from position: inout StepPosition, _ condition: (Location) -> Location, _ carry: (BufferUpdate) -> BufferUpdate,
    _ leaf: (Step<Call>, StepPosition) throws -> [Step<NewCall>]
  ) rethrows -> [Step<NewCall>] where Element == Step<Call> {
    var result: [Step<NewCall>] = []
    for step in self {
      switch step {
      case .launch:
        result += try leaf(step, position)
        position.number += 1
      case .barrier: result += try leaf(step, position)
      case .loop(let count, let carries, let body):
        position.enterLoop(count)
        let body = try body.mapSteps(from: &position, condition, carry, leaf)
        position.leaveLoop()
        result.append(.loop(count: count, carries: carries.map(carry), body))
      case .branch(let location, let then, let otherwise):
        position.number += 1
        let then = try then.mapSteps(from: &position, condition, carry, leaf)
        let otherwise = try otherwise.mapSteps(from: &position, condition, carry, leaf)
        result.append(.branch(condition: condition(location), then: then, otherwise: otherwise))
      case .whileLoop(let location, let limit, let carries, let test, let body):
        position.enterLoop(limit)
        let test = try test.mapSteps(from: &position, condition, carry, leaf)
        position.number += 1
        let body = try body.mapSteps(from: &position, condition, carry, leaf)
        position.leaveLoop()
        result.append(
          .whileLoop(
            condition: condition(location), limit: limit, carries: carries.map(carry), test: test, body: body))
      }
    }
    return result
  }

  /// The same steps with other launches.
  public func mapLaunches<Call>(_ change: (Call) -> Call) -> [Step<Call>] where Element == Step<Call> {
    mapSteps { leaf, _ in if case .launch(let launch) = leaf { [.launch(change(launch))] } else { [leaf] } }
  }

  /// The same steps at other locations: arguments and conditions.
  public func mapLocations<Call>(
    _ change: (Location) -> Location, carry: (BufferUpdate) -> BufferUpdate = { $0 }
  ) -> [Step<Call>] where Element == Step<Call> {
    mapSteps(condition: change, carry: carry) { leaf, _ in
      guard case .launch(var launch) = leaf else { return [leaf] }
      launch.arguments = launch.arguments.map(change)
      return [.launch(launch)]
    }
  }

  /// The same steps on other buffers, those that loops carry included.
  public func mapBuffers<Call>(_ rename: (Int) -> Int) -> [Step<Call>] where Element == Step<Call> {
    mapLocations {
      Location(buffer: rename($0.buffer), offset: $0.offset, strides: $0.strides)
    } carry: {
      BufferUpdate(target: rename($0.target), value: rename($0.value))
    }
  }
}

extension Step {
  /// The same step with other lists of steps inside, and nothing carried.
  func resolved(_ blocks: [[Step]]) -> Step {
    switch self {
    case .launch, .barrier: self
    case .loop(let count, _, _): .loop(count: count, blocks[0])
    case .branch(let condition, _, _): .branch(condition: condition, then: blocks[0], otherwise: blocks[1])
    case .whileLoop(let condition, let limit, _, _, _):
      .whileLoop(condition: condition, limit: limit, test: blocks[0], body: blocks[1])
    }
  }
}

extension StepPosition {
  /// Passes a loop's end.
  mutating func leaveLoop() {
    loops.removeLast()
    number += 1
  }
}
