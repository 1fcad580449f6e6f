import Apus
import Foundation
import TestSupport
import Testing

/// The documents say what is in the tree: excerpts, links and tables.
@Suite struct DocumentationTests {
  static let documents =
    ["README.md"] + Repository.files(below: "Docs", ending: ".md").filter { !$0.dropFirst(5).contains("/") }
  /// Documents that are no part of the manual.
  static let files = ["CONTRIBUTING.md", "CHANGELOG.md"]

  /// A block that follows `<!-- from: PATH -->` stands in that file, word for word.
  @Test(arguments: documents) func excerptsAreCurrent(_ path: String) throws {
    let text = try Repository.text(path)
    let block = #/<!-- from: (?<source>[^\n]*) -->\n```[a-z]*\n(?<body>(?:(?!```)[^\n]*\n)+)```\n/#
    let excerpts = text.matches(of: block)
    #expect(
      excerpts.count == text.matches(of: #/(?m)^<!-- from: /#).count,
      "\(path): a fenced block follows each of these lines")
    for excerpt in excerpts {
      let source = try Repository.text(String(excerpt.source))
      #expect(source.contains(excerpt.body), "\(path): \(excerpt.source) no longer holds\n\(excerpt.body)")
    }
  }

  /// Every Swift listing is an excerpt of a file that some build compiles: of the sources, the tests, or the packages in
  /// Tests that depend on Apus.
  @Test(arguments: documents) func swiftListingsAreCompiled(_ path: String) throws {
    let lines = try Repository.text(path).split(separator: "\n", omittingEmptySubsequences: false)
    for (number, line) in lines.enumerated() where line.hasPrefix("```swift") {
      let mark =
        number > 0 ? lines[number - 1].firstMatch(of: #/^<!-- from: (?<source>(?:Sources|Tests)/.*\.swift) -->$/#) : nil
      #expect(mark != nil, "\(path):\(number + 1): a Swift listing follows <!-- from: PATH.swift -->")
    }
  }

  /// The files of the package that the guide to passes builds are shown whole.
  @Test(arguments: ["FindSquaredRelu", "main"]) func thePackageOfTheGuideIsShownWhole(_ name: String) throws {
    let file = try Repository.text("Tests/Consumer/Sources/OwnApus/\(name).swift")
    #expect(try Repository.text("Docs/WriteAPass.md").contains("```swift\n\(file)```\n"))
    #expect(file.split(separator: "\n").count <= 35, "an operator and a pass are a page")
  }

  /// The DocC catalog has an article for each document, which is a link to it, and the landing page leads to all.
  @Test func everyDocumentIsAnArticle() throws {
    let catalog = "Sources/Apus/Apus.docc"
    let landing = try Repository.text("\(catalog)/Apus.md")
    let names = Self.documents.dropFirst().map { String($0.dropFirst("Docs/".count)) }
    let articles = try FileManager.default.contentsOfDirectory(atPath: Repository.file("\(catalog)/Articles").path)
    #expect(
      Set(articles) == Set(names), "\(catalog)/Articles has a link to each file of Docs: ln -s ../../../../Docs/NAME.md"
    )
    for name in names {
      let target = try? FileManager.default.destinationOfSymbolicLink(
        atPath: Repository.file("\(catalog)/Articles/\(name)").path)
      #expect(target == "../../../../Docs/\(name)")
      #expect(landing.contains("- <doc:\(name.dropLast(3))>"), "\(catalog)/Apus.md does not lead to \(name)")
    }
  }

  /// Headings as a page links to them: lower case, words joined by hyphens, punctuation dropped.
  private func anchors(_ text: String) -> Set<String> {
    var isCode = false
    var found: Set<String> = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("```") { isCode.toggle() }
      guard !isCode, line.hasPrefix("#") else { continue }
      let words = line.drop { $0 == "#" }.trimmingPrefix(" ").lowercased()
      found.insert(
        String(words.compactMap { $0 == " " ? "-" : $0.isLetter || $0.isNumber || "-_".contains($0) ? $0 : nil }))
    }
    return found
  }

  /// What a link or an image names is there: the file, and the heading in it.
  @Test(arguments: documents + files) func linksLeadSomewhere(_ path: String) throws {
    let text = try Repository.text(path)
    let prose = text.replacing(#/(?m)^```[^\n]*\n(?:(?!```)[^\n]*\n)*```/#, with: "")
    let targets =
      prose.matches(of: #/\]\((?<target>[^)\s]+)\)/#).map(\.target)
      + prose.matches(of: #/(?:src|href)="(?<target>[^"]+)"/#).map(\.target)
    for target in targets where !target.contains("://") && !target.hasPrefix("mailto:") {
      let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
      let file = Repository.file(path).deletingLastPathComponent().appendingPathComponent(String(parts[0]))
      let page = parts[0].isEmpty ? Repository.file(path) : file
      #expect(FileManager.default.fileExists(atPath: page.path), "\(path) links to \(target), which is not there")
      if parts.count == 2, page.pathExtension == "md", let linked = try? String(contentsOf: page, encoding: .utf8) {
        #expect(anchors(linked).contains(String(parts[1])), "\(path) links to \(target), a heading that is not there")
      }
    }
  }

  /// Every document can be reached from the front page.
  @Test func noDocumentIsLost() throws {
    let front = try Repository.text("README.md")
    for path in Self.documents.dropFirst() + Self.files + ["LICENSE"] {
      #expect(front.contains("](\(path))"), "README.md does not link to \(path)")
    }
  }

  /// The table lists the rules as they are declared, with their numbers.
  @Test func verifierRulesAreCurrent() throws {
    let text = try Repository.text("Docs/TextFormat.md")
    let table = try #require(
      text.firstMatch(of: #/<!-- table: verifier-rules -->\n\|[^\n]*\|\n\|[-|]+\|\n(?<rows>(?:\|[^\n]*\|\n?)*)/#))
    let rows = table.rows.split(separator: "\n").map(String.init)
    #expect(rows == VerifierRule.allCases.map { "| \($0.rawValue) \($0) | \($0.summary) |" })
  }
}
