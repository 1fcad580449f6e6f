import Apus
import Foundation
import TestSupport
import Testing

/// The commands that find a fault: `opt --validate`, `--bisect` and `--rewrite-limit`, and `reduce`.
@Suite struct JudgingCommandTests {
  private static let example = Repository.products.appendingPathComponent("CommandExample")
  private let folder: TemporaryFolder

  /// What the passes of `CommandExample` rewrite, one of them wrongly.
  private static func signs() throws -> String { try Repository.text("Tests/CommandTests/Resources/signs.graph") }

  init() throws {
    folder = try TemporaryFolder()
    _ = try folder.write(Self.signs(), as: "signs.graph")
  }

  private func apus(_ arguments: String..., by program: URL = Repository.program) throws -> ProgramResult {
    try runProgram(program, arguments: arguments, in: URL(fileURLWithPath: folder.path))
  }

  // MARK: A pass of a package

  @Test func aPassOfAPackageIsListedAndRun() throws {
    let list = try apus("passes", by: Self.example).output
    #expect(list.contains(#/join-signs +exact but zeros' signs +replaces −\(a − b\)/#), "\(list)")
    #expect(list.contains(#/find-squared-relu +exact +finds/#), "\(list)")
    let result = try apus("opt", "signs.graph", "--passes", "join-signs", "--stats", "--validate", by: Self.example)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("joined 1") && result.output.contains("subtract(%y, %"), "\(result.output)")
    #expect(try apus("opt", "signs.graph", "--passes", "join-signs").errors.contains("there is no pass 'join-signs'"))
  }

  @Test func aPassIsExplainedWithTheClassesOfItsRules() throws {
    let text = try apus("passes", "layout").output
    #expect(text.contains("results: rounded\n"), "\(text)")
    #expect(
      text.contains(#/  any-order   exact    f\(transpose/#) && text.contains(#/  reduction   rounded  /#), "\(text)")
    struct Entry: Decodable {
      struct Precision: Decodable, Equatable {
        let agreement: String
        let error: Double?
        let assumesFinite: Bool
      }
      struct Rule: Decodable {
        let name: String
        let law: String
        let precision: Precision
      }
      let name: String
      let precision: Precision
      let rules: [Rule]
      let options: [String: Int]
    }
    func entries(_ arguments: String...) throws -> [Entry] {
      let result = try runProgram(arguments: ["passes", "--json"] + arguments)
      return try JSONDecoder().decode([Entry].self, from: Data(result.output.utf8))
    }
    let winograd = try #require(try entries("winograd").first)
    #expect(winograd.name == "winograd" && winograd.options == ["tile": 0])
    #expect(winograd.precision == .init(agreement: "approximate", error: 1e-4, assumesFinite: false))
    #expect(winograd.rules.map(\.precision) == [winograd.precision])
    let folding = try #require(try entries("fold-batch-norm").first)
    #expect(folding.precision == .init(agreement: "approximate", error: 1e-5, assumesFinite: true))
    let simplify = try #require(try entries("simplify").first)
    #expect(simplify.rules.count == Simplify.record.rules.count && simplify.rules.allSatisfy { !$0.law.isEmpty })
    let unknown = try apus("passes", "simplfy")
    #expect(unknown.status == ApusError.Fault.usage.rawValue && unknown.errors.contains("did you mean 'simplify'?"))
    #expect(try apus("passes", "--json", "--markdown").status == ApusError.Fault.usage.rawValue)
  }

  @Test func aWrongPassIsRefusedWithTheFirstTensor() throws {
    let result = try apus("opt", "signs.graph", "--passes", "careless-signs", "--validate", by: Self.example)
    #expect(result.status == ApusError.Fault.defect.rawValue)
    #expect(result.errors.contains("pass 'careless-signs' changed what @signs computes: output 0, element "))
    #expect(result.errors.contains("-0.0 became 0.0"), "\(result.errors)")
    #expect(result.errors.contains("ULP apart") && result.errors.contains("first at "), "\(result.errors)")
  }

  @Test func bisectionNamesPassAndRewriteAndPrintsASmallGraph() throws {
    let result = try apus(
      "opt", "signs.graph", "--passes", "cse,careless-signs,dce", "--validate", "--bisect", by: Self.example)
    #expect(result.status == ApusError.Fault.defect.rawValue)
    #expect(
      result.errors.contains(
        "@signs: pass 2 of 3, 'careless-signs', is at fault with its rewrite 1 of 1 (--rewrite-limit 1): output 0"),
      "\(result.errors)")
    #expect(result.output.contains("= negate(") && result.output.contains("graph @signs(%"), "\(result.output)")
    let start = try #require(result.output.range(of: "graph @")).lowerBound
    let small = try #require(try Graph.parse(String(result.output[start...])).first)
    #expect(small.computationCount == 2, "\(small)")
    // Without validation only the verifier judges.
    #expect(try apus("opt", "signs.graph", "--passes", "careless-signs", "--bisect", by: Self.example).status == 0)
  }

  /// What cannot be compared is said.
  @Test func agreementOnNothingIsSaid() throws {
    let text = """
      graph @never(%x: f32[4]) {
        %m: f32 = constant(-1)
        %1 = minimum(%x, %m)
        %2 = sqrt(%1)
        %3 = negate(%2)
        %4 = negate(%3)
        return %4
      }
      """
    _ = try folder.write(text, as: "never.graph")
    let result = try apus("opt", "never.graph", "--passes", "simplify", "--validate")
    #expect(
      result.errors == """
        @never: 1 passes validated
        @never: pass 'simplify': output 0 is NaN in every run, so its numbers are not compared

        """, "\(result.errors)")
  }

  @Test func twoGraphsCannotBothBeStandardInput() throws {
    let result = try apus("diff", "-", "-")
    #expect(result.status == ApusError.Fault.usage.rawValue)
    #expect(result.errors.contains("Standard input can be one of the two graphs."), "\(result.errors)")
  }

  @Test func rewritesAreLimitedByHand() throws {
    let none = try apus("opt", "signs.graph", "--passes", "join-signs", "--rewrite-limit", "0", by: Self.example)
    #expect(none.output.contains("negate("), "\(none.output)")
    let one = try apus("opt", "signs.graph", "--passes", "join-signs", "--rewrite-limit", "1", by: Self.example)
    #expect(!one.output.contains("negate("), "\(one.output)")
    #expect(try apus("opt", "signs.graph", "--rewrite-limit", "-1").status == ApusError.Fault.usage.rawValue)
  }

  @Test func validationTakesAValueOrNone() throws {
    let graph = Repository.file("Graphs/Models/logistic.graph").path
    for arguments in [["--validate", graph], [graph, "--validate"], ["--validate", "passes", graph]] {
      let result = try runProgram(arguments: ["opt", "--elide"] + arguments)
      #expect(result.status == 0 && result.errors.contains("passes validated"), "\(arguments): \(result.errors)")
    }
    let gradients = try runProgram(arguments: ["opt", graph, "--gradient", "--validate", "--elide"])
    #expect(gradients.errors.contains(#/gradients? agrees? with differences/#), "\(gradients.errors)")
    let native = try runProgram(arguments: ["opt", graph, "--validate", "native", "--elide"])
    #expect(native.errors.contains("agree with the reference to "), "\(native.errors)")
  }

  /// The page is written whatever the verdict is.
  @Test func aReportHasTheVerdict() throws {
    let wrong = try apus(
      "report", "signs.graph", "--passes", "cse,careless-signs,dce", "--validate", "--bisect", "--no-drawings",
      "--output",
      "wrong.html", by: Self.example)
    #expect(wrong.status == ApusError.Fault.defect.rawValue)
    #expect(wrong.errors.contains("'careless-signs', is at fault with its rewrite 1 of 1"), "\(wrong.errors)")
    #expect(try String(contentsOfFile: folder.file("wrong.html"), encoding: .utf8).contains("id=\"report\""))
    let sound = try apus("report", "--no-drawings", "--output", "sound.html", "--validate", "native", "signs.graph")
    #expect(sound.status == 0 && sound.errors.contains("@signs: no fault in "), "\(sound.errors)")
    let training = try runProgram(
      arguments: [
        "report", Repository.file("Graphs/Models/logistic.graph").path, "--training", "--bind", "batch=2", "--validate",
        "--no-drawings", "--output", folder.file("training.html"),
      ])
    #expect(training.status == 0 && training.errors.contains("no fault in "), "\(training.errors)")
  }

  // MARK: Numbers

  @Test func theFirstOperatorThatIsNotFiniteIsNamed() throws {
    let text = """
      graph @hidden(%x: f32[2]) {
        %1 = multiply(%x, %x)
        %big = exp(%1) from "growth"
        %r = reciprocal(%big)
        return %r
      }
      """
    _ = try folder.write(text, as: "hidden.graph")
    try NPY.write(Tensor([1, 20] as [Float]), to: folder.file("x.npy"))
    let plain = try apus("run", "hidden.graph", "--input", "x.npy")
    #expect(plain.status == 0, "the output is finite: \(plain.errors)")
    let checked = try apus("run", "hidden.graph", "--input", "x.npy", "--check-numerics")
    #expect(checked.status == ApusError.Fault.input.rawValue)
    #expect(
      checked.errors.contains("operator 'exp' of layer 'growth' makes inf: %big = exp(%1 from 1.0 to 400.0)"),
      "\(checked.errors)")
    let shown = try apus("run", "hidden.graph", "--input", "x.npy", "--print", "1", "--print", "%big")
    #expect(shown.output.hasPrefix("%1: f32[2] = [1, 400]\n%big: f32[2] = [2.7182817, inf]\n%r: "), "\(shown.output)")
    #expect(
      try apus("run", "hidden.graph", "--input", "x.npy", "--print", "bigg").errors.contains("did you mean 'big'?"))
  }

  @Test func trainingShowsValuesAndChecksThem() throws {
    let folder = try ExampleFolder.shared.get()
    let options = ["--data", "tiny", "--verbose", "silent", "--loss", "sparse_categorical_crossentropy"]
    let result = try runProgram(
      arguments: ["train", "mlp.graph", "--print", "loss", "--print-every", "2", "--check-numerics"] + options,
      in: folder)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("step 1: %loss: f32 = "), "\(result.output)")
    #expect(!result.output.contains("step 2: "), "\(result.output)")
    let huge = try runProgram(
      arguments: ["train", "mlp.graph", "--check-numerics", "--optimizer", "sgd(learning_rate=1e30)", "--epochs", "9"]
        + options, in: folder)
    #expect(huge.status == ApusError.Fault.input.rawValue, "\(huge.output)")
    #expect(huge.errors.contains("error: step ") && huge.errors.contains("operator '"), "\(huge.errors)")
  }

  // MARK: Reduction

  @Test func aGraphIsReducedToWhatACommandFailsOn() throws {
    let result = try apus(
      "reduce", "signs.graph", "--check", "! grep -q tanh {}", "--output", "small.graph")
    #expect(result.status == 0 && result.output.isEmpty, "\(result.errors)")
    #expect(result.errors.contains("@signs: 1 of 5 nodes left after "), "\(result.errors)")
    let small = try #require(try GraphFile.load(folder.file("small.graph")).first)
    #expect(small.computationCount == 1 && small.text().contains("tanh("), "\(small)")
    #expect(try String(contentsOfFile: folder.file("signs.graph"), encoding: .utf8) == Self.signs())
    // Printed where no file is named, and the file is appended where the command does not say where.
    let printed = try apus("reduce", "signs.graph", "--check", "! grep -q exp")
    #expect(try Graph.parse(printed.output).first?.computationCount == 1, "\(printed.output)")
  }

  @Test func theValidationOfAWrongPassIsACommandThatFails() throws {
    let check = "\(Self.example.path) opt {} --passes careless-signs --validate"
    let result = try apus("reduce", "signs.graph", "--check", check)
    #expect(result.status == 0, "\(result.errors)")
    let small = try #require(try Graph.parse(result.output).first)
    #expect(small.computationCount == 2 && small.text().contains("negate("), "\(small)")
  }

  @Test func whatDoesNotFailIsNotReduced() throws {
    let sound = try apus("reduce", "signs.graph", "--check", "true")
    #expect(sound.status == ApusError.Fault.input.rawValue && sound.errors.contains("succeeds on signs.graph"))
    let missing = try apus("reduce", "signs.graph", "--check", "no-such-program-here {}")
    #expect(missing.status == ApusError.Fault.input.rawValue && missing.errors.contains("cannot run the command"))
    // A file that is not a program: 126.
    let data = try apus("reduce", "signs.graph", "--check", "./signs.graph {}")
    #expect(data.status == ApusError.Fault.input.rawValue, "\(data.errors)")
    #expect(data.errors.contains("the shell cannot run the command: exit code 126"), "\(data.errors)")
    #expect(try apus("reduce", "signs.graph", "--check", " ").status == ApusError.Fault.usage.rawValue)
    let folder = try apus("reduce", "signs.graph", "--check", "false", "--output", "no/such/file")
    #expect(folder.errors.contains("there is no folder"), "\(folder.errors)")
  }

  /// A command that fails in another way on a smaller graph has not failed as it did.
  @Test func theExitCodeStaysTheSame() throws {
    let check = "grep -q exp {} || exit 3; grep -q tanh {} || exit 4; exit 5"
    let result = try apus("reduce", "signs.graph", "--check", check)
    #expect(result.output.contains("exp(") && result.output.contains("tanh("), "\(result.output)")
  }

  @Test func aCommandThatHangsDoesNotCount() throws {
    let result = try apus(
      "reduce", "signs.graph", "--check", "grep -q exp {} || sleep 100; exit 1", "--timeout", "0.3", "--limit", "6")
    #expect(result.status == 0 && result.output.contains("exp("), "\(result.errors)")
  }
}
