import ApusCore
import ApusKernels
import ApusPlanning
import Testing

/// The checker refuses plans that are wrong in one place.
@Suite struct PlanCheckerTests {
  private func draft() -> (maker: DraftMaker, a: Int, b: Int) {
    var maker = DraftMaker()
    let (x, w) = (maker.parameter("x"), maker.variable("w"))
    let (a, b, c, y) = (maker.temporary("a"), maker.temporary("b"), maker.temporary("c"), maker.output("y"))
    let n = maker.temporary("w'")
    maker.draft.steps = [
      maker.launch("first", reads: pieces(x, w), writes: pieces(a)),
      maker.launch("second", reads: pieces(a), writes: pieces(b)),
      maker.launch("third", reads: pieces(a, b), writes: pieces(c), [.fails]),
      maker.launch("last", reads: pieces(c, b), writes: pieces(y)),
      maker.launch("step", reads: pieces(w, b), writes: pieces(n), [.inPlace]),
    ]
    maker.draft.updates = [BufferUpdate(target: w, value: n)]
    return (maker, a, b)
  }

  /// The checker's words for a changed plan.
  private func refusal(_ change: (inout KernelProgram) -> Void) throws -> String {
    let maker = draft().maker
    var plan = try maker.plan()
    change(&plan)
    do {
      try PlanChecker.check(plan, against: maker.draft)
      return "nothing"
    } catch let error as ApusError {
      #expect(error.fault == .defect)
      return error.message
    }
  }

  @Test func overlappingBuffersAreFound() throws {
    let (_, a, b) = draft()
    let words = try refusal { $0.buffers[b].place = $0.buffers[a].place }
    #expect(words.contains("second writes b where it reads or writes a"), "\(words)")
  }

  @Test func clobberedBuffersAreFound() throws {
    let words = try refusal { plan in
      // "third" writes c where b is, which "last" reads.
      plan.buffers[4].place = plan.buffers[3].place
    }
    #expect(words.contains("third writes c where it reads or writes b"), "\(words)")
  }

  @Test func missingBarriersAreFound() throws {
    let words = try refusal { plan in
      plan.steps.removeAll { if case .barrier = $0 { true } else { false } }
    }
    #expect(words.contains("no barrier between first, which writes a, and second, which reads a"), "\(words)")
  }

  @Test func variablesWrittenBeforeFailuresAreKnownAreFound() throws {
    let words = try refusal { plan in
      let step = plan.steps.removeLast()
      let at = plan.steps.lastIndex { if case .barrier = $0 { true } else { false } } ?? 0
      plan.steps.insert(step, at: at)
    }
    #expect(words.contains("before a barrier tells whether third failed"), "\(words)")
  }

  @Test func missingLaunchesAreFound() throws {
    let words = try refusal { plan in
      plan.steps.removeAll { if case .launch(let launch) = $0 { launch.origin == "last" } else { false } }
    }
    #expect(words.contains("last is missing"), "\(words)")
  }

  @Test func missingUpdatesAreFound() throws {
    let words = try refusal { plan in
      plan.arenaByteCount += 64
      plan.buffers[6].place = .arena(offset: plan.arenaByteCount - 64)
    }
    #expect(words.contains("at the end, w finds"), "\(words)")
  }

  @Test func placesOutsideTheArenaAreFound() throws {
    #expect(try refusal { $0.buffers[2].place = .arena(offset: $0.arenaByteCount) }.contains("lies at"))
    #expect(try refusal { $0.buffers[2].place = .arena(offset: 32) }.contains("lies at"))
    #expect(try refusal { $0.buffers[0].place = .parameter(1) }.contains("x is parameter(0) in the draft"))
  }

  /// No barrier of a plan may go, but those that only part rounds or keep lists short.
  @Test func plansOfRandomDraftsNeedTheirBarriers() throws {
    var (refused, total) = (0, 0)
    for seed in UInt64(0)..<150 {
      let maker = RandomDraft.make(seed: seed, steps: 10)
      let plan = try Planner.plan(maker.draft, options: DraftMaker.options)
      for index in 0..<plan.barrierCount {
        var changed = plan
        changed.steps = plan.steps.removingBarrier(index)
        total += 1
        do { try PlanChecker.check(changed, against: maker.draft, iterationLimit: 4) } catch { refused += 1 }
      }
    }
    #expect(total > 300)
    #expect(Double(refused) > 0.97 * Double(total), "\(refused) of \(total)")
  }

  /// Buffers that lie where another one is live are found.
  @Test func plansOfRandomDraftsNeedTheirOffsets() throws {
    var (refused, total) = (0, 0)
    for seed in UInt64(0)..<150 {
      let maker = RandomDraft.make(seed: seed, steps: 10)
      let plan = try Planner.plan(maker.draft, options: DraftMaker.options)
      for (index, buffer) in plan.buffers.enumerated() {
        guard case .arena(let offset) = buffer.place, let life = buffer.lifetime else { continue }
        for (other, second) in plan.buffers.enumerated() where other != index {
          guard case .arena(let place) = second.place, let span = second.lifetime, place != offset,
            max(life.lowerBound, span.lowerBound) < min(life.upperBound, span.upperBound),
            offset + second.byteCount <= plan.arenaByteCount
          else { continue }
          var changed = plan
          changed.buffers[other].place = buffer.place
          total += 1
          do { try PlanChecker.check(changed, against: maker.draft, iterationLimit: 4) } catch { refused += 1 }
        }
      }
    }
    #expect(total > 300)
    // Results that nothing reads may lie anywhere.
    #expect(Double(refused) > 0.8 * Double(total), "\(refused) of \(total)")
  }

}

extension [ProgramStep] {
  /// The steps without one of their barriers, by its number.
  func removingBarrier(_ number: Int) -> [ProgramStep] {
    var next = 0
    return mapSteps { leaf, _ in
      guard leaf.isBarrier else { return [leaf] }
      next += 1
      return next - 1 == number ? [] : [leaf]
    }
  }
}
