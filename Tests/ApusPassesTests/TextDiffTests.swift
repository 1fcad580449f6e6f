import Apus
import Testing

@Suite struct TextDiffTests {
  private func diff(_ before: String, _ after: String) throws -> TextDiff {
    func graph(_ body: String) throws -> Graph {
      try #require(try Graph.parse("graph @g(%x: f32[4], %y: f32[4]) {\n\(body)\n}").first)
    }
    return TextDiff(try graph(before), try graph(after))
  }

  private let base = """
    %2: f32[4] = exp(%x)
    %3: f32[4] = negate(%2)
    %4: f32[4] = tanh(%3)
    %5: f32[4] = multiply(%4, %2)
    return %5
    """

  @Test func equalGraphsHaveNone() throws {
    let same = try diff(base, base)
    #expect(same.isEmpty)
    #expect(same.description == "")
  }

  /// A new node in front changes the numbers of all that follow: nothing of that shows.
  @Test func anInsertedNodeIsOneLine() throws {
    let after = """
      %2: f32[4] = sin(%y)
      %3: f32[4] = exp(%x)
      %4: f32[4] = negate(%3)
      %5: f32[4] = tanh(%4)
      %6: f32[4] = multiply(%5, %3)
      return %6
      """
    #expect(
      try diff(base, after).description == """
          %x: f32[4] = parameter()
          %y: f32[4] = parameter()
        + %2: f32[4] = sin(%y)
          %3: f32[4] = exp(%x)
          %4: f32[4] = negate(%3)

        """)
  }

  /// One node became two; what reads the result reads it as before.
  @Test func aReplacedNodeDoesNotChangeItsReaders() throws {
    let after = """
      %2: f32[4] = exp(%x)
      %3: f32[4] = reciprocal(%2)
      %4: f32[4] = abs(%3)
      %5: f32[4] = tanh(%4)
      %6: f32[4] = multiply(%5, %2)
      return %6
      """
    #expect(
      try diff(base, after).text(context: 1) == """
          %2: f32[4] = exp(%x)
        - %3: f32[4] = negate(%2)
        + %3: f32[4] = reciprocal(%2)
        + %4: f32[4] = abs(%3)
          %5: f32[4] = tanh(%4)

        """)
  }

  /// The node is gone and its reader reads something that was there before: that is a change.
  @Test func aReaderOfSomethingElseShows() throws {
    let after = """
      %2: f32[4] = exp(%x)
      %3: f32[4] = tanh(%2)
      %4: f32[4] = multiply(%3, %2)
      return %4
      """
    #expect(
      try diff(base, after).text(context: 1) == """
          %2: f32[4] = exp(%x)
        - %3: f32[4] = negate(%2)
        - %4: f32[4] = tanh(%3)
        + %3: f32[4] = tanh(%2)
          %4: f32[4] = multiply(%3, %2)

        """)
  }

  @Test func swappedOperandsShow() throws {
    let after = base.replacing("multiply(%4, %2)", with: "multiply(%2, %4)")
    let lines = try diff(base, after).lines.filter { $0.kind != .same }
    #expect(lines.map(\.text) == ["%5: f32[4] = multiply(%4, %2)", "%5: f32[4] = multiply(%2, %4)"])
    #expect(lines.map(\.kind) == [.removed, .added])
  }

  @Test func anotherOutputShows() throws {
    let lines = try diff(base, base.replacing("return %5", with: "return %4")).lines.filter { $0.kind != .same }
    #expect(lines.map(\.text) == ["return %5", "return %4"])
  }

  @Test func farAwayLinesAreLeftOut() throws {
    let names = ["negate", "exp", "tanh", "sin", "floor"]
    let chain = (2..<30).map { "%\($0): f32[4] = \(names[$0 % 5])(%\($0 == 2 ? "x" : String($0 - 1)))" }
    var changed = chain
    changed[3] = "%5: f32[4] = abs(%4)"
    changed[20] = "%22: f32[4] = abs(%21)"
    let text = try diff(
      (chain + ["return %29"]).joined(separator: "\n"), (changed + ["return %29"]).joined(separator: "\n")
    ).text(context: 1)
    #expect(text.split(separator: "\n").count == 9)
    #expect(text.contains("\n  …\n"))
  }

  /// Applied to the old text, a diff gives the new one: whatever changed, all of it is there.
  @Test(arguments: [("simplify,cse,dce"), ("expand-composites"), ("fuse"), ("expand-composites,fuse")])
  func linesAreTheNewGraphInOrder(_ passes: String) throws {
    for path in FileTest.paths {
      for graph in try FileTest(path).graphs {
        let result = try Pipeline(parsing: passes).run(graph).graph
        let change = TextDiff(graph, result)
        let texts = result.nodes.map { result.text(of: $0) }
        let shown = change.lines.filter { $0.kind != .removed }.map(\.text)
        #expect(Array(shown.prefix(texts.count)) == texts, "@\(graph.name) of \(path)")
        #expect(change.isEmpty == (graph == result), "@\(graph.name) of \(path)")
      }
    }
  }
}
