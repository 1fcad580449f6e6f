import Apus
import Foundation
import TestSupport
import Testing

/// The files below Graphs/Passes. To see what a pass prints, run the command that a failure shows; to accept it as what
/// is expected, run these tests with `APUS_UPDATE=1` and read the difference before you commit it.
@Suite struct FileTests {
  static let isUpdating = ProcessInfo.processInfo.environment["APUS_UPDATE"] != nil

  @Test(arguments: FileTest.paths) func givesWhatTheFileSays(_ path: String) throws {
    if Self.isUpdating {
      try FileTest(path).updated().write(to: Repository.file(path), atomically: true, encoding: .utf8)
    }
    let test = try FileTest(path)
    #expect(!test.runs.isEmpty, "\(path) has no RUN line")
    for run in test.runs {
      let (output, command) = try test.output(of: run)
      let mismatch = try FileCheck.mismatch(output, file: path, options: run.options)
      #expect(
        mismatch == nil,
        """
        \(path) does not get what it expects; see the output with: \(command)
        accept it with: APUS_UPDATE=1 swift test --filter FileTests
        \(mismatch ?? "")
        """)
    }
  }

  @Test(arguments: FileTest.paths) func changesWhatItShouldAndNothingElse(_ path: String) throws {
    let test = try FileTest(path)
    for run in test.runs {
      let pipeline = try Pipeline(parsing: try #require(run.passes, "\(path): a RUN line without --passes"))
      for graph in test.graphs {
        let result = try pipeline.run(graph).graph
        if graph.name.hasPrefix("keeps_") {
          #expect(result == graph, "\(path): @\(graph.name) was changed to\n\(result)")
        } else {
          #expect(result != graph, "\(path): @\(graph.name) was not changed; if it should not be, name it keeps_…")
        }
      }
    }
  }

  @Test(arguments: FileTest.paths) func computesTheSameAsBefore(_ path: String) throws {
    let test = try FileTest(path)
    for passes in Set(test.runs.compactMap(\.passes)).sorted() {
      let pipeline = try Pipeline(parsing: passes)
      for graph in test.graphs {
        let result = try pipeline.run(graph)
        let mismatch = try TranslationValidation(seeds: [1, 2, 3]).firstMismatch(
          graph, result.graph, precision: result.precision)
        #expect(mismatch == nil, "\(path): @\(graph.name) after \(passes)")
      }
    }
  }

  @Test(arguments: FileTest.paths) func aSecondRunFindsNothingToDo(_ path: String) throws {
    let test = try FileTest(path)
    for passes in Set(test.runs.compactMap(\.passes)).sorted() {
      let pipeline = try Pipeline(parsing: passes)
      for graph in test.graphs {
        let once = try pipeline.run(graph).graph
        let twice = try pipeline.run(once).graph
        #expect(once.text() == twice.text(), "\(path): @\(graph.name) after \(passes)")
      }
    }
  }

  /// Every pass has files, and at least half of the cases say what it must leave alone.
  @Test func halfOfAllCasesMustNotFire() throws {
    var cases = [String: (keeps: Int, all: Int)]()
    for path in FileTest.paths {
      let test = try FileTest(path)
      let name = try #require(test.runs.first?.passes).prefix { $0 != "{" && $0 != "," }
      for graph in test.graphs {
        let isKept = graph.name.hasPrefix("keeps_")
        cases[String(name), default: (0, 0)].all += 1
        if isKept { cases[String(name), default: (0, 0)].keeps += 1 }
      }
    }
    for pass in PassRegistry.standard {
      let count = cases[pass.record.name] ?? (0, 0)
      #expect(count.all > 0, "\(pass.record.name) has no file below Graphs/Passes")
      #expect(2 * count.keeps >= count.all, "\(pass.record.name): \(count.keeps) of \(count.all) cases must not fire")
    }
  }
}
