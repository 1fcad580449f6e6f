import Apus
import ApusGraph
import ApusKernels
import ApusNative
import ApusPlanning
import TestSupport
import Testing

/// What depends on weights alone is computed before the runs, and judged as it is: faults in what computes it, and in what
/// reads it, are found.
@Suite(.enabled(if: NativeBackend.isAvailable)) struct PreparationFaultTests {
  private static let native = NativeBackend(workers: 2)

  /// Two products with matrices that depend on weights alone: `%u` and `%t` are computed once.
  private static func model() throws -> Graph {
    let text = """
      graph @model(%x: f32[40, 48]) {
        %w: f32[48, 64] = variable(glorot_uniform)
        %k: f32[48, 64] = variable(glorot_uniform)
        %v = negate(%w)
        %u = matmul(%v, %v, transpose_a: true)
        %t = abs(%k)
        %z = matmul(%x, %t)
        %y = matmul(%z, %u)
        return %y
      }
      """
    return try #require(try Graph.parse(text).first)
  }

  private func verdict(_ planting: KernelValidation.Planting = .init()) throws -> KernelValidation.Verdict {
    let graph = try Self.model()
    return try KernelValidation(Self.native).verdict(
      on: Self.native.optimized(graph), from: graph, planting: planting)
  }

  /// The kernel of `%t` computes −k and not |k|.
  private static func damage(_ kernels: inout [Kernel]) {
    for index in kernels.indices where kernels[index].name == "abs" {
      let text = kernels[index].description.replacing("= absolute", with: "= negate")
      if let changed = try? Kernel.parse(text).first { kernels[index] = changed }
    }
  }

  @Test func whatIsComputedOnceIsRunAndLookedAt() throws {
    let sound = try verdict()
    #expect(sound.fault == nil && sound.hasPreparation && sound.ranNatively, "\(sound)")
    // Those of the preparation first.
    let results = sound.launches.map { $0.origin.prefix { $0 != " " } }
    #expect(results == ["%v", "%u", "%t", "%z", "%y"], "\(results)")
    // A training step changes its variables: nothing stays the same.
    let step = try PlannedGraph.model("mlp", training: true, batch: 2)
    #expect(try !KernelValidation(Self.native).verdict(on: Self.native.optimized(step), from: step).hasPreparation)
  }

  @Test func aFaultOfAPreparationsKernelIsFound() throws {
    var lowering = KernelValidation.Planting()
    lowering.draft = { Self.damage(&$0.kernels) }
    let draft = try verdict(lowering).fault
    #expect(draft?.stage == .lowering && draft?.launch == "%t = abs", "\(String(describing: draft))")
    var code = KernelValidation.Planting()
    code.preparationCode = { Self.damage(&$0.kernels) }
    let machine = try verdict(code).fault
    #expect(machine?.stage == .codeGeneration && machine?.launch == "%t = abs", "\(String(describing: machine))")
  }

  @Test func aFaultOfAPreparationsPlanIsFound() throws {
    var missing = KernelValidation.Planting()
    missing.preparation = { $0.steps = $0.steps.removingBarrier(0) }
    #expect(try verdict(missing).fault?.stage == .planning)
    // What a run reads is the other result of the preparation.
    var swapped = KernelValidation.Planting()
    swapped.program = { program in
      for index in program.buffers.indices {
        guard case .precomputed(let position) = program.buffers[index].place else { continue }
        program.buffers[index].place = .precomputed(1 - position)
      }
    }
    #expect(try verdict(swapped).fault?.stage == .planning)
  }
}
