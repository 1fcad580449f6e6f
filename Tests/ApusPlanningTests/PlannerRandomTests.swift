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
        try PlanChecker.check(program, against: maker.draft, maximumRounds: 4)
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
  /// Twice the launches take about twice the time.
  @Test func timeGrowsWithTheDraft() throws {
    func seconds(_ count: Int) throws -> Double {
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
      var plan: KernelProgram?
      let time = try clock.measure { plan = try Planner.plan(maker.draft, options: DraftMaker.options) }
      #expect(plan?.launchCount == count + 1)
      return Double(time.components.attoseconds) * 1e-18 + Double(time.components.seconds)
    }
    let few = try seconds(2_000)
    let many = try seconds(16_000)
    #expect(many < 24 * few + 0.2, "\(few) s and \(many) s")
  }
}
