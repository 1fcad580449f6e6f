import Apus
import Foundation
import TestSupport
import Testing

@testable import ApusReport

/// Values of a run at each stage, and what they are compared with.
@Suite struct ValueTests {
  private static func report(
    _ graph: Graph, _ inputs: ReportInputs, passes: Compilation.Passes, on backend: any Backend = InterpreterBackend()
  ) throws -> Report {
    var builder = ReportBuilder(compilation: Compilation(backend: backend, passes: passes))
    builder.draws = false
    builder.inputs = inputs
    return try builder.report(of: graph)
  }

  private static func parse(_ text: String) throws -> Graph { try Graph.parse(text, file: "test.graph")[0] }

  private static func inputs(_ feeds: [Tensor]) -> ReportInputs {
    ReportInputs(feeds: feeds, variables: [], sources: ["x as given"])
  }

  private static func values(_ label: String, in stage: Report.Stage) throws -> Report.ValueData {
    let node = try #require(stage.nodes.first { $0.label == label }, "\(stage.nodes.map(\.label))")
    return try #require(node.values?.first)
  }

  @Test func rangesZerosAndTheFirstBadElement() throws {
    let graph = try Self.parse(
      """
      graph @g(%x: f32[2, 4]) {
        %y = log(%x)
        %z = relu(%x)
        %c: f32[2] = constant([1, 2])
        return %y, %z
      }
      """)
    let x = try Tensor([Float(1), 2, 0, 4, -1, 6, 0, -8], [2, 4])
    let stage = try Self.report(graph, Self.inputs([x]), passes: .level(.none)).stages[0]
    let given = try Self.values("%x", in: stage)
    #expect(given.least == -8 && given.largest == 6 && given.zeros == 0.25 && given.firstBad == nil)
    let logarithm = try Self.values("%y", in: stage)
    #expect(logarithm.firstBad == "−infinity at [0, 2]" && logarithm.least == 0)
    #expect(abs((logarithm.largest ?? 0) - log(6)) < 1e-6)
    // What is NaN in double precision, too, is no error.
    #expect(logarithm.firstWrong == nil && (logarithm.error ?? 1) < 1e-6)
    #expect(try Self.values("%z", in: stage).zeros == 0.5)
    #expect(stage.nodes.first { $0.op == "constant" }?.values == nil)
  }

  /// Values in a fusion are those that its region computes of what it is given.
  @Test(arguments: [true, false]) func valuesInFusionsAreShown(_ isNative: Bool) throws {
    let graph = try Self.parse(
      "graph @g(%x: f32[3]) {\n  %a = multiply(%x, %x)\n  %b = relu(%x)\n  %c = add(%a, %b)\n  return %c\n}")
    let backend: any Backend = isNative && NativeBackend.isAvailable ? NativeBackend() : InterpreterBackend()
    let report = try Self.report(
      graph, Self.inputs([try Tensor([Float(1), -3, 2], [3])]),
      passes: .custom(Pipeline([ExpandComposites(), Fuse()])),
      on: backend)
    let last = try #require(report.stages.last)
    let fusion = try #require(last.nodes.first { $0.op == "fusion" })
    let inside = try #require(fusion.regions?.first?.nodes)
    let square = try #require(inside.first { $0.op == "multiply" }?.values?.first)
    #expect(square.least == 1 && square.largest == 9 && square.error == 0 && square.zeros == 0)
    // Its counterpart is the product of the graph as given.
    let product = try #require(report.stages[0].nodes.firstIndex { $0.op == "multiply" })
    #expect(square.reference == "\(product)")
    let rectified = try #require(inside.first { $0.op == "maximum" }?.values?.first)
    #expect(rectified.least == 0 && rectified.largest == 2)
    #expect(inside.first { $0.op == "constant" }?.values == nil)
  }

  /// A value and its counterpart: what single precision loses against double precision.
  @Test func theErrorIsThatOfRounding() throws {
    let graph = try Self.parse(
      "graph @g(%x: f32[2]) {\n  %big: f32 = constant(16777216)\n  %s = add(%x, %big)\n  %y = subtract(%s, %big)\n  return %y\n}"
    )
    let stage = try Self.report(graph, Self.inputs([try Tensor([Float(1), 4], [2])]), passes: .level(.none)).stages[0]
    // 2²⁴ + 1 rounds to 2²⁴; in double precision it does not.
    let value = try Self.values("%y", in: stage)
    #expect(value.error == 0.25 && value.difference == 1 && value.firstWrong == nil && value.reference == "3")
  }

  /// Overflow in the graph's own type, and not in double precision, is named.
  @Test func whatIsInfiniteOnlyHereIsNamed() throws {
    let graph = try Self.parse(
      "graph @g(%x: f32[3]) {\n  %y = multiply(%x, %x)\n  %z = sqrt(%y)\n  return %z\n}")
    let stage = try Self.report(graph, Self.inputs([try Tensor([Float(1), 3e30, 2], [3])]), passes: .level(.none))
      .stages[0]
    let square = try Self.values("%y", in: stage)
    #expect(square.firstWrong == "infinity at [1]" && square.firstBad == "infinity at [1]" && square.error == nil)
  }

  /// A pass that is wrong: its value has no counterpart, and the outputs show an error.
  @Test func aWrongPassIsSeen() throws {
    struct Doubling: Pass {
      static let record = PassRecord("double-tanh", "a pass that is wrong")
      func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
        try graph.rewritten { node, operands, builder in
          guard node.op.name == "tanh" else { return .keep }
          let value = try builder.value(operands[0]).tanh()
          return .replace([try (value + value).id])
        }
      }
    }
    let graph = try Self.parse(
      "graph @g(%x: f32[3]) {\n  %e = exp(%x)\n  %t = tanh(%e)\n  %y = negate(%t)\n  return %y\n}")
    let report = try Self.report(
      graph, Self.inputs([try Tensor([Float(0.5), 1, 2], [3])]), passes: .custom(Pipeline([Doubling()])))
    let stage = try #require(report.stages.last)
    #expect(report.stages.count == 2)
    let before = stage.nodes.filter { $0.op == "exp" || $0.op == "tanh" }
    #expect(before.count == 2 && before.allSatisfy { ($0.values?.first?.error ?? 1) < 1e-6 })
    let sum = try #require(stage.nodes.first { $0.op == "add" }?.values?.first)
    #expect(sum.reference == nil && sum.error == nil, "nothing computes this in the graph as given")
    // −2 tanh against −tanh.
    let output = try #require(stage.nodes.last?.values?.first)
    #expect(output.reference == "3" && abs((output.error ?? 0) - 1) < 1e-6)
  }

  /// Passes that are right: each output of a training step has its counterpart, with an error of rounding.
  @Test(.enabled(if: NativeBackend.isAvailable)) func aTrainingStepIsNearDoublePrecision() throws {
    let model = try ReportTests.model("mlp").graph
    let step = try model.trainingStep(
      loss: .named("sparse_categorical_crossentropy"), optimizer: OptimizerRegistry.named("sgd")
    ).specialized(["batch": 8])
    let random = RandomInputs(seed: 3)
    let inputs = ReportInputs(
      feeds: try step.parameters.map { try random.tensor(step.name(of: $0) ?? "", step.type(of: $0)) },
      variables: try step.variables.map { try random.tensor($0.declaration) }, sources: ["seed 3"])
    let report = try Self.report(step, inputs, passes: .level(.standard), on: NativeBackend())
    #expect(report.notes.contains("values: seed 3"))
    for stage in report.stages {
      let ends = Set(stage.outputs + stage.updates.map { $0[1] })
      for end in ends {
        let values = try #require(stage.nodes[end].values, "\(stage.name): \(stage.nodes[end].text)")
        #expect(values.contains { $0.error.map { $0 < 1e-4 } == true }, "\(stage.name): \(values)")
      }
      let floats = stage.nodes.filter {
        $0.family != "declaration" && $0.type.hasPrefix("f32") && !$0.type.contains(",")
      }
      let known = floats.count { $0.values?.first?.reference != nil }
      #expect(known * 2 >= floats.count, "\(stage.name): \(known) of \(floats.count) have a counterpart")
      #expect(floats.allSatisfy { ($0.values?.first?.error ?? 0) < 1e-3 })
    }
  }

  /// Graphs that need much arithmetic are run at the first and the last stage.
  @Test func largeGraphsAreRunAtBothEnds() throws {
    let graph = try Self.parse("graph @g(%x: f32[2]) {\n  %y = exp(%x)\n  return %y\n}")
    let feed = Self.inputs([try Tensor([Float(1), 2], [2])])
    let flops = graph.flopCount
    #expect(flops > 0)
    for (limit, isRun) in [(3 * flops, [true, true, true]), (3 * flops - 1, [true, false, true])] {
      let builder = ValueBuilder(inputs: feed, backend: InterpreterBackend(), flopLimit: limit)
      let (values, notes) = try builder.values(of: [graph, graph, graph])
      #expect(values.map { $0 != nil } == isRun)
      #expect(notes.contains { $0.contains("too large") } == isRun.contains(false))
    }
  }

  /// Regions, attributes and constants go to double precision, integers stay.
  @Test func graphsInDoublePrecision() throws {
    let graph = try GraphFile.load(Repository.file("Graphs/Models/lstm.graph").path)[0].specialized(["batch": 2])
    let wide = try graph.bound(to: .inference).inDoublePrecision()
    let text = wide.text(.exact)
    #expect(!text.contains("f32") && text.contains("f64[2, "))
    #expect(wide.valueCount == (try graph.bound(to: .inference)).valueCount)
    try wide.verify(after: "widening")
    let mixed = try Self.parse(
      "graph @g(%i: i32[2]) {\n  %x = cast(%i, dtype: f32)\n  %h = cast(%x, dtype: f16)\n  %c: bf16 = constant(2)\n  return %x, %h, %c, %i\n}"
    )
    let types = try mixed.inDoublePrecision().outputTypes.map(\.description)
    #expect(types == ["f64[2]", "f64[2]", "f64", "i32[2]"])
  }
}
