import Apus
import Foundation
import TestSupport
import Testing

/// Texts on the command line: training by a graph with an embedding, what a saved model keeps, what is refused.
@Suite struct TextCommandTests {
  private let folder: TemporaryFolder
  private let graph = Repository.file("Graphs/Models/text.graph").path

  init() throws {
    folder = try TemporaryFolder()
    try TextFolder.write(to: folder.file("reviews"), count: 60)
    _ = try folder.write(TextFolder.table(count: 60), as: "reviews.csv")
  }

  private func run(_ line: String) throws -> ProgramResult {
    try runProgram(
      arguments: line.replacing("GRAPH", with: graph).split(separator: " ").map(String.init),
      in: URL(fileURLWithPath: folder.path))
  }

  private func succeed(_ line: String) throws -> String {
    let result = try run(line)
    #expect(result.status == 0, "\(line): \(result.errors)")
    return result.output
  }

  private func fail(_ line: String, _ messages: String..., status: Int32 = 1) throws {
    let result = try run(line)
    #expect(result.status == status, "\(line): status \(result.status) \(result.output)")
    for message in messages { #expect(result.errors.contains(message), "\(result.errors)") }
  }

  private let training = "--epochs 40 --optimizer adam(learning_rate=0.02) --verbose silent --save saved"

  /// Nothing is said of words: the embedding and the input say how many there may be. The same numbers in Swift.
  @Test func aFolderOfTexts() throws {
    _ = try succeed("train GRAPH --data reviews --test-split 0.2 \(training)")
    #expect(try succeed("evaluate saved --data reviews --test-split 0.2").contains("accuracy: 1.0000"))
    let trainer = try Trainer.resumed(from: folder.file("saved"))
    let texts = try #require(trainer.inputEncoding?.texts)
    #expect(texts.maxTokens == 1_000 && texts.outputSequenceLength == 64 && texts.isAdapted)
    _ = try folder.write("What a BRILLIANT, lovely scene", as: "new.txt")
    let line = try succeed("predict saved new.txt")
    let score = try trainer.predict(texts(["what a brilliant lovely scene"])).doubles()
    #expect(line == "new.txt  0 liked  \(String(format: "%.4f", score[0]))\n", "\(line) \(score)")
    #expect(try succeed("predict saved --data reviews").split(separator: "\n").allSatisfy { $0.hasSuffix("  right") })
    #expect(try succeed("predict saved reviews/not").split(separator: "\n").count == 30)
    // Training goes on with the same words.
    _ = try succeed("train saved --resume saved --data reviews --epochs 41 --verbose silent --save saved")
    #expect(try Trainer.resumed(from: folder.file("saved")).inputEncoding == trainer.inputEncoding)
    try fail("evaluate saved --data reviews --max-tokens 9", "keeps how its inputs are made", status: 2)
    try fail("predict saved", "give --data PATH: a folder of texts by class", status: 2)
    _ = try folder.write([0xFF, 0xFE, 0x41], as: "latin.txt")
    try fail("predict saved latin.txt", "latin.txt: is not UTF-8 text: byte 0 begins no character")
  }

  @Test func aColumnOfTexts() throws {
    _ = try succeed("train GRAPH --data reviews.csv --text review --mix --max-tokens 20 \(training)")
    #expect(try succeed("evaluate saved --data reviews.csv").contains("accuracy: "))
    #expect(try Trainer.resumed(from: folder.file("saved")).inputEncoding?.texts?.vocabularySize == 20)
    _ = try folder.write("other,review\n1,awful and dull\n", as: "new.csv")
    #expect(try succeed("predict saved new.csv").hasPrefix("new.csv:2  1 not  "))
    try fail("predict saved", "a table with the column review", status: 2)
    // Without the option, the column is taken for categories.
    _ = try folder.write(
      "review,label\n" + (0..<300).map { "text \($0),\($0 % 2)\n" }.joined(), as: "many.csv")
    try fail("train GRAPH --data many.csv", "holds 300 different texts", "a column of texts by --text review")
  }

  /// Rows of counts instead of ids, for a model without an embedding.
  @Test func bagsOfWords() throws {
    _ = try folder.write(
      """
      graph @bag(%input: f32[batch, 40]) {
        %kernel: f32[40, 1] = variable(zeros) from "output"
        %x = matmul(%input, %kernel) from "output"
        %y = sigmoid(%x) from "output"
        return %y
      }
      """, as: "bag.graph")
    for mode in ["multi_hot", "count", "tf_idf"] {
      _ = try succeed("train bag.graph --data reviews --output-mode \(mode) --ngrams 2 \(training)")
      #expect(try succeed("evaluate saved --data reviews").contains("accuracy: 1.0000"), "\(mode)")
    }
    try fail(
      "train bag.graph --data reviews --output-mode count --max-tokens 30", "the model's input is [40] a sample")
  }

  @Test func whatTextsHold() throws {
    let text = try succeed("data reviews")
    #expect(text.hasPrefix("reviews: texts by class, 60 samples\n"), "\(text)")
    #expect(text.contains("texts  words") && text.contains("liked       30\nnot         30\n"), "\(text)")
    #expect(text.contains("word  "), "\(text)")
    #expect(text.contains("first text: " + TextFolder.samples(count: 2)[1].text), "\(text)")
    #expect(
      try succeed("data reviews --show 0") == "reviews/liked/1.txt: 0 liked\n" + TextFolder.samples(count: 2)[1].text
        + "\n")
    #expect(try succeed("data reviews --matrix 0 --sequence-length 3").split(separator: "\n").count == 4)
    let json = try JSONSerialization.jsonObject(with: Data(try succeed("data reviews.csv --text review --json").utf8))
    #expect((json as? [String: Any])?["first_text"] as? String == TextFolder.samples(count: 1)[0].text)
  }

  @Test(arguments: [
    ("train GRAPH --data reviews --max-tokens 3", "--max-tokens must be at least 4"),
    ("train GRAPH --data reviews --sequence-length 0", "--sequence-length must be 1 … 1048576"),
    ("train GRAPH --data reviews --ngrams 0", "--ngrams must be 1 … 64"),
    ("train GRAPH --data reviews --output-mode count --sequence-length 3", "belongs to --output-mode int"),
    ("train GRAPH --data reviews --output-mode bag", "--output-mode"),
    ("train GRAPH --data reviews --text review", "--text has no meaning for 'reviews', which is texts"),
    ("train GRAPH --data reviews.csv --ngrams 2", "--ngrams has no meaning for 'reviews.csv', which is a table"),
  ]) func wrongOptionsExitWith2(_ line: String, _ message: String) throws { try fail(line, message, status: 2) }
}
