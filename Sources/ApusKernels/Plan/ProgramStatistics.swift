import ApusCore

/// What a plan costs, as its text and reports show it.
extension KernelProgram {
  /// Launches in the program; one in a loop counts once.
  public var launchCount: Int { count(steps) { if case .launch = $0 { true } else { false } } }

  /// Barriers in the program; one in a loop counts once.
  public var barrierCount: Int { count(steps) { if case .barrier = $0 { true } else { false } } }

  private func count(_ steps: [ProgramStep], where matches: (ProgramStep) -> Bool) -> Int {
    steps.reduce(0) { sum, step in
      sum + (matches(step) ? 1 : 0) + step.nested.reduce(0) { $0 + count($1, where: matches) }
    }
  }
}

extension ProgramStep {
  /// The steps inside, in the order they run.
  var nested: [[ProgramStep]] {
    switch self {
    case .launch, .barrier: []
    case .loop(_, let body): [body]
    case .branch(_, let then, let otherwise): [then, otherwise]
    case .whileLoop(_, _, let test, let body): [test, body]
    }
  }
}
