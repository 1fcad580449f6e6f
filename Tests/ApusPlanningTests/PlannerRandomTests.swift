import ApusCore
import ApusKernels
import ApusPlanning
import Testing

@Suite struct PlannerRandomTests {
  /// Whatever a draft looks like, its plan does what it says.
  @Test(arguments: 0..<10) func plansOfRandomDraftsAreRight(block: Int) throws {
    for seed in UInt64(block * 200)..<UInt64(block * 200 + 200) {
      let maker = RandomDraft.make(seed: seed, steps: 4 + Int(seed % 20))
      let threshold = seed % 3 == 0 ? 0 : 1 << 16

      let program = try Planner.plan(maker.draft, options: .init(target: .zen4, sharingThreshold: threshold))
      do {
        try PlanChecker.check(program, against: maker.draft, iterationLimit: 4)
      } catch {
        Issue.record("seed \(seed), threshold \(threshold): \(error)\n\(program)")
        return
      }
      #expect(program.arenaByteCount >= program.largestLiveSet)
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

@Suite struct PlannerScaleTests {
  /// Twice the launches take about twice the time, to plan and to check.
  @Test func timeGrowsWithTheDraft() throws {
    func seconds(_ count: Int) throws -> (plan: Double, check: Double) {
      var maker = DraftMaker()
      let x = maker.parameter("x")
      let w = maker.variable("w")
      var recent = [x, x, x]
      for index in 0..<count {
        let next = maker.temporary("t\(index)", 64 * (1 + index % 7))
        maker.draft.steps.append(maker.relaunch(reads: [recent[index % 3], recent[2], w], writes: next))
        recent = [recent[1], recent[2], next]
      }
      let value = maker.temporary("w'")
      maker.draft.steps.insert(maker.relaunch(reads: [w, x, x], writes: value), at: 0)
      maker.draft.updates = [BufferUpdate(target: w, value: value)]
      let clock = ContinuousClock()
      var program: KernelProgram?
      let plan = try clock.measure { program = try Planner.plan(maker.draft, options: DraftMaker.options) }
      let planned = try #require(program)
      #expect(planned.launchCount == count + 1)
      let check = try clock.measure { try PlanChecker.check(planned, against: maker.draft) }
      return (plan / .seconds(1), check / .seconds(1))
    }
    let few = try seconds(2_000)
    let many = try seconds(16_000)
    #expect(many.plan < 24 * few.plan + 0.2, "\(few) s and \(many) s")
    #expect(many.check < 24 * few.check + 0.2, "\(few) s and \(many) s")
  }
}
