import Apus
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Foundation
import TestSupport
import Testing

/// All programs that the files below Graphs are lowered to, forward and as training steps: sound, and read back from
/// their texts as they are. One after the other: the weights and texts of large models take much memory.
@Suite(.serialized) struct LoweredTextTests {
  static let paths = ["Models", "Operators", "Passes", "Text"].flatMap {
    Repository.files(below: "Graphs/\($0)", ending: ".graph")
  }

  /// All that a program is but its kernels, in words.
  private func content(_ program: KernelProgram) -> [String] {
    [
      program.name, "\(program.buffers)", "\(program.steps)", "\(program.failures)", "\(program.arenaByteCount)",
      "\(program.largestLiveSet)",
    ]
  }

  private func check(_ graph: Graph, _ path: String, targets: [String]) throws {
    for name in targets {
      let backend = NativeBackend(target: try NativeTarget.named(name))
      let (program, preparation) = try backend.plan(backend.optimized(graph))
      for plan in [preparation, program].compactMap(\.self) {
        try plan.verify()
        let read = try KernelProgram.parse(plan.text(isComplete: true), file: path)
        #expect(read.kernels == plan.kernels, "\(path): @\(plan.name)")
        #expect(read.kernels.map(\.name) == plan.kernels.map(\.name))
        #expect(content(read) == content(plan), "\(path): @\(plan.name)")
      }
    }
  }

  @Test(arguments: paths) func programsAreSoundAndSurvive(_ path: String) throws {
    for graph in try GraphFile.load(Repository.file(path).path) {
      let bound = try graph.bound(to: .inference)
      let sizes = bound.symbols.enumerated().map { ($1, 3 + 2 * $0) }
      try check(
        bound.specialized(Dictionary(sizes, uniquingKeysWith: { first, _ in first })), path,
        targets: ["x86-64-v4", "x86-64-v3"])
    }
  }

  @Test(arguments: Repository.files(below: "Graphs/Models", ending: ".graph"))
  func trainingStepsAreSoundAndSurvive(_ path: String) throws {
    for model in try GraphFile.load(Repository.file(path).path) {
      let trainer = try Trainer(
        model, optimizer: Adam(), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy])
      let step = try trainer.trainingStep
      let sizes = step.symbols.map { ($0, 2) }
      try check(
        step.specialized(Dictionary(sizes, uniquingKeysWith: { first, _ in first })), path,
        targets: ["x86-64-v4"])
    }
  }
}
