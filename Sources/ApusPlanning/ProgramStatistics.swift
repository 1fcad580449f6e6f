import ApusCore
import ApusKernels

/// What a plan costs, as its text and reports show it.
extension KernelProgram {
  /// Launches in the program; one in a loop counts once.
  public var launchCount: Int { launches.count }

  /// Barriers in the program; one in a loop counts once.
  public var barrierCount: Int { steps.barrierCount }
}

extension Sequence where Element == ProgramStep {
  /// Barriers in the steps; one in a loop counts once.
  var barrierCount: Int {
    var count = 0
    walk { event, _ in if case .barrier = event { count += 1 } }
    return count
  }
}
