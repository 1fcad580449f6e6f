import Apus
import ApusGraph
import ApusNative
import TestSupport
import Testing

/// Seventy faults in all stages: what validation finds, whom it blames, and how small the graph becomes.
///
/// | stage | faults |
/// |---|---|
/// | passes | wrong laws (`GraphFault.laws`), slips (`GraphFault.slips`) |
/// | gradients | `GradientFault` |
/// | lowering, planning, code generation | `StageFault` |
@Suite(.enabled(if: NativeBackend.isAvailable)) struct PlantedStageFaultTests {
  /// What validation says of a graph; nil: nothing is wrong.
  private struct Blame: Equatable {
    let place: String
  }

  private func blame(_ fault: GraphFault, _ graph: Graph) -> Blame? {
    do {
      _ = try Pipeline([DeadCode(), fault.pass, CommonSubexpressions()]).run(
        graph, remarking: false, observers: [TranslationValidation()])
      return nil
    } catch let error as ApusError where error.fault == .defect {
      return Blame(place: error.message)
    } catch { return nil }
  }

  private func blame(_ fault: GradientFault, _ graph: Graph) -> Blame? {
    var validation = GradientValidation()
    validation.differentiate = fault.differentiate
    guard case .mismatch(let words)? = try? validation.verdict(on: graph) else { return nil }
    return Blame(place: words)
  }

  private func blame(_ fault: StageFault, _ graph: Graph) -> Blame? {
    let native = NativeBackend(workers: 2)
    guard let lowered = try? native.optimized(graph),
      let found = try? KernelValidation(native).verdict(on: lowered, from: graph, planting: fault.planting).fault
    else { return nil }
    return Blame(place: found.stage.rawValue)
  }

  /// One fault's result.
  private struct Result {
    let name: String
    var isFound = false
    var isBlamedRightly = false
    var nodes = 0
  }

  private func result(
    _ name: String, _ graph: Graph, isRight: @escaping (String) -> Bool, _ blame: @escaping (Graph) -> Blame?
  ) throws -> Result {
    var result = Result(name: name)
    guard let found = blame(graph) else { return result }
    result.isFound = true
    result.isBlamedRightly = isRight(found.place)
    var reducer = GraphReducer { blame($0.graph).map { isRight($0.place) } ?? false }
    reducer.limit = 40
    result.nodes = result.isBlamedRightly ? try reducer.reduced(GraphCase(graph: graph)).graph.computationCount : 0
    return result
  }

  @Test(.timeLimit(.minutes(30))) func everyFaultIsFoundNamedAndMadeSmall() throws {
    var results: [Result] = []
    for fault in GraphFault.laws + GraphFault.slips {
      results.append(
        try result(fault.name, fault.graph, isRight: { $0.hasPrefix("pass '\(fault.pass.name)'") }) { blame(fault, $0) }
      )
    }
    for fault in GradientFault.all {
      let graph = try #require(try Graph.parse(fault.graph).first)
      results.append(
        try result(fault.name, graph, isRight: { $0.contains("operator '\(fault.op)'") }) { blame(fault, $0) })
    }
    for fault in StageFault.all {
      let graph = try #require(try Graph.parse(fault.graph).first)
      results.append(
        try result(fault.name, graph, isRight: { $0 == fault.stage.rawValue }) { blame(fault, $0) })
    }
    let missed = results.filter { !$0.isFound }.map(\.name)
    let misnamed = results.filter { $0.isFound && !$0.isBlamedRightly }.map(\.name)
    let nodes = results.filter(\.isBlamedRightly).map(\.nodes).sorted()
    let median = nodes[nodes.count / 2]
    print(
      "\(results.count) faults: \(results.count - missed.count) found, \(nodes.count) named rightly, median \(median) nodes"
    )
    #expect(results.count == 70, "Docs/Reliability.md says how many")
    #expect(missed.isEmpty, "not found: \(missed)")
    #expect(misnamed.isEmpty, "found, but not named: \(misnamed)")
    #expect(median <= 8)
  }

  /// The same graphs without the faults.
  @Test func soundStagesAreNotBlamed() throws {
    for fault in GradientFault.all {
      let graph = try #require(try Graph.parse(fault.graph).first)
      guard case .agreement = try GradientValidation().verdict(on: graph) else {
        Issue.record("\(fault): \(try GradientValidation().verdict(on: graph))")
        continue
      }
    }
    for fault in StageFault.all {
      let graph = try #require(try Graph.parse(fault.graph).first)
      let native = NativeBackend(workers: 2)
      let verdict = try KernelValidation(native).verdict(on: native.optimized(graph), from: graph)
      #expect(verdict.fault == nil && verdict.ranNatively && verdict.resultCount > 0, "\(fault): \(verdict)")
      // Launches in loops are seen by the results alone.
      let isLoop = graph.nodes.contains { $0.op.traits.contains(.controlFlow) }
      #expect(verdict.launches.isEmpty == isLoop, "\(fault): \(verdict)")
    }
  }

  /// A graph of a loop alone is compared by its results; what no run can do is not taken for agreement.
  @Test func nothingComparedIsNoAgreement() throws {
    let loop = try #require(StageFault.all.first { $0.name == "a sum in a loop is a difference" })
    let native = NativeBackend(workers: 1)
    let graph = try #require(try Graph.parse(loop.graph).first)
    let verdict = try KernelValidation(native).verdict(on: native.optimized(graph), from: graph)
    #expect(verdict.fault == nil && verdict.resultCount == 1, "\(verdict)")
    // Positions are in range whatever the seed: they are below what they look up in.
    let lookUp = try #require(
      try Graph.parse("graph @g(%t: f32[3, 2], %i: i64[2]) {\n%r = gather(%t, %i, axis: 0)\nreturn %r\n}").first)
    for seed in UInt64(1)...8 {
      var validation = KernelValidation(native)
      validation.inputs = [RandomInputs(seed: seed)]
      #expect(try validation.verdict(on: native.optimized(lookUp), from: lookUp).resultCount == 1)
    }
    // A position that no draw makes right.
    let refused = try #require(
      try Graph.parse(
        "graph @g(%t: f32[3, 2], %i: i64[2]) {\n%c: i64 = constant(9)\n%j = add(%i, %c)\n%r = gather(%t, %j, axis: 0)\nreturn %r\n}"
      ).first)
    #expect {
      try KernelValidation(native).verdict(on: native.optimized(refused), from: refused)
    } throws: { ($0 as? ApusError)?.message.contains("cannot be validated: it refuses all random inputs") == true }
  }

  /// A verdict has the largest error of all inputs, whichever comes last.
  @Test func theLargestErrorCounts() throws {
    let graph = try #require(
      try Graph.parse("graph @g(%x: f32[64]) {\n  %y = exp(%x)\n  %z = tanh(%y)\n  return %z\n}").first)
    func largest(_ inputs: [RandomInputs]) throws -> [UInt64] {
      let native = NativeBackend(workers: 1)
      var validation = KernelValidation(native)
      validation.inputs = inputs
      return try validation.verdict(on: native.optimized(graph), from: graph).launches.map(\.largestULP)
    }
    let constant = RandomInputs(seed: 1, kind: .sparse)
    let seeds = (1...6).map { RandomInputs(seed: $0) }
    let each = try (seeds + [constant]).map { try largest([$0]) }
    #expect(Set(each).count > 1, "some inputs have larger errors than others")
    for order in [seeds + [constant], [constant] + seeds] {
      let all = try largest(order)
      #expect(all == all.indices.map { launch in each.map { $0[launch] }.max() })
    }
  }

  /// Whole models, kernel by kernel.
  @Test(arguments: ["mlp", "cnn", "lstm"]) func modelsAgreeKernelByKernel(_ name: String) throws {
    let graph = try PlannedGraph.model(name, training: true, batch: 2)
    let native = NativeBackend(workers: 2)
    let verdict = try KernelValidation(native).verdict(on: native.optimized(graph), from: graph)
    #expect(verdict.fault == nil && verdict.launches.count > 3, "\(verdict)")
  }
}
