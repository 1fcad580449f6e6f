import Apus
import ApusKernels
import ApusNative
import ApusPlanning
import TestSupport
import Testing

/// Faults planted in the plans of models: the checker refuses each, and names the launches, the buffer and the reason.
@Suite struct PlanFaultTests {
  private static func training(_ name: String, batch: Int = 4) throws -> PlannedGraph {
    let planned = try PlannedGraph(PlannedGraph.model(name, training: true, batch: batch))
    try planned.check()
    return planned
  }

  // MARK: Barriers and order

  @Test(arguments: ["mlp", "cnn", "lstm"]) func droppedBarriers(_ name: String) throws {
    let planned = try Self.training(name)
    for number in 0..<planned.program.barrierCount {
      var program = planned.program
      program.steps = program.steps.removingBarrier(number)
      let words = planned.refusal(of: program)
      #expect(
        words.contains("there is no barrier between") || words.contains("before a barrier tells whether"),
        "barrier \(number): \(words)")
    }
  }

  @Test func swappedLaunches() throws {
    let planned = try Self.training("mlp")
    let (first, second) = (2, 3)
    var program = planned.program
    let launches = program.launches
    var number = 0
    program.steps = program.steps.mapLaunches { _ in
      defer { number += 1 }
      return launches[number == first ? second : number == second ? first : number]
    }
    let words = planned.refusal(of: program)
    #expect(words.contains("\(launches[second].origin), which reads"), "\(words)")
    #expect(words.contains("finds"), "\(words)")
  }

  @Test func updatesThatComeTooEarly() throws {
    let planned = try Self.training("mlp")
    let program = planned.program
    let updates = program.launches.indices.filter { writtenVariable(program, program.launches[$0]) != nil }
    #expect(updates.count >= 5)
    for update in updates where update > 0 {
      let launch = program.launches[update]
      var changed = program
      changed.steps = [.launch(launch), .barrier] + removing(update, program.steps)
      let words = planned.refusal(of: changed)
      #expect(
        words.contains("finds") || words.contains("may fail after \(launch.origin)"), "\(launch.origin): \(words)")
    }
  }

  @Test func missingUpdates() throws {
    let planned = try Self.training("mlp")
    var program = planned.program
    let update = try #require(program.launches.lastIndex { writtenVariable(program, $0) != nil })
    let origin = program.launches[update].origin
    program.steps = removing(update, program.steps)
    #expect(planned.refusal(of: program).contains("\(origin) is missing"))
  }

  @Test func copiesOfWhatIsNotComplete() throws {
    // Variables that exchange their values are copied.
    let builder = GraphBuilder("exchange")
    let a = try builder.variable("a", .f32, [64, 64], .zeros)
    let b = try builder.variable("b", .f32, [64, 64], .zeros)
    let y = try a.sin() + b
    try builder.update(a, to: b)
    try builder.update(b, to: a)
    let planned = try PlannedGraph(builder.build([y]))
    try planned.check()
    var program = planned.program
    let copy = try #require(program.launches.lastIndex { $0.origin.hasPrefix("copy of") })
    let launch = program.launches[copy]
    program.steps = [.launch(launch), .barrier] + removing(copy, program.steps)
    let words = planned.refusal(of: program)
    #expect(words.contains("finds"), "\(words)")
    #expect(words.contains("instead of what %"), "\(words)")
  }

  // MARK: Memory

  @Test(arguments: ["mlp", "cnn"]) func overlappingBuffers(_ name: String) throws {
    let planned = try Self.training(name)
    var total = 0
    for (index, buffer) in planned.program.buffers.enumerated() {
      guard case .arena(let offset) = buffer.place, let life = buffer.lifetime else { continue }
      for (other, second) in planned.program.buffers.enumerated() where other != index {
        guard case .arena(let place) = second.place, let span = second.lifetime, place != offset,
          max(life.lowerBound, span.lowerBound) < min(life.upperBound, span.upperBound),
          offset + second.byteCount <= planned.program.arenaByteCount
        else { continue }
        var program = planned.program
        program.buffers[other].place = buffer.place
        total += 1
        let words = planned.refusal(of: program)
        #expect(
          words.contains("finds") || words.contains("where it reads or writes")
            || words.contains("there is no barrier between"), "\(second.name) on \(buffer.name): \(words)")
      }
    }
    #expect(total >= 10)
  }

  @Test func resultsInPlaceOfOperandsThatMustStay() throws {
    let planned = try Self.training("mlp")
    var program = planned.program
    for launch in program.launches {
      let uses = zip(launch.arguments, program.kernels[launch.kernel].buffers)
      let (reads, writes) = (uses.filter { $1.use == .read }, uses.filter { $1.use == .write })
      guard launch.origin.contains("%5"), let read = reads.first?.0.buffer, let write = writes.first?.0.buffer else {
        continue
      }
      program.buffers[write].place = program.buffers[read].place
      let words = planned.refusal(of: program)
      let (a, b) = (program.buffers[write].name, program.buffers[read].name)
      #expect(words.contains("\(launch.origin) writes \(a) where it reads or writes \(b)"), "\(words)")
      return
    }
    Issue.record("the model has no such launch")
  }

  @Test func staleAliases() throws {
    let planned = try Self.training("mlp")
    var program = planned.program
    let input = try buffer("%1", program)
    let launch = try #require(program.launches.first { program.kernels[$0.kernel].name == "matmul_select" })
    let written = try #require(program.kernels[launch.kernel].buffers.firstIndex { $0.use != .read })
    let gradient = launch.arguments[written].buffer
    let name = program.buffers[gradient].name
    // Both are read by the gradient of the weights, behind a barrier.
    program.buffers[gradient].place = program.buffers[input].place
    let words = planned.refusal(of: program)
    #expect(words.contains("reads %1"), "\(words)")
    #expect(words.contains("wrote for \(name) instead of what %1 = fusion wrote for %1"), "\(words)")
  }

  @Test func buffersOutsideOfTheArena() throws {
    let planned = try Self.training("mlp")
    let index = try buffer("%5", planned.program)
    for (offset, size) in [(planned.program.arenaByteCount, 0), (32, 0), (0, 64)] {
      var program = planned.program
      if size == 0 { program.buffers[index].place = .arena(offset: offset) } else { program.arenaByteCount -= size }
      let words = planned.refusal(of: program)
      #expect(words.contains("lies at"), "\(words)")
    }
  }

  @Test func lifetimesThatAreTooShort() throws {
    let planned = try Self.training("mlp")
    var program = planned.program
    let index = try buffer("%5", program)
    let life = try #require(program.buffers[index].lifetime)
    program.buffers[index].lifetime = life.lowerBound...life.upperBound - 1
    let words = planned.refusal(of: program)
    #expect(words.contains("step \(life.upperBound), touches %5, which is said to be needed from step"), "\(words)")
  }

  @Test func stridesOfLoopsThatAreWrong() throws {
    let planned = try Self.training("lstm")
    var found = 0
    planned.program.steps.walk { event, position in
      guard found < 3, case .launch(let launch) = event,
        let moving = launch.arguments.firstIndex(where: { $0.strides.contains { $0 != 0 } })
      else { return }
      found += 1
      for change in [2, 0, -1] {
        var program = planned.program
        program.steps = program.steps.mapSteps { leaf, place in
          guard case .launch(var launch) = leaf, place.number == position.number else { return [leaf] }
          launch.arguments[moving].strides = launch.arguments[moving].strides.map { $0 * change }
          return [.launch(launch)]
        }
        let words = planned.refusal(of: program)
        // What only copies may be a copy that the planner has added.
        #expect(
          words.contains("\(launch.origin) is not in the draft at this place")
            || words.contains("\(launch.origin) is missing"), "\(words)")
      }
    }
    #expect(found == 3)
  }

  // MARK: Batches

  @Test func batchesThatAreNotGathered() throws {
    let planned = try Self.training("mlp")
    var program = planned.overBatches()
    #expect(planned.refusal(of: program) == "nothing")
    program.steps = program.steps.mapSteps { leaf, position in
      if case .launch(let launch) = leaf, launch.origin == "batch of %input", !position.loops.isEmpty {
        []
      } else {
        [leaf]
      }
    }
    let words = planned.refusal(of: program)
    #expect(words.contains("reads %input, finds"), "\(words)")
    #expect(words.contains("batch 1 of %input instead of batch 2 of %input"), "\(words)")
  }

  /// The list of rows goes on for as many batches as the program looks ahead, and no further.
  @Test func listsOfRowsThatAreTooShort() throws {
    let planned = try Self.training("mlp")
    var program = planned.overBatches()
    program.steps = program.steps.mapSteps { leaf, position in
      guard case .launch(var launch) = leaf, launch.origin == "batch of %input", !position.loops.isEmpty else {
        return [leaf]
      }
      launch.arguments[2].offset += 4 * 8
      return [.launch(launch)]
    }
    let words = planned.refusal(of: program)
    #expect(words.contains("batch of %input in iteration 3 touches bytes 160..<192 of rows, which has 160"), "\(words)")
  }

  /// Batches so large that all workers read them: what one worker does is in order without a barrier.
  @Test(arguments: ["mlp", "lstm"]) func barriersBetweenBatches(_ name: String) throws {
    let planned = try Self.training(name, batch: 64)
    let program = planned.overBatches()
    guard case .loop(nil, let carries, let body)? = program.steps.last else {
      Issue.record("batches are no loop: \(program)")
      return
    }
    // The last barrier parts the gathering from the next batch, the one before it parts it from this one's last readers.
    for barrier in body.indices.filter({ body[$0].isBarrier }).suffix(2) {
      var changed = program
      var inside = body
      inside.remove(at: barrier)
      changed.steps[changed.steps.count - 1] = .loop(count: nil, carries: carries, inside)
      let words = planned.refusal(of: changed)
      #expect(
        words.contains("there is no barrier between") || words.contains("before a barrier tells whether"), "\(words)")
      #expect(words.contains("in iteration 1"), "\(words)")
    }
  }

  /// Where the only phase of a run reads the batch, the next one may be gathered only after a barrier of its own.
  @Test func batchesGatheredWhileTheLastIsRead() throws {
    let builder = GraphBuilder("one_phase")
    let x = try builder.parameter("x", .f32, [64, 1024])
    let planned = try PlannedGraph(builder.build([x.exp()]))
    let program = planned.overBatches()
    #expect(planned.program.barrierCount == 0)
    #expect(planned.refusal(of: program) == "nothing")
    guard case .loop(nil, let carries, let body)? = program.steps.last else {
      Issue.record("batches are no loop: \(program)")
      return
    }
    // run, barrier, gather, barrier
    try #require(body.map(\.isBarrier) == [false, true, false, true])
    for barrier in [1, 3] {
      var changed = program
      var inside = body
      inside.remove(at: barrier)
      changed.steps[changed.steps.count - 1] = .loop(count: nil, carries: carries, inside)
      let words = planned.refusal(of: changed)
      #expect(words.contains("there is no barrier between") && words.contains("batch of %x"), "\(words)")
    }
  }

  @Test func seriesThatDoNotMove() throws {
    let planned = try Self.training("mlp")
    var program = planned.overBatches()
    let loss = try buffer("%loss", program)
    program.steps = program.steps.mapLocations {
      $0.buffer == loss ? Location(buffer: loss, offset: $0.offset) : $0
    }
    let words = planned.refusal(of: program)
    #expect(words.contains("at the end, %loss finds") || words.contains("no barrier"), "\(words)")
  }

  // MARK: What is computed once

  /// Two filters that Winograd's algorithm transforms before the first run.
  private static func filters(updating: Bool = false) throws -> Graph {
    let builder = GraphBuilder("filters")
    let x = try builder.parameter("x", .f32, [1, 12, 12, 32])
    let v = try builder.variable("v", .f32, [3, 3, 32, 32], .zeros)
    let w = try builder.variable("w", .f32, [3, 3, 32, 32], .zeros)
    let y = try x.convolution(v, padding: .same).relu().convolution(w, padding: .same)
    if updating { try builder.update(w, to: w + 1) }
    return try builder.build([y])
  }

  @Test func resultsComputedOnceAndReadInAnotherPlace() throws {
    let planned = try PlannedGraph(Self.filters())
    try planned.check()
    var program = planned.program
    for index in program.buffers.indices {
      if case .precomputed(let position) = program.buffers[index].place {
        program.buffers[index].place = .precomputed(1 - position)
      }
    }
    let words = planned.refusal(of: program)
    #expect(words.contains("is computed once as result 0, but read at"), "\(words)")
  }

  /// A preparation runs again if one of the variables changes that it is said to need: the second, too.
  @Test func variablesThatAreNotSaidToBeNeeded() throws {
    let planned = try PlannedGraph(Self.filters())
    var preparation = try #require(planned.preparation)
    let w = try buffer("%w", preparation)
    preparation.buffers[w].lifetime = nil
    let words = planned.refusal(preparation: preparation)
    #expect(words.contains("touches %w, which is said to be needed never"), "\(words)")
  }

  @Test func launchesThatNobodyPrepares() throws {
    let planned = try PlannedGraph(Self.filters())
    var preparation = try #require(planned.preparation)
    let origin = preparation.launches[1].origin
    preparation.steps = removing(1, preparation.steps)
    let words = planned.refusal(preparation: preparation)
    #expect(words.contains("\(origin) is missing"), "\(words)")
  }

  @Test func whatChangesIsNotComputedOnce() throws {
    let backend = NativeBackend()
    let planned = try PlannedGraph(Self.filters(updating: true), backend)
    let options = Planner.Options(target: backend.target.processor)
    // As if the second filter stayed as it is.
    let split = try #require(planned.draft.splittingPreparation(fixed: [0, 1]))
    let words = planned.refusal(
      of: try Planner.plan(split.rest, options: options),
      preparation: try Planner.plan(split.preparation, options: options))
    #expect(words.contains("%w is read once, before all runs, but written in each"), "\(words)")
  }

  /// The stage that is at fault is in the message.
  @Test func thePlanIsNamed() throws {
    let planned = try Self.training("mlp")
    var program = planned.program
    program.steps = program.steps.removingBarrier(0)
    #expect(planned.refusal(of: program).hasPrefix("plan @mlp.training: "))
  }

  // MARK: Pieces

  /// The variable that a launch writes.
  private func writtenVariable(_ program: KernelProgram, _ launch: Launch) -> Int? {
    for (location, buffer) in zip(launch.arguments, program.kernels[launch.kernel].buffers) where buffer.use != .read {
      if case .variable(let position) = program.buffers[location.buffer].place { return position }
    }
    return nil
  }

  private func buffer(_ name: String, _ program: KernelProgram) throws -> Int {
    try #require(program.buffers.firstIndex { $0.name == name && $0.lifetime != nil }, "there is no buffer \(name)")
  }

  /// Steps without one launch, by its position in `launches`.
  private func removing(_ launch: Int, _ steps: [ProgramStep]) -> [ProgramStep] {
    var next = 0
    return steps.mapSteps { leaf, _ in
      guard leaf.isLaunch else { return [leaf] }
      next += 1
      return next - 1 == launch ? [] : [leaf]
    }
  }
}
