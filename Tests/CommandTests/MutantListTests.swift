import Foundation
import TestSupport
import Testing

/// The list of planted faults is true to the sources; Docs/Testing.md says what it is for.
@Suite struct MutantListTests {
  private func check(in folder: URL) throws -> ProgramResult {
    try runProgram(
      URL(fileURLWithPath: "/bin/bash"), arguments: ["Scripts/mutants.sh", "--check"], in: folder)
  }

  @Test func everyEntryStandsOnceInItsFile() throws {
    let result = try check(in: Repository.root)
    #expect(result.status == 0, "change the entry with the line that it plants a fault in:\n\(result.errors)")
    let number = result.output.split(separator: " ").first.flatMap { Int($0) }
    #expect((number ?? 0) >= 100, "\(result.output)")
  }

  /// What the check is for: a place that is gone, and one that is not the only one.
  @Test(arguments: [("let a = 1\n", "not at all"), ("let a = b\nlet c = b\n", "more than once")])
  func entriesThatAreNoLongerTrueAreFound(_ source: String, _ message: String) throws {
    let folder = try TemporaryFolder()
    for (path, text) in [
      ("Scripts/mutants.sh", try Repository.text("Scripts/mutants.sh")), ("Sources/a.swift", source),
      ("Tests/Mutants/mutants.txt", "[test] b is a\nin Sources/a.swift\nby Tests\n- = b\n+ = a\n"),
    ] {
      let parent = URL(fileURLWithPath: folder.file(path)).deletingLastPathComponent()
      try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
      _ = try folder.write(text, as: path)
    }
    let result = try check(in: URL(fileURLWithPath: folder.path))
    #expect(result.status != 0 && result.errors.contains("[test] b is a: the original stands \(message)"))
  }
}
