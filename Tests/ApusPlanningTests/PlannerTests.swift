import ApusCore
import ApusKernels
import ApusPlanning
import Testing

@Suite struct PlannerMemoryTests {
  @Test func chainsAlternateBetweenTwoPlaces() throws {
    var maker = DraftMaker()
    var last = maker.parameter("x", 1 << 20)
    for index in 0..<10 {
      let next = maker.temporary("t\(index)", 1 << 20)
      maker.draft.steps.append(maker.launch(reads: pieces(last), writes: pieces(next)))
      last = next
    }
    let plan = try maker.plan()
    #expect(plan.arenaByteCount == 2 << 20)
    #expect(plan.largestLiveSet == 2 << 20)
    #expect(plan.barrierCount == 9)
  }

  @Test func resultsTakeOverOperandsThatDie() throws {
    var maker = DraftMaker()
    var last = maker.parameter("x", 4096)
    for index in 0..<10 {
      let next = maker.temporary("t\(index)", 4096)
      maker.draft.steps.append(maker.launch(reads: pieces(last), writes: pieces(next), [.inPlace]))
      last = next
    }
    #expect(try maker.plan().arenaByteCount == 4096)
  }

  @Test func operandsReadLaterOrTwiceStay() throws {
    var maker = DraftMaker()
    let (x, y, z) = (maker.temporary("x"), maker.temporary("y"), maker.temporary("z"))
    maker.draft.steps = [
      maker.launch(writes: pieces(x)), maker.launch("square", reads: pieces(x), writes: pieces(y), [.inPlace]),
      maker.launch(reads: pieces(x, y), writes: pieces(z)),
    ]
    #expect(try maker.plan().arenaByteCount == 192)

    // The same operand through an argument that is not paired.
    var other = DraftMaker()
    let (a, b) = (other.temporary("a"), other.temporary("b"))
    other.draft.steps = [
      other.launch(writes: pieces(a)), other.launch(reads: pieces(a, a), writes: pieces(b), [.inPlace]),
    ]
    guard case .launch(var launch) = other.draft.steps[1] else { return }
    launch.inPlace.removeLast()
    other.draft.steps[1] = .launch(launch)
    #expect(try other.plan().arenaByteCount == 128)
  }

  @Test func elementsOfOtherSizesAreNotInPlace() throws {
    var maker = DraftMaker()
    let (a, b) = (maker.temporary("a", 256), maker.temporary("b", 128))
    let builder = KernelBuilder(target: .avx512)
    _ = builder.buffer(.f32, .read, count: 64)
    _ = builder.buffer(.bf16, .write, count: 64)
    maker.draft.steps = [maker.launch(writes: pieces(a))]
    maker.draft.kernels.append(builder.build(name: "narrow", units: 4))
    maker.draft.steps.append(
      .launch(
        DraftLaunch(
          Launch(kernel: 1, arguments: [Location(buffer: a), Location(buffer: b)], origin: "narrow"),
          inPlace: [(write: 1, read: 0)])))
    #expect(try maker.plan().arenaByteCount == 384)
  }

  @Test func outputsAreWrittenWhereTheyBelong() throws {
    var maker = DraftMaker()
    let (x, t, s) = (maker.parameter("x"), maker.temporary("t"), maker.temporary("s"))
    let y = maker.output("y")
    maker.draft.steps = [
      maker.launch(reads: pieces(x), writes: pieces(t)), maker.launch(reads: pieces(t), writes: pieces(s), [.inPlace]),
    ]
    maker.draft.updates = [BufferUpdate(target: y, value: s)]
    let plan = try maker.plan()
    #expect(plan.arenaByteCount == 0)
    #expect(plan.launchCount == 2)
  }

  /// What a round reads before it writes it must outlive the rest of the round.
  @Test func buffersReadBeforeTheyAreWrittenLiveThroughTheLoop() throws {
    var maker = DraftMaker()
    let (state, next, big, done) = (
      maker.temporary("state", 1 << 20), maker.temporary("next", 1 << 20), maker.temporary("big", 1 << 20),
      maker.output("done")
    )
    maker.draft.steps = [
      maker.launch(writes: pieces(state)),
      .loop(
        count: 4, carries: [BufferUpdate(target: state, value: next)],
        [
          maker.launch("step", reads: pieces(state), writes: pieces(next), [.inPlace]),
          maker.launch("use", reads: pieces(next), writes: pieces(big)),
          maker.launch("end", reads: pieces(big), writes: pieces(done)),
        ]),
    ]
    let plan = try maker.plan()
    #expect(plan.arenaByteCount == 2 << 20)
    #expect(plan.launchCount == 4, "the carried state is computed in place")
  }

  @Test func layoutsReachTheLargestLiveSetWhereItIsEasy() throws {
    // Forward and backward of a chain: activations live until their gradient is computed.
    var maker = DraftMaker()
    let x = maker.parameter("x", 1 << 16)
    var activations = [x]
    for index in 0..<12 {
      let next = maker.temporary("a\(index)", (1 + index * 7 % 5) << 16)
      maker.draft.steps.append(maker.launch(reads: [Piece(activations[index])], writes: pieces(next)))
      activations.append(next)
    }
    var gradient = activations[12]
    for index in (0..<12).reversed() {
      let next = maker.temporary("g\(index)", maker.draft.buffers[activations[index]].byteCount)
      maker.draft.steps.append(maker.launch(reads: pieces(gradient, activations[index]), writes: pieces(next)))
      gradient = next
    }
    let plan = try maker.plan(.init(target: .zen4, sharingThreshold: 0))
    #expect(Double(plan.arenaByteCount) <= 1.1 * Double(plan.largestLiveSet))
  }
}

@Suite struct PlannerUpdateTests {
  @Test func updatesAreComputedInVariables() throws {
    var maker = DraftMaker()
    let (w, x, g, y) = (maker.variable("w"), maker.parameter("x"), maker.temporary("g"), maker.temporary("w'"))
    maker.draft.steps = [
      maker.launch("gradient", reads: pieces(w, x), writes: pieces(g)),
      maker.launch("step", reads: pieces(w, g), writes: pieces(y), [.inPlace]),
    ]
    maker.draft.updates = [BufferUpdate(target: w, value: y)]
    let plan = try maker.plan()
    #expect(plan.launchCount == 2)
    #expect(plan.buffers[y].place == .variable(0))
  }

  /// The launch that writes the new value moves behind the readers of the old one.
  @Test func writersMoveBehindReaders() throws {
    var maker = DraftMaker()
    let (w, y, z) = (maker.variable("w"), maker.temporary("w'"), maker.output("z"))
    maker.draft.steps = [
      maker.launch("step", reads: pieces(w), writes: pieces(y), [.inPlace]),
      maker.launch("late reader", reads: pieces(w), writes: pieces(z)),
    ]
    maker.draft.updates = [BufferUpdate(target: w, value: y)]
    let plan = try maker.plan()
    #expect(origins(plan.steps) == ["late reader", "step"])
    #expect(plan.barrierCount == 1)
  }

  @Test func writersThatReadersNeedAreCopied() throws {
    var maker = DraftMaker()
    let (w, y, z) = (maker.variable("w"), maker.temporary("w'"), maker.output("z"))
    maker.draft.steps = [
      maker.launch("step", reads: pieces(w), writes: pieces(y), [.inPlace]),
      maker.launch("compare", reads: pieces(w, y), writes: pieces(z)),
    ]
    maker.draft.updates = [BufferUpdate(target: w, value: y)]
    #expect(origins(try maker.plan().steps) == ["step", "compare", "copy of w'"])
  }

  @Test func exchangesGoThroughOneTemporary() throws {
    var maker = DraftMaker()
    let (a, b) = (maker.variable("a"), maker.variable("b"))
    maker.draft.updates = [BufferUpdate(target: a, value: b), BufferUpdate(target: b, value: a)]
    let plan = try maker.plan()
    #expect(plan.launchCount == 3)
    #expect(plan.arenaByteCount == 64)
  }

  @Test func chainsOfUpdatesShiftWithoutTemporaries() throws {
    var maker = DraftMaker()
    let (a, b, x) = (maker.variable("a"), maker.variable("b"), maker.temporary("x"))
    maker.draft.steps = [maker.launch("new", reads: pieces(a), writes: pieces(x))]
    maker.draft.updates = [BufferUpdate(target: a, value: b), BufferUpdate(target: b, value: x)]
    let plan = try maker.plan()
    #expect(plan.launchCount <= 3)
    #expect(plan.buffers[x].place == .variable(1) || plan.arenaByteCount == 64)
  }

  @Test func carriesExchangeValues() throws {
    var maker = DraftMaker()
    let (a, b) = (maker.temporary("a"), maker.temporary("b"))
    let (first, second) = (maker.output("first"), maker.output("second"))
    maker.draft.steps = [
      maker.launch(writes: pieces(a)), maker.launch(writes: pieces(b)),
      .loop(
        count: 3, carries: [BufferUpdate(target: a, value: b), BufferUpdate(target: b, value: a)],
        [maker.launch(updates: pieces(a))]),
    ]
    maker.draft.updates = [BufferUpdate(target: first, value: a), BufferUpdate(target: second, value: b)]
    _ = try maker.plan()
  }

  @Test func variablesChangeAfterAllThatMayFail() throws {
    var maker = DraftMaker()
    let (w, y, z) = (maker.variable("w"), maker.temporary("w'"), maker.output("z"))
    maker.draft.steps = [
      maker.launch("step", reads: pieces(w), writes: pieces(y), [.inPlace]),
      maker.launch("check", writes: pieces(z), [.fails]),
    ]
    maker.draft.updates = [BufferUpdate(target: w, value: y)]
    let plan = try maker.plan()
    #expect(origins(plan.steps) == ["check", "step"])
    #expect(plan.barrierCount == 1, "nothing is shared, but the program may end there")
  }

  @Test func valuesThatFailuresDependOnAreCopied() throws {
    var maker = DraftMaker()
    let (w, y, z) = (maker.variable("w"), maker.temporary("w'"), maker.output("z"))
    maker.draft.steps = [
      maker.launch("step", reads: pieces(w), writes: pieces(y), [.inPlace]),
      maker.launch("check", reads: pieces(y), writes: pieces(z), [.fails]),
    ]
    maker.draft.updates = [BufferUpdate(target: w, value: y)]
    #expect(origins(try maker.plan().steps) == ["step", "check", "copy of w'"])
  }

  /// A loop that fails in its second round has changed nothing in its first.
  @Test func variablesThatLoopsCarryAreDetachedWhereTheLoopMayFail() throws {
    var maker = DraftMaker()
    let (w, y) = (maker.variable("w"), maker.temporary("w'"))
    maker.draft.steps = [
      .loop(
        count: 3, carries: [BufferUpdate(target: w, value: y)],
        [maker.launch("step", reads: pieces(w), writes: pieces(y), [.inPlace, .fails])])
    ]
    #expect(origins(try maker.plan().steps) == ["copy of w", "step", "copy of w while the program may fail"])
  }

  @Test func wrongDraftsAreRefused() throws {
    var maker = DraftMaker()
    let (a, b) = (maker.temporary("a", 64), maker.temporary("b", 128))
    maker.draft.updates = [BufferUpdate(target: a, value: b)]
    #expect(throws: ApusError.self) { try Planner.plan(maker.draft, options: DraftMaker.options) }
    maker.draft.updates = []
    maker.draft.steps = [maker.launch(writes: [Piece(a, offset: 1, byteCount: 64)])]
    #expect(throws: ApusError.self) { try Planner.plan(maker.draft, options: DraftMaker.options) }
    maker.draft.steps = [.loop(count: 3, carries: [], [maker.launch(writes: [Piece(b, byteCount: 64, strides: [64])])])]
    #expect(throws: ApusError.self) { try Planner.plan(maker.draft, options: DraftMaker.options) }
    maker.draft.steps = [maker.launch(writes: pieces(maker.parameter("p")))]
    #expect(throws: ApusError.self) { try Planner.plan(maker.draft, options: DraftMaker.options) }
  }
}

@Suite struct PlannerBarrierTests {
  @Test func independentLaunchesRunTogether() throws {
    var maker = DraftMaker()
    let (x, a, b, c) = (maker.parameter("x"), maker.temporary("a"), maker.temporary("b"), maker.output("c"))
    maker.draft.steps = [
      maker.launch(reads: pieces(x), writes: pieces(a)), maker.launch(reads: pieces(x), writes: pieces(b)),
      maker.launch(reads: pieces(a, b), writes: pieces(c)),
    ]
    #expect(try maker.plan().barrierCount == 1)
  }

  @Test func serialLaunchesAreInOrder() throws {
    var maker = DraftMaker()
    let (a, b, c, d) = (maker.temporary("a"), maker.temporary("b"), maker.temporary("c"), maker.output("d"))
    maker.draft.steps = [
      maker.launch(writes: pieces(a), [.serial]), maker.launch(reads: pieces(a), writes: pieces(b), [.serial]),
      maker.launch(writes: pieces(c)), maker.launch(reads: pieces(a, b), writes: pieces(d), [.serial]),
    ]
    #expect(try maker.plan().barrierCount == 0)
  }

  @Test func piecesOfOneBufferDoNotConflict() throws {
    var maker = DraftMaker()
    let (a, b) = (maker.temporary("a", 128), maker.output("b"))
    maker.draft.steps = [
      maker.launch(writes: [Piece(a, byteCount: 64)]), maker.launch(writes: [Piece(a, offset: 64, byteCount: 64)]),
      maker.launch(reads: pieces(a), writes: pieces(b)),
    ]
    #expect(try maker.plan().barrierCount == 1)
  }

  /// Rounds that touch slices of their own need no barrier; rounds that read the slice before theirs do.
  @Test func roundsConflictByTheirSlices() throws {
    for (offset, barriers) in [(0, 0), (64, 1)] {
      var maker = DraftMaker()
      let (x, y) = (maker.parameter("x", 64), maker.output("y", 64 * 5))
      let z = maker.output("z", 64 * 4)
      maker.draft.steps = [
        .loop(
          count: 4, carries: [],
          [
            maker.launch(
              reads: [Piece(x), Piece(y, offset: 0, byteCount: 64, strides: [64])],
              writes: [Piece(z, byteCount: 64, strides: [64])]),
            maker.launch(reads: pieces(x), writes: [Piece(y, offset: offset, byteCount: 64, strides: [64])]),
          ])
      ]
      #expect(try maker.plan().barrierCount == (offset == 0 ? 1 : barriers))
    }
  }

  /// What moves meets what stands in a later round, though they begin apart: it is written before it is read there, and
  /// read before the next round writes.
  @Test func slicesThatMoveMeetOnesThatStand() throws {
    var maker = DraftMaker()
    let (x, y, z) = (maker.parameter("x"), maker.output("y", 64 * 4), maker.output("z", 64 * 4))
    maker.draft.steps = [
      .loop(
        count: 4, carries: [],
        [
          maker.launch(reads: pieces(x), writes: [Piece(y, byteCount: 64, strides: [64])]),
          maker.launch(
            reads: [Piece(y, offset: 128, byteCount: 64)], writes: [Piece(z, byteCount: 64, strides: [64])]),
        ])
    ]
    #expect(try maker.plan().barrierCount == 2)
  }

  @Test func smallBuffersDoNotShareAtTheCostOfABarrier() throws {
    var maker = DraftMaker()
    let (a, b) = (maker.temporary("a"), maker.temporary("b"))
    let (y, z) = (maker.output("y"), maker.output("z"))
    maker.draft.steps = [
      maker.launch(writes: pieces(a), [.serial]), maker.launch(reads: pieces(a), writes: pieces(y), [.serial]),
      maker.launch(writes: pieces(b)), maker.launch(reads: pieces(b), writes: pieces(z)),
    ]
    #expect(try maker.plan().barrierCount == 1)
    #expect(try maker.plan(.init(target: .zen4, sharingThreshold: 0)).barrierCount == 2)
  }

  @Test func conditionsAreReadAfterABarrier() throws {
    var maker = DraftMaker()
    let (c, y) = (maker.temporary("c"), maker.output("y"))
    maker.draft.steps = [
      maker.launch("test", writes: pieces(c), [.serial]),
      .branch(
        condition: Location(buffer: c), then: [maker.launch("then", writes: pieces(y))],
        otherwise: [maker.launch("else", writes: pieces(c), [.serial])]),
    ]
    // One before the condition, one before its byte is written again.
    #expect(try maker.plan().barrierCount == 2)
  }

  @Test func plansPrintAsText() throws {
    var maker = DraftMaker("step")
    let (w, y, z) = (maker.variable("w"), maker.temporary("w'"), maker.temporary("z", 100))
    maker.draft.steps = [
      maker.launch("gradient", reads: pieces(w), writes: pieces(z)),
      .loop(
        count: 2, carries: [], [maker.launch("scale", updates: [Piece(z, byteCount: 50, strides: [50])], [.serial])]),
      maker.launch("step", reads: pieces(w, z), writes: pieces(y), [.inPlace]),
    ]
    maker.draft.updates = [BufferUpdate(target: w, value: y)]
    let text = try maker.plan().description
    #expect(
      text == """
        plan @step {
          // 3 launches of 3 kernels, 2 barriers; the arena is 1.00 times the largest live set
          arena 128 bytes, largest live set 128
          b0: variable 0, 64 bytes, live 0 to 4, for "w"
          b1: variable 0, 64 bytes, live 0 to 4, for "w'"
          b2: arena +0, 100 bytes, live 0 to 4, for "z"
          0: k0 @gradient(read b0, write b2) units 8, from "gradient"
          barrier
          1: loop 2 {
            2: k1 @scale(read_write b2+i0*50) serial, from "scale"
          }
          barrier
          4: k2 @step(read b0, read b2, write b1) units 8, from "step"
        }

        """, "\(text)")
  }
}

/// What a program runs, in order.
private func origins(_ steps: [ProgramStep]) -> [String] { steps.launches().map(\.origin) }
