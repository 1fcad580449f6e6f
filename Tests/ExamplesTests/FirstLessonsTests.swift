import Foundation
import Testing

/// The lessons by hand: what they print is compared with numbers that were computed elsewhere.
@Suite struct FirstLessonsTests {
  @Test func chainRule() throws {
    let run = try LessonRun("chain-rule")
    for way in ["by hand: row", "graph:   row"] { try run.expect(way, [9, 12, 15]) }
    try run.expect("sigmoid(-10.0)", [4.5397868702434395e-05], within: 1e-15)
    try run.expect("sigmoid(0.0)", [0.5])
    try run.expect("sigmoid(10.0)", [0.9999546021312976], within: 1e-15)
    // Central differences of the error, in Python.
    for way in ["by hand: E", "graph:   E"] {
      try run.expect(way, [0.15656728, 0.00662684, -0.08256465], within: 2e-8)
    }
    try run.expect("after one step", [0.14977195], within: 2e-8)
  }

  @Test func losses() throws {
    let run = try LessonRun("losses")
    try run.expect("mean squared error", [1.4167, 1.4167])
    try run.expect("binary cross-entropy", [0.2798, 0.2798])
    for (label, loss) in [0.3567, 0.5108, 0.2231].enumerated() {
      try run.expect("class \(label) had", [[0.7, 0.6, 0.8][label], loss])
    }
    try run.expect("categorical cross-entropy", [0.3635, 0.3635])
    try run.expect("-ln 0.01", [4.6052])
  }

  @Test func logistic() throws {
    let run = try LessonRun("logistic")
    let (byHand, library) = (try run.numbers(after: "by hand: w"), try run.numbers(after: "library: w"))
    #expect(zip(byHand, library).allSatisfy { abs($0 - $1) < 2e-4 } && byHand.count == 3 && library.count == 3)
    // The kinds are on both sides of x₁ + x₂ = 0, so both weights are positive and nearly equal.
    #expect(byHand[0] > 1 && abs(byHand[0] - byHand[1]) < 0.5 && abs(byHand[2]) < 0.3)
    try run.expect("accuracy on the points", above: 0.95)
    #expect(run.output.contains("7850 weights and biases"))
    try run.expect("test accuracy", above: 0.8)
  }

  @Test func filters() throws {
    let run = try LessonRun("filters")
    try run.expect("on the curve", [6600, 0])
    #expect(run.output.matches(of: /by hand: \[0\.0, 30\.0, 30\.0, 0\.0\]/).count == 4)
    #expect(run.output.contains("library: f64[1, 4, 4, 1], largest difference: 0.0"))
    #expect(run.output.contains("of an image of 28 × 28 pixels: u8[1, 26, 26, 1]"))
  }

  @Test func pooling() throws {
    let run = try LessonRun("pooling")
    for way in ["by hand", "library"] {
      try run.expect("\(way): max", [6, 8, 14, 16, 3.5, 5.5, 11.5, 13.5, 1, 3, 9, 11])
    }
    try run.expect("sums of 3 × 3 with padding, at every second place", [54, 45, 72, 54])
    for line in [
      "5 × 5, filter 3, stride 1: valid 3 × 3 [batch, 3, 3, 1], same 5 × 5 [batch, 5, 5, 1]",
      "5 × 5, filter 3, stride 2: valid 2 × 2 [batch, 2, 2, 1], same 3 × 3 [batch, 3, 3, 1]",
      "28 × 28, filter 5, stride 1: valid 24 × 24 [batch, 24, 24, 1], same 28 × 28 [batch, 28, 28, 1]",
      "28 × 28, filter 2, stride 2: valid 14 × 14 [batch, 14, 14, 1], same 14 × 14 [batch, 14, 14, 1]",
    ] { #expect(run.output.contains(line), "\(line) is missing:\n\(run.output)") }
    #expect(run.output.contains("(None, 640)") && run.output.contains("6,400"))
  }
}
