/// What a walk over steps meets, in the order of the text.
public enum StepEvent<Call: KernelCall> {
  case launch(Call)
  case barrier
  /// A loop of either kind begins.
  case enterLoop(Step<Call>)
  /// A branch reads its condition before its first block, a loop between its test and its body.
  case condition(Location, of: Step<Call>)
  /// Between the two blocks of a branch.
  case otherwise(of: Step<Call>)
  case leaveBranch(Step<Call>)
  case leaveLoop(Step<Call>)

  /// The locations that the step itself names: arguments, or a condition.
  public var locations: [Location] {
    switch self {
    case .launch(let call): call.arguments
    case .condition(let location, _): [location]
    case .barrier, .enterLoop, .otherwise, .leaveBranch, .leaveLoop: []
    }
  }

  /// What a loop carries, when it is left.
  public var carries: [BufferUpdate] {
    if case .leaveLoop(let step) = self { step.carries } else { [] }
  }
}

/// Where a walk is.
public struct StepPosition: Sendable {
  /// Launches, conditions, and the beginning and end of each loop have one number each, in the order of the text, from
  /// 0 on. Other events have the number of what comes next.
  public internal(set) var number = 0
  /// Of the loops around.
  public internal(set) var loops: IterationCounts

  /// Before all steps.
  public static let start = StepPosition(loops: [])
}

extension Sequence {
  /// Visits all steps, those inside others too, in the order of the text.
  /// - Parameter loops: around these steps.
  /// - Returns: how many numbers the walk has given.
  @discardableResult public func walk<Call>(
    loops: IterationCounts = [], _ visit: (StepEvent<Call>, StepPosition) throws -> Void
  ) rethrows -> Int where Element == Step<Call> {
    var position = StepPosition(loops: loops)
    try walk(from: &position, visit)
    return position.number
  }

  private func walk<Call>(
    from position: inout StepPosition, _ visit: (StepEvent<Call>, StepPosition) throws -> Void
  ) rethrows where Element == Step<Call> {
    for step in self {
      switch step {
      case .launch(let call):
        try visit(.launch(call), position)
        position.number += 1
      case .barrier: try visit(.barrier, position)
      case .branch(let condition, let then, let otherwise):
        try visit(.condition(condition, of: step), position)
        position.number += 1
        try then.walk(from: &position, visit)
        try visit(.otherwise(of: step), position)
        try otherwise.walk(from: &position, visit)
        try visit(.leaveBranch(step), position)
      case .loop(let count, _, let body):
        try visit(.enterLoop(step), position)
        position.enterLoop(count)
        try body.walk(from: &position, visit)
        position.loops.removeLast()
        try visit(.leaveLoop(step), position)
        position.number += 1
      case .whileLoop(let condition, let limit, _, let test, let body):
        try visit(.enterLoop(step), position)
        position.enterLoop(limit)
        try test.walk(from: &position, visit)
        try visit(.condition(condition, of: step), position)
        position.number += 1
        try body.walk(from: &position, visit)
        position.loops.removeLast()
        try visit(.leaveLoop(step), position)
        position.number += 1
      }
    }
  }

  /// The launches, those in loops and branches once, in the order of the text.
  public func launches<Call>() -> [Call] where Element == Step<Call> {
    var launches: [Call] = []
    walk { event, _ in if case .launch(let launch) = event { launches.append(launch) } }
    return launches
  }
}

extension StepPosition {
  /// Passes a loop's beginning.
  mutating func enterLoop(_ count: Int?) {
    number += 1
    loops.append(count)
  }
}
