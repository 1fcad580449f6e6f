import Foundation
import TestSupport
import Testing

/// What a lesson of `apus-course` printed.
struct LessonRun {
  let output: String

  /// Runs a lesson in its short form.
  /// - Parameter arguments: options beyond `--short`.
  init(_ lesson: String, _ arguments: String...) throws {
    let program = Repository.products.appendingPathComponent("apus-course")
    let result = try runProgram(program, arguments: [lesson, "--short"] + arguments, limit: 300)
    #expect(result.status == 0 && !result.wasSignalled, "\(lesson): \(result.errors)\(result.output)")
    output = result.output
  }

  /// The numbers of the first line that begins with a text, after that text; other words are left out.
  func numbers(after start: String, location: Testing.SourceLocation = #_sourceLocation) throws -> [Double] {
    let line = try #require(
      output.split(separator: "\n").first { $0.hasPrefix(start) }, "no line begins with '\(start)':\n\(output)",
      sourceLocation: location)
    return line.dropFirst(start.count).matches(of: #/(?:^|[^A-Za-z\d_])(?<number>-?\d+(?:\.\d+)?(?:e-?\d+)?)/#)
      .compactMap { Double($0.number) }
  }

  /// Expects the numbers of a line to be what something else computed.
  func expect(
    _ start: String, _ expected: [Double], within tolerance: Double = 0,
    location: Testing.SourceLocation = #_sourceLocation
  ) throws {
    let found = try numbers(after: start, location: location)
    #expect(found.count == expected.count, "\(start) \(found)", sourceLocation: location)
    for (a, b) in zip(found, expected) {
      #expect(abs(a - b) <= tolerance, "\(start) \(found)", sourceLocation: location)
    }
  }

  /// Expects the first number of a line to be above a bound.
  func expect(_ start: String, above bound: Double, location: Testing.SourceLocation = #_sourceLocation) throws {
    let number = try #require(try numbers(after: start, location: location).first)
    #expect(number > bound, "\(start) \(number)", sourceLocation: location)
  }
}
