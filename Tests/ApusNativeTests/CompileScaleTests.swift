import Apus
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import TestSupport
import Testing

/// What compiling costs as graphs grow, counted where it can be counted.
@Suite struct CompileScaleTests {
  /// A recurrent model over so many steps.
  private static func recurrent(steps: Int) throws -> Graph {
    let model = try Sequential(name: "recurrent", input: [steps, 4]) {
      LSTM(8)
      Dense(2)
    }
    return try model.graph.bound(to: .inference).specialized(["batch": 3])
  }

  @Test func aScanCompilesOnce() throws {
    let backend = NativeBackend(workers: 2)
    let short = try backend.plan(backend.optimized(Self.recurrent(steps: 10))).program
    let long = try backend.plan(backend.optimized(Self.recurrent(steps: 1000))).program
    #expect(short.launches.count == long.launches.count)
    #expect(short.kernels.count == long.kernels.count)
    #expect(abs(short.barrierCount - long.barrierCount) <= 1)
  }

  /// One link after the other, of equal nodes: kernels are as many as there are kinds of nests.
  private static func chain(_ links: Int) throws -> Graph {
    let builder = GraphBuilder("chain")
    let x = try builder.parameter("x", .f32, [64])
    var value = x
    for link in 0..<links {
      value = link.isMultiple(of: 3) ? try value.tanh() : link % 3 == 1 ? try value * 0.5 : try value + x
    }
    return try builder.build([value])
  }

  @Test(.timeLimit(.minutes(2))) func equalNestsShareAKernel() throws {
    let backend = NativeBackend(workers: 1)
    let (short, long) = (
      try backend.plan(backend.optimized(Self.chain(600))).program,
      try backend.plan(backend.optimized(Self.chain(6000))).program
    )
    #expect(long.launches.count > 9 * short.launches.count - 10)
    #expect(long.kernels.count <= short.kernels.count + 2)
  }

  /// Within 5% of what lives at once, for each model's training step, and for inference.
  @Test(arguments: ModelZoo.all.map(\.name)) func arenasAreTight(_ name: String) throws {
    let entry = try #require(ModelZoo.all.first { $0.name == name })
    var graphs = [try entry.make().graph.bound(to: .inference).specialized(["batch": 1])]
    if ModelZoo.trainable.contains(where: { $0.name == name }) {
      graphs.append(try NativeTrainingTests.trainer(name, InterpreterBackend()).trainingStep.specialized(["batch": 32]))
    }
    for graph in graphs {
      let program = try NativeBackend().plan(Compilation(backend: NativeBackend()).optimized(graph).graph).program
      #expect(program.arenaByteCount >= program.largestLiveSet)
      #expect(Double(program.arenaByteCount) <= 1.05 * Double(program.largestLiveSet), "\(graph.name)")
    }
  }

  /// Text, plan and machine code of one graph, as two processes print them.
  @Test(arguments: ["mlp", "lstm"]) func compilingIsReproducible(_ name: String) throws {
    for stage in ["optimized", "kernels", "plan", "llvm", "asm"] {
      let outputs = try (0..<2).map { _ in
        try runProgram(arguments: [
          "dump", Repository.file("Graphs/Models/\(name).graph").path, "--training", "--bind", "batch=8", "--stage",
          stage,
        ])
      }
      #expect(outputs[0].status == 0, "\(outputs[0].errors)")
      #expect(!outputs[0].output.isEmpty)
      #expect(outputs[0].output == outputs[1].output, "\(stage)")
    }
  }
}
