import ApusCore
import ApusKernels

/// Derives again, from the draft alone, that a program does what its draft says. Shares no code with the planner.
///
/// **Method.** Draft and program run side by side on symbols instead of numbers (translation validation: Pnueli, Siegel
/// and Singerman 1998). Each launch of the draft writes a new symbol for each range of bytes, made of the launch, the
/// iterations around it and what was there before. In the program each launch must read the very symbols that it reads
/// in the draft, and variables and outputs must end with those that they end with there. So whatever the planner did
/// (shared memory, another order, values computed in place, copies) is right, or a launch finds a wrong symbol.
///
/// **What it proves** of the program, for the runs that it makes:
/// - no launch and no condition reads a byte that is not the value that the draft has there, stale ones included;
/// - every output, and every variable that an update changes, holds its value at the end;
/// - no two launches between two barriers touch the same byte, one of them writing, for any number of workers; those that
///   one worker does alone are in order;
/// - arguments of a launch share memory only if the draft allows it, byte for byte;
/// - nothing may fail once a variable has been written, and a barrier separates the two;
/// - constants, parameters and what was computed before are never written;
/// - each location is inside its buffer in all iterations and aligned to its elements, each buffer inside the arena,
///   aligned to 64 bytes, and needed whenever it is said to be.
///
/// **Runs.** Loops run all their iterations, up to `iterationLimit`: of more, the first ones and the last. Branches, and
/// loops with a condition, run several ways: taken and not, none, one, two and three iterations. A program over batches
/// (`overBatches`) runs three: each must read its own rows, the list of rows must be long enough, and what one batch leaves
/// must not reach the next but through variables. What is computed once for all runs comes first, and may depend on
/// nothing that changes.
public enum PlanChecker {
  /// - Parameters:
  ///   - program: of one run, or over batches.
  ///   - preparation: what has run once before; see `ProgramDraft.splittingPreparation`.
  ///   - draft: before the preparation was split off.
  ///   - iterationLimit: the most iterations of a loop that are run.
  /// - Throws: `ApusError` (a defect of the planner) that names the plan, launches, a buffer and the reason.
  public static func check(
    _ program: KernelProgram, preparation: KernelProgram? = nil, against draft: ProgramDraft, iterationLimit: Int = 64
  ) throws {
    let outline = DraftOutline(draft)
    let whole = try preparation.map { try program.preceded(by: $0, of: draft) } ?? program
    let plan = try PlanUnderCheck(
      whole, outline, precomputationEnd: preparation?.steps.numberCount() ?? 0)
    try whole.checkPlaces(against: draft)
    for scenario in outline.hasConditions ? Scenario.several : [Scenario.several[0]] {
      var meaning = DraftSimulation(outline, isOverBatches: program.isOverBatches, once: plan.precomputed)
      try meaning.run(scenario, limit: iterationLimit)
      var simulation = PlanSimulation(plan, outline, meaning)
      try simulation.run(scenario, limit: iterationLimit)
    }
    try preparation?.checkLifetimes()
    // The loop over batches moves steps, and with them their numbers.
    if !program.isOverBatches { try program.checkLifetimes() }
  }
}
