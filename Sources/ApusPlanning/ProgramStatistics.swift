import ApusCore
import ApusKernels

/// What a plan costs, as its text and reports show it.
extension KernelProgram {
  /// Launches in the program; one in a loop counts once.
  public var launchCount: Int { steps.reduce(0) { $0 + $1.launchCount } }

  /// Barriers in the program; one in a loop counts once.
  public var barrierCount: Int { steps.reduce(0) { $0 + $1.barrierCount } }
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

  var launchCount: Int {
    if case .launch = self { return 1 }
    return nested.joined().reduce(0) { $0 + $1.launchCount }
  }

  var barrierCount: Int {
    if case .barrier = self { return 1 }
    return nested.joined().reduce(0) { $0 + $1.barrierCount }
  }
}
