import Apus
import Foundation
import TestSupport
import Testing

/// Listings of commands in the documents are what the commands print.
///
/// A block that follows `<!-- run: ARGUMENTS -->` is the output of `apus ARGUMENTS`, errors included; one that follows
/// `<!-- own: ARGUMENTS -->` that of a program with names of its own, which is built here and, from outside, by Scripts/test.sh.
/// Times differ from run to run and are compared by their form. APUS_UPDATE=1 writes the listings anew.
@Suite struct ListingTests {
  static let documents = Repository.files(below: "Docs", ending: ".md") + ["README.md"]

  private static let own = Repository.products.appendingPathComponent("CommandExample")

  private func output(_ arguments: Substring, by program: URL) throws -> String {
    let result = try runProgram(program, arguments: arguments.split(separator: " ").map(String.init))
    #expect(!result.wasSignalled && result.status != ApusError.Fault.defect.rawValue, "\(result.errors)")
    let text = result.errors + result.output
    return text.hasSuffix("\n") || text.isEmpty ? text : text + "\n"
  }

  /// Times are digits with two decimals below the head "ms"; only their place counts, and not how wide the column is.
  private func withoutTimes(_ text: String) -> String {
    text.replacing(#/ +\d+\.\d\d(?= )/#, with: " 0.00").replacing(#/ +ms(?= )/#, with: " ms")
  }

  @Test(arguments: documents) func listingsAreCurrent(_ path: String) throws {
    let block = #/<!-- (?<program>run|own): (?<arguments>[^\n]*) -->\n```[a-z]*\n(?<body>(?:(?!```)[^\n]*\n)*)```/#
    let text = try Repository.text(path)
    var updated = text
    for match in text.matches(of: block).reversed() {
      let actual = try output(match.arguments, by: match.program == "own" ? Self.own : Repository.program)
      if withoutTimes(String(match.body)) != withoutTimes(actual) {
        updated.replaceSubrange(match.body.startIndex..<match.body.endIndex, with: actual)
      }
    }
    if ProcessInfo.processInfo.environment["APUS_UPDATE"] != nil {
      try updated.write(to: Repository.file(path), atomically: true, encoding: .utf8)
    } else {
      #expect(updated == text, "run the tests with APUS_UPDATE=1 to write the listings of \(path) anew")
    }
  }
}
