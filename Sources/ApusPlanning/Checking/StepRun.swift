/// A launch, a condition or a loop, in certain iterations of the loops around it.
struct StepInstance: Hashable {
  /// As `walk` numbers steps.
  var number: Int
  /// Of each loop around, outermost first; of a loop itself too.
  var iterations: [Int]
}

/// What a run meets, in the order of time.
enum RunEvent<Call: KernelCall> {
  case launch(Call)
  case barrier
  case condition(Location)
  /// An iteration of a loop begins or ends.
  case begin, end
}

/// How the parts of a program that depend on numbers come out.
struct Scenario {
  /// Iterations of loops with a condition.
  var iterations: Int
  /// Of a loop over batches.
  var batches = 3
  /// Whether a branch's condition holds, by its number in the draft plus the iterations around it.
  var holds: @Sendable (Int) -> Bool

  static let several = [
    Scenario(iterations: 2) { _ in true }, Scenario(iterations: 0) { _ in false },
    Scenario(iterations: 3) { $0 % 2 == 0 }, Scenario(iterations: 1) { $0 % 2 == 1 },
  ]
}

/// Runs steps one after the other, loops and branches as a scenario says.
struct StepRun {
  let scenario: Scenario
  /// The number in the draft of each step, by its number here; nil: these are the draft's steps.
  var draftNumbers: [Int?]?

  /// - Parameters:
  ///   - first: the number of the first step.
  ///   - limit: the most iterations of a loop: of more, the first and the last are run.
  /// - Returns: the number after the last step's.
  @discardableResult func run<Call>(
    _ steps: [Step<Call>], from first: Int = 0, _ iterations: [Int] = [], limit: Int,
    _ visit: (RunEvent<Call>, StepInstance) throws -> Void
  ) throws -> Int {
    var number = first
    for step in steps {
      switch step {
      case .launch(let call):
        try visit(.launch(call), StepInstance(number: number, iterations: iterations))
        number += 1
      case .barrier: try visit(.barrier, StepInstance(number: number, iterations: iterations))
      case .branch(let condition, let then, let otherwise):
        try visit(.condition(condition), StepInstance(number: number, iterations: iterations))
        let holds = scenario.holds((draftNumbers?[number] ?? number) + iterations.reduce(0, +))
        let middle = number + 1 + then.numberCount()
        try run(holds ? then : otherwise, from: holds ? number + 1 : middle, iterations, limit: limit, visit)
        number = middle + otherwise.numberCount()
      case .loop(let count, _, let body):
        let all = count ?? scenario.batches
        let inner = count == nil ? limit : max(4, limit / max(1, all))
        for iteration in 0..<all where iteration < limit - 1 || iteration == all - 1 {
          let inside = iterations + [iteration]
          try visit(.begin, StepInstance(number: number, iterations: inside))
          try run(body, from: number + 1, inside, limit: inner, visit)
          try visit(.end, StepInstance(number: number, iterations: inside))
        }
        number += body.numberCount() + 2
      case .whileLoop(let condition, let limitOfLoop, _, let test, let body):
        let read = number + 1 + test.numberCount()
        for iteration in 0..<min(limitOfLoop ?? .max, scenario.iterations + 1) {
          let inside = iterations + [iteration]
          try visit(.begin, StepInstance(number: number, iterations: inside))
          try run(test, from: number + 1, inside, limit: limit, visit)
          try visit(.condition(condition), StepInstance(number: read, iterations: inside))
          if iteration == scenario.iterations { break }
          try run(body, from: read + 1, inside, limit: limit, visit)
          try visit(.end, StepInstance(number: number, iterations: inside))
        }
        number = read + body.numberCount() + 2
      }
    }
    return number
  }
}

extension Sequence {
  /// How many numbers a walk gives these steps.
  func numberCount<Call>() -> Int where Element == Step<Call> { walk { _, _ in } }
}

extension Location {
  /// The first byte, in certain iterations of the loops around.
  func start(_ iterations: some Sequence<Int>) -> Int { zip(strides, iterations).reduce(offset) { $0 + $1.0 * $1.1 } }
}
