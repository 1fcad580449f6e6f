import Foundation
import TestSupport
import Testing

/// Docs/Course.md and its Korean edition say what the programs print.
@Suite struct CourseDocumentTests {
  static let editions = ["Docs/Course.md", "Docs/Course.ko.md"]

  /// A block that follows `<!-- course: LESSON -->` is the lesson's output: of lessons that need no data and no training.
  @Test(arguments: editions) func outputsAreCurrent(_ path: String) throws {
    let block = #/<!-- course: (?<lesson>[^\n]*) -->\n```\n(?<body>(?:(?!```)[^\n]*\n)*)```/#
    let listings = try Repository.text(path).matches(of: block)
    #expect(listings.count == 3)
    for listing in listings {
      let run = try LessonRun(String(listing.lesson))
      #expect(run.output.trimmingCharacters(in: .newlines) + "\n" == listing.body, "\(path): \(listing.lesson)")
    }
  }

  /// Both editions go through the same lessons with the same code, and no lesson of the program is left out.
  @Test func editionsAgree() throws {
    let texts = try Self.editions.map { try Repository.text($0) }
    for part in [
      #/(?m)^swift run -c release apus-course [a-z0-9-]+$/#, #/<!-- from: [^\n]*\n```swift\n(?:(?!```)[^\n]*\n)+/#,
    ] {
      let found = texts.map { $0.matches(of: part).map { String($0.output) } }
      #expect(found[0] == found[1] && found[0].count > 15)
    }
    let help = try LessonRun("--help").output
    let lessons = help.matches(of: #/(?m)^  (?<name>[a-z0-9-]+)  +[A-Z]/#).map { String($0.name) }.filter {
      $0 != "help"
    }
    let described = texts[0].matches(
      of: #/(?m)^## \d+\. [^\n]+\n\n```\nswift run -c release apus-course (?<name>[^\n]+)/#)
    #expect(lessons.count == 16 && described.map { String($0.name) } == lessons, "\(lessons)")
  }
}
