import Apus
import ApusKernels
import Testing

@Suite struct PlannerRandomTests {
  /// Whatever a draft looks like, its plan does what it says.
  @Test(arguments: 0..<20) func plansOfRandomDraftsAreRight(block: Int) throws {
    for seed in UInt64(block * 150)..<UInt64(block * 150 + 150) {
      let maker = RandomDraft.make(seed: seed, steps: 4 + Int(seed % 20))
      for threshold in [0, 1 << 16] {
        let program = try Planner.plan(maker.draft, options: .init(target: .avx512, sharingThreshold: threshold))
        do {
          try PlanChecker.check(program, against: maker.draft, maximumRounds: 4)
        } catch {
          Issue.record("seed \(seed), threshold \(threshold): \(error)\n\(program)")
          return
        }
        #expect(program.arenaByteCount >= program.largestLiveSet)
      }
    }
  }

  @Test func equalDraftsGiveEqualPlans() throws {
    for seed in UInt64(0)..<100 {
      let draft = RandomDraft.make(seed: seed, steps: 20).draft
      #expect(
        try Planner.plan(draft, options: DraftMaker.options).description
          == Planner.plan(draft, options: DraftMaker.options).description)
    }
  }
}
