import Apus
import Testing

/// What a user reads when a graph's text is wrong: message, place, suggestion.
@Suite struct DiagnosticTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let text: String
    let expected: [String]
    var testDescription: String { expected.first ?? "" }
  }

  static func body(_ statements: String, returning: String = "%x") -> String {
    "graph @g(%x: f32[2, 3], %n: i64[2]) {\n\(statements)\n  return \(returning)\n}\n"
  }

  static let cases: [Case] = [
    Case(
      text: body("  %y = addd(%x, %x)"),
      expected: [
        "t:2:8: error: unknown operator 'addd'\n    %y = addd(%x, %x)\n         ^~~~\n  help: did you mean 'add'?"
      ]),
    Case(text: body("  %y = exp(%z)"), expected: ["t:2:12: error: '%z' is not defined"]),
    Case(text: body("  %y = exp(%n)"), expected: ["t:2:12: error: operand 'x' of exp must be f32 or f64, not i64"]),
    Case(
      text: body("  %y = exp(%x, %x)"), expected: ["t:2:8: error: exp takes 1 operand, not 2", "help: usage: exp(%x)"]),
    Case(
      text: body("  %c: f32[3, 2] = constant(0)\n  %y = add(%x, %c)"),
      expected: ["t:3:16: error: the shapes [2, 3] and [3, 2] do not broadcast"]),
    Case(
      text: body("  %y: f32[2] = exp(%x)"), expected: ["t:2:7: error: '%y' is declared f32[2], but exp gives f32[2, 3]"]
    ),
    Case(text: body("  %y: f33[2] = exp(%x)"), expected: ["t:2:7: error: unknown element type 'f33'", "did you mean"]),
    Case(text: body("  %x = exp(%x)"), expected: ["t:2:3: error: '%x' is defined twice"]),
    Case(text: body("  %y = exp(%x"), expected: ["t:3:3: error: expected ')', found 'return'"]),
    Case(text: body("  %y = exp(%x, spped: 3)"), expected: ["t:2:16: error: exp has no attribute 'spped'"]),
    Case(
      text: body("  %y = softmax(%x, axis: 0, axis: 1)"), expected: ["t:2:29: error: 'axis' is given twice"]),
    Case(text: body("  %y = constant(3)"), expected: ["t:2:3: error: a constant needs its type"]),
    Case(text: body("  %y: i8 = constant(300)"), expected: ["t:2:21: error: 300 does not fit in i8"]),
    Case(
      text: body("  %y: f32[2] = constant([1, 2, 3])"),
      expected: ["t:2:25: error: the nested lists do not have the shape of f32[2]"]),
    Case(text: body("  %y: f32[n] = constant(1)"), expected: ["symbolic shape [n]"]),
    Case(text: body("  %w: f32[q] = variable(zeros)"), expected: ["no parameter has a dimension 'q'"]),
    Case(text: body("  update %x = %x"), expected: ["t:2:10: error: '%x' is not a variable"]),
    Case(
      text: body("  %w: f32[2] = variable(zeros)\n  update %w = %x"),
      expected: ["%w: f32[2] is updated by a f32[2, 3]"]),
    Case(
      text: body("  %w: f32[2] = variable(normal(deviation: -1))"),
      expected: ["error: 'deviation' must be at least 0, not -1.0"]),
    Case(
      text: body("  %w: f32[2] = variable(truncated_normal(deviation: -1))"), expected: ["error: 'deviation' must be"]),
    Case(
      text: body("  %w: f32[2] = variable(uniform(low: 2, high: 1))"),
      expected: ["error: 'low' must not be above 'high': 2.0 and 1.0"]),
    Case(text: body("  %w: f32[2] = variable(zerros)"), expected: ["t:2:25: error: 'initializer' of variable must be"]),
    Case(text: "grph @g() { return }", expected: ["t:1:1: error: expected 'graph', found 'grph'"]),
    Case(text: "", expected: ["t:1:1: error: the file holds no graph"]),
    Case(text: "graph @g(", expected: ["t:1:10: error: expected a parameter"]),
    Case(text: "graph @g() {", expected: ["the body of this graph does not end"]),
    Case(text: "graph @g() { }", expected: ["a graph ends with a return statement"]),
    Case(text: "graph @g() {\n  return \"\n}", expected: ["t:2:10: error: the string does not end on its line"]),
    Case(text: "graph @g() {\n  $\n  return\n}", expected: ["t:2:3: error: unexpected character \"$\""]),
    Case(
      text: "graph @g(%x: f32[9999999999]) {\n  return %x\n}", expected: ["t:1:17: error: expected a shape like"]),
    Case(
      text: "graph @g(%x: f32[2000000000, 2000000000, 2000000000]) {\n  return %x\n}",
      expected: ["larger than any memory"]),
    Case(text: body("  %y: f32[100000000] = constant(1)"), expected: ["too large to fill"]),
    Case(text: "graph @g() {\n  return\n}\ngraph @g() {\n  return\n}\n", expected: ["already has a graph @g"]),
  ]

  @Test(arguments: cases) func message(_ sample: Case) throws {
    let error = try #require(throws: ApusError.self) { try Graph.parse(sample.text, file: "t") }
    #expect(error.fault == .input)
    for part in sample.expected { #expect(error.description.contains(part), "\(error)") }
    #expect(error.diagnostics.allSatisfy { $0.location != nil })
  }

  @Test func severalErrorsAreReportedAtOnce() throws {
    let text = Self.body(
      """
        %a = exxp(%x)
        %b = add(%a, %x)
        %c = log(%q)
        %d = exp(%n)
      """)
    let error = try #require(throws: ApusError.self) { try Graph.parse(text, file: "t") }
    // %b reads what failed already, so it has no message of its own.
    #expect(error.diagnostics.map { $0.location?.line } == [2, 4, 5])
  }

  @Test func nestingIsLimited() {
    let deep = "graph @g() {\n  %c: f32 = constant(" + String(repeating: "[", count: 100_000) + "\n  return\n}"
    #expect(throws: ApusError.self) { try Graph.parse(deep) }
  }

  @Test func tabsKeepTheCaretInPlace() throws {
    let error = try #require(throws: ApusError.self) {
      try Graph.parse("graph @g() {\n\t%y = nope()\n  return\n}", file: "t")
    }
    #expect(error.description.contains("\n  \t%y = nope()\n  \t     ^~~~"))
  }
}
