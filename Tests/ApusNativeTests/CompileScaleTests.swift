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

  @Test(.timeLimit(.minutes(30))) func equalNestsShareAKernel() throws {
    let backend = NativeBackend(workers: 1)
    let (short, long) = try expectEnd(within: .seconds(120)) {
      (
        try backend.plan(backend.optimized(Self.chain(600))).program,
        try backend.plan(backend.optimized(Self.chain(6000))).program
      )
    }
    #expect(long.launches.count > 9 * short.launches.count - 10)
    #expect(long.kernels.count <= short.kernels.count + 2)
  }

  /// Kernels of a graph, as text: as many lines as there are instructions.
  private static func kernelLines(_ text: String) throws -> [Int] {
    let backend = NativeBackend(workers: 2)
    let program = try backend.plan(backend.optimized(Graph.parse(text)[0])).program
    #expect(program.launches.count == program.kernels.count, "each is launched once")
    return program.kernels.map { $0.description.split(separator: "\n").count }
  }

  /// Products and reductions of any length are as much code.
  @Test(arguments: [(1, 1), (5, 7), (64, 64), (300, 310)]) func codeDoesNotGrowWithProducts(_ m: Int, _ n: Int) throws {
    let lines = try [1 << 18, 1 << 22, 1 << 26].map { k in
      try Self.kernelLines(
        """
        graph @product(%x: f32[\(m), \(k)], %y: f32[\(n), \(k)]) {
          %p = matmul(%x, %y, transpose_b: true)
          return %p
        }

        """)
    }
    #expect(Set(lines).count == 1, "\(lines)")
  }

  @Test(arguments: ["f32[LENGTH, 16], axes: [0]", "f32[3, LENGTH], axes: [1]", "f64[LENGTH], axes: [0]"])
  func codeDoesNotGrowWithReductions(_ form: String) throws {
    let lines = try [1 << 14, 1 << 20, 1 << 30].map { length in
      let parts = form.replacing("LENGTH", with: "\(length)").split(separator: ", axes: ")
      return try Self.kernelLines(
        """
        graph @fold(%x: \(parts[0])) {
          %s = reduce_sum(%x, axes: \(parts[1]))
          return %s
        }

        """)
    }
    #expect(Set(lines).count == 1, "\(lines)")
  }

  /// 6,000 parts of one shape are one kernel; their calls are one block of code.
  @Test(.timeLimit(.minutes(30))) func aConcatenationOfManyParts() throws {
    let builder = GraphBuilder("parts")
    let parts = try (0..<6000).map { try builder.parameter("x\($0)", .f32, [2, 3]) }
    let graph = try builder.build([concatenate(parts, axis: 1)])
    let backend = NativeBackend(workers: 2)
    let optimized = try expectEnd(within: .seconds(60)) { try backend.plan(backend.optimized(graph)) }
    #expect(optimized.program.kernels.count == 1)
    let feeds = try parts.indices.map { try Tensor(repeating: Double($0), .f32, [2, 3]) }
    let result = try backend.compile(graph).run(feeds, variables: []).outputs[0].elements(as: Float.self)
    #expect((0..<36000).allSatisfy { result[$0] == Float($0 % 18000 / 3) })
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
