import Apus
import ApusGraph
import ApusOperators
import TestSupport
import Testing

/// What makes failing graphs small.
@Suite struct GraphReducerTests {
  private func graph(_ text: String) throws -> Graph { try #require(try Graph.parse(text).first) }

  /// Reduces a graph that fails where `fails` says so, and holds every candidate to the verifier's rules.
  private func reduced(_ graph: Graph, limit: Int = 600, _ fails: @escaping (Graph) -> Bool) throws -> Graph {
    var reducer = GraphReducer { (item: GraphCase) throws -> Bool in
      let copy = try Graph.parse(item.graph.text()).first
      #expect(item.graph.violations().isEmpty, "a candidate is not a sound graph: \(item.graph)")
      #expect(copy?.text() == item.graph.text())
      return fails(item.graph)
    }
    reducer.limit = limit
    return try reducer.reduced(GraphCase(graph: graph)).graph
  }

  private func holds<Op: Operator>(_ type: Op.Type, _ graph: Graph) -> Bool {
    graph.nodes.contains { $0.op is Op || $0.regions.contains { holds(type, $0) } }
  }

  @Test func aModelIsReducedToItsOnlyOperatorAtFault() throws {
    let model = try GraphFile.load(Repository.file("Graphs/Models/lenet5.graph").path)[0]
    let step = try Trainer(
      model, optimizer: Adam(), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy],
      backend: InterpreterBackend()
    ).trainingStep
    let small = try reduced(step) { holds(Exp.self, $0) || holds(SparseCategoricalCrossEntropy.self, $0) }
    #expect(small.computationCount == 1, "\(small)")
    #expect(small.parameters.count <= 2 && small.variables.isEmpty, "\(small)")
  }

  /// A symbol stays bound by a parameter, whether an operator or an update names it.
  @Test func symbolsStayBound() throws {
    let open = try graph(
      """
      graph @open(%x: f32[batch, 3], %y: f32[batch, 3]) {
        %v: f32[3] = variable(ones)
        %1 = iota(shape: [batch], dtype: f32)
        %2 = sqrt(%1)
        %3 = reduce_sum(%x, axes: [0])
        %4 = add(%3, %v)
        %5 = broadcast(%v, shape: [batch, 3])
        %6 = exp(%5)
        update %v = %4
        return %2, %6
      }
      """)
    #expect(try reduced(open) { holds(Sqrt.self, $0) }.computationCount <= 2)
    #expect(try reduced(open) { holds(Exp.self, $0) }.computationCount <= 2)
  }

  @Test func nodesBecomeParametersConstantsOrOperands() throws {
    let chain = try graph(
      """
      graph @chain(%x: f32[8, 8], %i: i64[4]) {
        %1 = exp(%x)
        %2 = tanh(%1)
        %3 = gather(%2, %i, axis: 0)
        %4 = sqrt(%3)
        %5 = negate(%4)
        return %2, %5
      }
      """)
    let small = try reduced(chain) { holds(Sqrt.self, $0) }
    #expect(
      small.text() == "graph @chain(%x0: f32[0, 8]) {\n  %1: f32[0, 8] = sqrt(%x0)\n  return %1\n}\n"
        || small.text() == "graph @chain(%x0: f32[0, 0]) {\n  %1: f32[0, 0] = sqrt(%x0)\n  return %1\n}\n", "\(small)")
    // Two operators that only together fail stay, and nothing else does.
    let pair = try reduced(chain) { holds(Exp.self, $0) && holds(Negate.self, $0) }
    #expect(pair.computationCount <= 3, "\(pair)")
  }

  @Test func sizesShrinkAndConstantsBecomeUniform() throws {
    let text = """
      graph @sizes(%x: f32[16, 12]) {
        %c: f32[12] = constant([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
        %1 = add(%x, %c)
        return %1
      }
      """
    let small = try reduced(try graph(text)) { small in
      holds(ApusOperators.Add.self, small) && small.outputTypes.allSatisfy { ($0.shape.elementCount ?? 0) > 0 }
    }
    #expect(small.outputTypes[0].shape.elementCount == 1, "\(small)")
  }

  /// A constant that repeats a number is simple enough: the number says something.
  @Test func aUniformConstantStays() throws {
    let uniform = try graph("graph @uniform() {\n%c: f32[4] = constant(3)\n%1 = sqrt(%c)\nreturn %1\n}")
    let small = try reduced(uniform) { small in
      small.outputTypes[0].shape != [0]
        && small.nodes.contains { node in node.op is Sqrt && small.producer(of: node.operands[0]).op is Constant }
    }
    let constant = try #require(small.nodes.lazy.compactMap { $0.op as? Constant }.first)
    #expect(constant.value.doubles() == [3], "\(small)")
  }

  @Test func regionsAreOpenedAndThinnedOut() throws {
    let text = """
      graph @loop(%c: f32, %x: f32[8]) {
        %last: f32, %all: f32[8] = scan(%c, %x, carries: 1, sequences: 1) { (%s: f32, %e: f32) in
          %1: f32 = add(%s, %e)
          %2: f32 = exp(%1)
          %3: f32 = tanh(%2)
          return %3, %3
        }
        return %last, %all
      }
      """
    let small = try reduced(try graph(text)) { holds(Tanh.self, $0) && holds(Scan.self, $0) }
    let body = try #require(small.nodes.first { $0.op is Scan }).regions[0]
    #expect(body.computationCount == 1, "\(small)")
  }

  @Test func whatIsFedIsComputedAndKept() throws {
    let g = try graph("graph @fed(%x: f32[2]) {\n%1 = exp(%x)\n%2 = log(%1)\nreturn %2\n}")
    let item = GraphCase(graph: g, values: ["x": Tensor([0, 1] as [Float])])
    let small = try GraphReducer { item in
      #expect(item.feeds.count == item.graph.parameters.count)
      return holds(Log.self, item.graph)
    }.reduced(item)
    #expect(small.graph.computationCount == 1 && small.values.count == 1, "\(small)")
  }

  /// A constant that must stay is made uniform once, and is not tried with one number after the other.
  @Test func aReductionEnds() throws {
    let g = try graph(
      "graph @g(%x: f32[12]) {\n%c: f32[12] = constant([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])\n%1 = add(%x, %c)\nreturn %1\n}"
    )
    var runs = 0
    let small = try reduced(g) { item in
      runs += 1
      return holds(Add.self, item) && item.nodes.contains { $0.op is Constant }
    }
    #expect(small.computationCount == 1 && runs < 60, "\(runs) runs: \(small)")
  }

  /// A case without inputs has known values, too: what is cut is fed what it was.
  @Test func whatIsCutFromACaseWithoutInputsIsFed() throws {
    let g = try graph("graph @g() {\n%c: f32[2] = constant([1, 2])\n%1 = exp(%c)\n%2 = log(%1)\nreturn %2\n}")
    let small = try GraphReducer { item in
      #expect(item.feeds.count == item.graph.parameters.count)
      return holds(Log.self, item.graph)
    }.reduced(GraphCase(graph: g, values: [:]))
    #expect(small.graph.computationCount == 1, "\(small)")
  }

  @Test func theTimeIsKept() throws {
    let chain = try graph("graph @g(%x: f32[8]) {\n%1 = exp(%x)\n%2 = exp(%1)\n%3 = exp(%2)\nreturn %3\n}")
    var runs = 0
    var reducer = GraphReducer { _ in
      runs += 1
      return true
    }
    reducer.time = .zero
    _ = try reducer.reduced(GraphCase(graph: chain))
    #expect(runs == 0)
  }

  @Test func theLimitIsKept() throws {
    let chain = try graph("graph @g(%x: f32[8]) {\n%1 = exp(%x)\n%2 = exp(%1)\n%3 = exp(%2)\nreturn %3\n}")
    var runs = 0
    var reducer = GraphReducer { _ in
      runs += 1
      return true
    }
    reducer.limit = 3
    _ = try reducer.reduced(GraphCase(graph: chain))
    #expect(runs == 3)
  }
}
