import Apus
import TestSupport
import Testing

/// All graph files of the tree are sound, and printing them loses nothing.
@Suite struct GraphFilesTests {
  static let files = Repository.files(below: "Graphs", ending: ".graph")

  @Test func thereAreFiles() { #expect(!Self.files.isEmpty) }

  @Test(arguments: files) func isSound(_ path: String) throws {
    let graphs = try Graph.parse(try Repository.text(path), file: path)
    #expect(graphs.allSatisfy { $0.violations().isEmpty })
    let text = graphs.map(\.description).joined()
    #expect(try Graph.parse(text) == graphs)
    #expect(try Graph.parse(text).map(\.description).joined() == text)
  }
}
