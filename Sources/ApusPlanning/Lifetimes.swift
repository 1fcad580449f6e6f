import ApusCore
import ApusKernels

/// When each class of buffers is needed: from the first to the last position in the program that touches it. Launches,
/// conditions, and the beginning and end of each loop are positions, in the order they stand.
///
/// What a loop touches and something outside it too is needed for all of the loop; so is what a round reads before it
/// writes it, and what is another place in each round.
struct Lifetimes {
  /// By class; -1 where nothing touches it.
  private(set) var first: [Int]
  private(set) var last: [Int]
  private(set) var positionCount = 0

  private struct Loop {
    var first: Int
    var last: Int
    var exposed: Set<Int>
  }

  private struct Touch {
    var position: Int
    /// The loops around, outermost first.
    var loops: [Int]
    /// Which of them move the place.
    var moving: [Int]
  }

  private var loops: [Loop] = []
  private var touches: [[Touch]]

  init(_ planning: Planning, _ steps: [DraftStep]) {
    let count = planning.buffers.count
    first = Array(repeating: -1, count: count)
    last = Array(repeating: -1, count: count)
    touches = Array(repeating: [], count: count)
    walk(steps, planning, [], [])
    // What the caller gets is needed to the end.
    for buffer in 0..<count where planning.pinned[buffer] != nil && !touches[buffer].isEmpty {
      touches[buffer].append(Touch(position: positionCount - 1, loops: [], moving: []))
    }
    for buffer in 0..<count where !touches[buffer].isEmpty { measure(buffer) }
    touches = []
  }

  private mutating func walk(
    _ steps: [DraftStep], _ planning: Planning, _ around: [Int], _ rounds: Planning.Rounds
  ) {
    for step in steps {
      switch step {
      case .launch(let launch):
        for (argument, location) in launch.launch.arguments.enumerated()
        where planning.byteCount(launch.launch, argument: argument) > 0 {
          touch(location, planning, around)
        }
        positionCount += 1
      case .loop(let count, _, let body):
        let loop = enter()
        walk(body, planning, around + [loop], rounds + [count])
        var exposure = Exposure()
        exposure.append(body, planning, rounds + [count])
        leave(loop, exposure)
      case .branch(let condition, let then, let otherwise):
        touch(condition, planning, around)
        positionCount += 1
        walk(then, planning, around, rounds)
        walk(otherwise, planning, around, rounds)
      case .whileLoop(let condition, let limit, _, let test, let body):
        let loop = enter()
        walk(test, planning, around + [loop], rounds + [limit])
        touch(condition, planning, around + [loop])
        positionCount += 1
        walk(body, planning, around + [loop], rounds + [limit])
        var exposure = Exposure()
        exposure.append(test, planning, rounds + [limit])
        exposure.use([planning.memoryUse(condition: condition, rounds + [limit])])
        exposure.append(body, planning, rounds + [limit])
        leave(loop, exposure)
      }
    }
  }

  private mutating func enter() -> Int {
    loops.append(Loop(first: positionCount, last: positionCount, exposed: []))
    positionCount += 1
    return loops.count - 1
  }

  private mutating func leave(_ loop: Int, _ exposure: Exposure) {
    loops[loop].last = positionCount
    loops[loop].exposed = exposure.exposed
    positionCount += 1
  }

  private mutating func touch(_ location: Location, _ planning: Planning, _ around: [Int]) {
    let moving = zip(around, location.strides).filter { $0.1 != 0 }.map(\.0)
    touches[planning.find(location.buffer)].append(Touch(position: positionCount, loops: around, moving: moving))
  }

  private mutating func measure(_ buffer: Int) {
    let all = touches[buffer]
    var common = all[0].loops.count
    for touch in all.dropFirst() {
      common = zip(all[0].loops.prefix(common), touch.loops).prefix { $0 == $1 }.count
    }
    let whole = all[0].loops.prefix(common).first { loop in
      loops[loop].exposed.contains(buffer) || all.contains { $0.moving.contains(loop) }
    }
    if let whole {
      (first[buffer], last[buffer]) = (loops[whole].first, loops[whole].last)
      return
    }
    first[buffer] = .max
    for touch in all {
      let isDeeper = touch.loops.count > common
      first[buffer] = min(first[buffer], isDeeper ? loops[touch.loops[common]].first : touch.position)
      last[buffer] = max(last[buffer], isDeeper ? loops[touch.loops[common]].last : touch.position)
    }
  }

  func span(of buffer: Int) -> ClosedRange<Int>? { first[buffer] < 0 ? nil : first[buffer]...last[buffer] }

  /// One class has become part of another.
  mutating func unite(_ buffer: Int, into other: Int) {
    first[other] = min(first[other], first[buffer])
    last[other] = max(last[other], last[buffer])
    (first[buffer], last[buffer]) = (-1, -1)
  }

  /// The positions between two barriers that each position lies in.
  func phases(of steps: [ProgramStep]) -> [ClosedRange<Int>] {
    var starts: [Int] = [0]
    var position = 0
    func walk(_ steps: [ProgramStep]) {
      for step in steps {
        switch step {
        case .launch: position += 1
        case .barrier: if starts[starts.count - 1] != position { starts.append(position) }
        case .loop(_, let body):
          position += 1
          walk(body)
          position += 1
        case .branch(_, let then, let otherwise):
          position += 1
          walk(then)
          walk(otherwise)
        case .whileLoop(_, _, let test, let body):
          position += 1
          walk(test)
          position += 1
          walk(body)
          position += 1
        }
      }
    }
    walk(steps)
    starts.append(positionCount)
    return zip(starts, starts.dropFirst()).flatMap { start, end in
      repeatElement(start...max(start, end - 1), count: end - start)
    }
  }
}
