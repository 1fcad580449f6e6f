import Apus
import Foundation
import TestSupport
import Testing

/// The files in Graphs/Models are what the layers build.
@Suite struct ModelFilesTests {
  @Test(arguments: ModelZoo.all.map(\.name)) func fileIsCurrent(_ name: String) throws {
    let entry = try #require(ModelZoo.all.first { $0.name == name })
    let path = "Graphs/Models/\(name).graph"
    let text = try ModelZoo.text(entry)
    // Set APUS_UPDATE to write the files anew.
    if ProcessInfo.processInfo.environment["APUS_UPDATE"] != nil {
      try text.write(to: Repository.file(path), atomically: true, encoding: .utf8)
    }
    #expect(try Repository.text(path) == text, "run the tests with APUS_UPDATE=1 to write \(path) anew")
  }
}
