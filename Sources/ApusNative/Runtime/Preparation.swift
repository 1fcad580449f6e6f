import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning
import Synchronization

/// What is the same in all runs of an executable, computed again only where the variables that it depends on are others.
final class Preparation: Sendable {
  private let code: Lazy<CompiledProgram>
  /// Positions of the variables that it reads.
  private let variables: [Int]
  private let program: KernelProgram
  private let last = Mutex<Last?>(nil)

  private struct Last {
    /// The variables' values then. As long as they are held here, their memory is not written, so where a run is given
    /// the same memory it is given the same numbers.
    var variables: [Tensor]
    var results: [Tensor]
  }

  init(_ program: KernelProgram, _ compiler: ProgramCompiler) {
    let plan = compiler.verifies ? program.poisoned() : program
    code = Lazy { try compiler.compile(plan) }
    var read: Set<Int> = []
    for buffer in program.buffers where buffer.lifetime != nil {
      if case .variable(let position) = buffer.place { read.insert(position) }
    }
    variables = read.sorted()
    self.program = program
  }

  /// Where the memory of a preparation's run is.
  static func address(
    _ place: ProgramBuffer.Place, _ variables: [Tensor], _ results: [Tensor]
  ) -> UnsafeRawPointer? {
    switch place {
    case .variable(let position): variables[position].rawAddress
    case .output(let position): results[position].rawAddress
    case .parameter, .precomputed, .constant, .arena, .dataset, .rows, .series: nil
    }
  }

  /// - Parameter areZero: whether bytes that no launch writes, between the points of filters, are 0: for a file.
  /// - Returns: what programs read as `.precomputed`.
  func results(
    of values: [Tensor], workers: Int, on team: WorkerTeam = .shared, areZero: Bool = false
  ) throws -> [Tensor] {
    try last.withLock { last in
      if let last, zip(variables, last.variables).allSatisfy({ values[$0].rawAddress == $1.rawAddress }) {
        return last.results
      }
      // Two sets of results need not be there at the same time.
      last = nil
      let results = try program.makeOutputs(areZero: areZero)
      try code.value().run(workers: workers, on: team) { Self.address($0, values, results) }
      last = Last(variables: variables.map { values[$0] }, results: results)
      return results
    }
  }
}
