import ApusCore
import ApusKernels

/// When each class of buffers is needed: from the first to the last position in the program that touches it. Launches,
/// conditions, and the beginning and end of each loop are positions, in the order they stand.
///
/// What a loop touches and something outside it too is needed for all of the loop; so is what an iteration reads before it
/// writes it, and what is another place in each iteration.
struct Lifetimes {
  /// By class; -1 if nothing touches it.
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
    collect(steps, planning)
    // What the caller gets is needed to the end.
    for buffer in 0..<count where planning.pinned[buffer] != nil && !touches[buffer].isEmpty {
      touches[buffer].append(Touch(position: positionCount - 1, loops: [], moving: []))
    }
    for buffer in 0..<count where !touches[buffer].isEmpty { measure(buffer) }
    touches = []
  }

  private mutating func collect(_ steps: [DraftStep], _ planning: Planning) {
    var around: [Int] = []
    positionCount = steps.walk { event, position in
      switch event {
      case .launch(let launch):
        for (argument, location) in launch.arguments.enumerated()
        where planning.byteCount(launch.launch, argument: argument) > 0 {
          touch(planning.find(location.buffer), location, at: position.number, around)
        }
      case .condition(let location, _): touch(planning.find(location.buffer), location, at: position.number, around)
      case .enterLoop:
        around.append(loops.count)
        loops.append(Loop(first: position.number, last: position.number, exposed: []))
      case .leaveLoop(let step):
        var exposure = Exposure()
        exposure.append([step], planning, position.loops)
        let loop = around.removeLast()
        loops[loop].last = position.number
        loops[loop].exposed = exposure.exposed
      case .barrier, .otherwise, .leaveBranch: break
      }
    }
  }

  private mutating func touch(_ buffer: Int, _ location: Location, at position: Int, _ around: [Int]) {
    let moving = zip(around, location.strides).filter { $0.1 != 0 }.map(\.0)
    touches[buffer].append(Touch(position: position, loops: around, moving: moving))
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
    steps.walk { event, position in
      if case .barrier = event, starts[starts.count - 1] != position.number { starts.append(position.number) }
    }
    starts.append(positionCount)
    return zip(starts, starts.dropFirst()).flatMap { start, end in
      repeatElement(start...max(start, end - 1), count: end - start)
    }
  }
}
