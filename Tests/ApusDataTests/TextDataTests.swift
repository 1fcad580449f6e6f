import ApusCore
import ApusData
import Foundation
import TestSupport
import Testing

/// Texts in folders by class, and in a column of a table.
@Suite struct TextDataTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func write(_ texts: [String: String], in name: String) throws -> String {
    for (path, text) in texts {
      let file = URL(fileURLWithPath: folder.file(name + "/" + path))
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    return folder.file(name)
  }

  private func choices(_ change: (inout DataChoices) -> Void) -> DataChoices {
    var choices = DataChoices()
    choices.mixes = false
    change(&choices)
    return choices
  }

  private func reviews() throws -> String {
    try write(
      [
        "bad/1.txt": "bad film", "bad/2.txt": "\u{FEFF}Bad, bad plot!\n", "good/1.txt": "good film, good plot",
        "good/2.TXT": "good", "good/notes.md": "not a text", ".hidden/1.txt": "x",
      ], in: "reviews")
  }

  @Test func textsByClass() throws {
    let path = try reviews()
    let data = try DataReader.load(path, choices { _ in })
    #expect(data.kind == "texts by class" && data.classNames == ["bad", "good"] && data.train.count == 4)
    #expect(data.train.texts?[1] == "Bad, bad plot!\n")
    // The most frequent word is 2; the longest text has 4 words.
    let texts = try #require(data.encoding?.texts)
    #expect(texts.vocabulary() == ["", "[UNK]", "good", "bad", "plot", "film"])
    #expect(data.train.inputs.dimensions == [4, 4] && texts.outputSequenceLength == 4)
    #expect(
      data.train.inputs.elements(as: Int32.self) == [3, 5, 0, 0, 3, 3, 4, 0, 2, 5, 2, 4, 2, 0, 0, 0])
    #expect(data.train.targets.elements(as: Int32.self) == [0, 0, 1, 1])
    #expect(data.train.label(of: 2) == path + "/good/1.txt")
    // To a model of texts a .txt file is one, and its vocabulary stays.
    let one = try folder.write("A new GOOD film", as: "one.txt")
    let new = try DataReader.samples(one, encoding: data.encoding, classNames: data.classNames)
    #expect(new.inputs.elements(as: Int32.self) == [1, 1, 2, 5] && new.targets == nil)
    let loose = try DataReader.samples(path + "/good", encoding: data.encoding, classNames: data.classNames)
    #expect(loose.count == 2)
  }

  /// Words of the part for testing are not learned.
  @Test func vocabulariesAreThoseOfTraining() throws {
    let data = try DataReader.load(reviews(), choices { $0.testFraction = 0.25 })
    #expect(data.train.count == 3 && data.test?.count == 1)
    let path = try write(
      ["train/a/1.txt": "one two", "train/b/1.txt": "one", "test/b/1.txt": "one three two"], in: "parts")
    let parts = try DataReader.load(path)
    #expect(parts.encoding?.texts?.vocabulary() == ["", "[UNK]", "one", "two"])
    #expect(parts.test?.inputs.elements(as: Int32.self) == [2, 1] && parts.test?.targets.doubles() == [1])
    #expect(try DataReader.samples(path, encoding: parts.encoding, classNames: parts.classNames).count == 1)
    _ = try write(["test/c/1.txt": "x"], in: "parts")
    expectFault("parts/test: 'c' is not a class of the part for training") { try DataReader.load(path) }
    expectFault("parts/test: 'c' is not a class of the model") {
      try DataReader.samples(path, encoding: parts.encoding, classNames: parts.classNames)
    }
  }

  @Test func aColumnOfTexts() throws {
    let table = "id,review,label\n1,\"Good, good film\",up\n2,bad film,down\n3,NA,down\n4,,up\n"
    let path = try folder.write(table, as: "reviews.csv")
    var chosen = choices { $0.textColumn = "review" }
    expectFault("reviews.csv:5:3: error: the text of column 'review' is missing") { try DataReader.load(path, chosen) }
    chosen.missing = .drop
    chosen.texts.outputMode = .count
    let data = try DataReader.load(path, chosen)
    #expect(data.train.count == 3 && data.classNames == ["down", "up"])
    let texts = try #require(data.encoding?.texts)
    #expect(texts.vocabulary() == ["[UNK]", "good", "film", "na", "bad"])
    #expect(data.train.inputs.doubles() == [0, 2, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0])
    chosen.missing = .zero
    #expect(try DataReader.load(path, chosen).train.count == 4)
    // The saved form, and a table without the target.
    let saved = try JSONDecoder().decode(InputEncoding.self, from: JSONEncoder().encode(data.encoding))
    #expect(saved == data.encoding)
    let new = try folder.write("review\nfilm film\n", as: "new.csv")
    let samples = try DataReader.samples(new, encoding: saved, classNames: data.classNames)
    #expect(samples.inputs.doubles() == [0, 0, 2, 0, 0] && samples.targets == nil && samples.texts == ["film film"])
    let other = try folder.write("text,label\na,up\n", as: "other.csv")
    expectFault("other.csv: lacks the column 'review', which the model reads") {
      try DataReader.samples(other, encoding: saved)
    }
  }

  /// Fields in quotes may hold ends of lines: texts as Python's module `csv` reads them.
  @Test(arguments: [
    ("review,y\n\"one\ntwo\",1\nthree,2\n", ["one\ntwo", "three"], [2, 4]),
    ("review,y\r\n\"a \"\"b\"\"\r\n\r\nc\",1\r\n\"d, e\",2\r\n", ["a \"b\"\r\n\r\nc", "d, e"], [2, 5]),
    ("review,y\n\"x\"\"\n\"\"y\",2\n\"z\",1\n", ["x\"\n\"y", "z"], [2, 4]),
    ("review,y\nit is 5\" long,1\n\"p\nq\",2\n", ["it is 5\" long", "p\nq"], [2, 3]),
  ]) func fieldsOfSeveralLines(_ table: String, _ texts: [String], _ lines: [Int]) throws {
    let path = try folder.write(table, as: "t.csv")
    let data = try DataReader.load(path, choices { $0.textColumn = "review" }).train
    #expect(data.texts == texts)
    #expect((0..<texts.count).map(data.label) == lines.map { "\(path):\($0)" })
  }

  /// Errors name the line in the file, not the record.
  @Test func faultsBelowSeveralLines() throws {
    func fail(_ table: String, _ message: String) throws {
      let path = try folder.write(table, as: "t.csv")
      expectFault(message) { try DataReader.load(path, choices { $0.textColumn = "review" }) }
    }
    try fail("review,y\n\"one\ntwo\",1\nthree,2,3\n", "t.csv:4:1: error: this row has 3 fields")
    try fail("review,y\n\"one\ntwo\",1\n\"th,2\n", "t.csv:4:1: error: a quote is not closed\n  \"th,2\n  ^")
    // The target of the first record is in its second line.
    try fail("review,y\n\"one\ntwo\",?\nthree,2\n", "t.csv:3:6: error: the target 'y' is missing\n  two\",?\n       ^")
  }

  @Test func columnsThatAreNot() throws {
    let path = try folder.write("review,stars,label\na b,5,up\n", as: "t.csv")
    func fail(_ message: String, _ change: (inout DataChoices) -> Void) {
      expectFault(message) {
        try DataReader.load(
          path,
          choices {
            $0.textColumn = "review"
            change(&$0)
          })
      }
    }
    fail("has no column 'revew'") { $0.textColumn = "revew" }
    fail("the target 'review' is the column of texts, too") { $0.target = "review" }
    fail("not column 'stars', too") { $0.features = ["stars"] }
    fail("neither a feature nor the target") { $0.categories = ["stars"] }
  }

  @Test func damagedTexts() throws {
    let path = try reviews()
    func fail(_ bytes: [UInt8], _ message: String) throws {
      let file = try folder.write(bytes, as: "reviews/bad/3.txt")
      expectFault("bad/3.txt: \(message)") { try DataReader.load(path) }
      try FileManager.default.removeItem(atPath: file)
    }
    try fail([0x61, 0, 0x62], "is not text: byte 1 is 0")
    try fail([0x61, 0xC3, 0xA9, 0xE9, 0x20], "is not UTF-8 text: byte 3 begins no character")
    try fail([], "holds no text")
    try fail([0x20, 0x0A], "holds no text")
    _ = try write(["worse/notes.md": "x"], in: "reviews")
    expectFault("worse: holds no texts", "each folder is a class: .txt files") { try DataReader.load(path) }
    let wordless = try write(["a/1.txt": "...", "b/1.txt": "!"], in: "wordless")
    expectFault("wordless: there are no terms to learn a vocabulary of") { try DataReader.load(wordless) }
  }

  @Test func whatTextsHold() throws {
    let summary = try DataSummary(reviews())
    #expect(summary.kind == "texts by class" && summary.samples == 4)
    let part = try #require(summary.parts.first)
    #expect(part.type == "words" && part.minimum == 1 && part.maximum == 4 && part.mean == 2.5 && part.distinct == 4)
    #expect(summary.words?.map(\.name) == ["good", "bad", "plot", "film"])
    #expect(summary.words?.map(\.count) == [3, 3, 2, 2] && summary.firstText == "bad film")
    #expect(summary.classes.map(\.count) == [2, 2])
  }

  /// Choices that would be ignored are refused.
  @Test func unusedChoices() throws {
    let path = try reviews()
    let table = try folder.write("a,y\n1,2\n", as: "t.csv")
    func fail(_ path: String, _ option: String, _ change: (inout DataChoices) -> Void) {
      expectFault(.usage, ["\(option) has no meaning for"], location: #_sourceLocation) {
        try DataReader.checkUse(of: choices(change), for: path)
      }
    }
    fail(path, "--normalize") { $0.normalizes = true }
    fail(path, "--image-size") { $0.imageSize = [2, 2] }
    fail(path, "--text") { $0.textColumn = "a" }
    fail(path, "--header") { $0.header = .absent }
    fail(table, "--max-tokens") { $0.texts.maxTokens = 9 }
    fail(table, "--sequence-length") { $0.texts.outputSequenceLength = 9 }
    fail(table, "--ngrams") { $0.texts.ngramWidths = [1, 2] }
    fail(table, "--output-mode") { $0.texts.outputMode = .count }
    fail(table, "--normalize") { ($0.textColumn, $0.normalizes) = ("a", true) }
    fail("mnist", "--max-tokens") { $0.texts.maxTokens = 9 }
    try DataReader.checkUse(of: choices { $0.texts.maxTokens = 9 }, for: path)
    try DataReader.checkUse(of: choices { $0.texts.maxTokens = 9 }, for: "imdb")
    try DataReader.checkUse(
      of: choices { ($0.textColumn, $0.texts.maxTokens, $0.missing) = ("a", 9, .drop) }, for: table)
  }
}
