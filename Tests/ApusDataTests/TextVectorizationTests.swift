import ApusCore
import ApusData
import Foundation
import TestSupport
import Testing

/// Texts and terms as Keras numbers them: text.json, written by make_text.py beside it.
@Suite struct TextVectorizationTests {
  /// A line of text.json.
  struct Case: @unchecked Sendable, CustomTestStringConvertible {
    let values: [String: Any]
    let index: Int
    var testDescription: String { "\(index): \(layer) \(config)" }

    var layer: String { values["layer"] as? String ?? "" }
    var config: [String: Any] { values["config"] as? [String: Any] ?? [:] }
    var vocabulary: [Any] { values["vocabulary"] as? [Any] ?? [] }
    /// Of one column, as a list.
    var texts: [Any] { (values["texts"] as? [Any] ?? []).map { ($0 as? [Any])?[0] ?? $0 } }
    var mode: LookupMode { LookupMode(rawValue: config["output_mode"] as? String ?? "int") ?? .int }
    var maxTokens: Int? { config["max_tokens"] as? Int }

    func check(_ result: Tensor) {
      let expected = values["result"] as? [String: Any]
      let numbers = (expected?["data"] as? [NSNumber] ?? []).map(\.doubleValue)
      #expect(result.dimensions == expected?["shape"] as? [Int])
      #expect(result.dtype == (mode == .int ? .i32 : .f32))
      let isEqual = zip(result.doubles(), numbers).allSatisfy { abs($0 - $1) <= 3e-7 * max(1, abs($1)) }
      #expect(isEqual && result.count == numbers.count, "\(result.doubles()) \(numbers)")
    }
  }

  static let cases: [Case] = {
    let file = Repository.file("Tests/ApusDataTests/Resources/Text/text.json")
    let lines = (try? JSONSerialization.jsonObject(with: Data(contentsOf: file))) as? [[String: Any]] ?? []
    return lines.enumerated().map { Case(values: $1, index: $0) }
  }()

  private static let vectorizations = cases.filter { $0.layer == "TextVectorization" }

  @Test func allCasesAreThere() { #expect(Self.cases.count == 55 && Self.vectorizations.count == 33) }

  private func vectorization(_ config: [String: Any]) -> TextVectorization {
    let standardize = config["standardize"] ?? "lower_and_strip_punctuation"
    let split = config["split"] ?? "whitespace"
    var result = TextVectorization(
      maxTokens: config["max_tokens"] as? Int, standardize: .init(rawValue: standardize as? String ?? "none") ?? .none,
      split: .init(rawValue: split as? String ?? "none") ?? .none, ngrams: config["ngrams"] as? Int,
      outputMode: LookupMode(rawValue: config["output_mode"] as? String ?? "int") ?? .int,
      outputSequenceLength: config["output_sequence_length"] as? Int,
      padToMaxTokens: config["pad_to_max_tokens"] as? Bool ?? false)
    if let widths = config["ngrams"] as? [Int] { result.ngramWidths = widths }
    return result
  }

  @Test(arguments: vectorizations) func texts(_ example: Case) throws {
    var layer = vectorization(example.config)
    if let texts = example.values["adapt"] as? [String] {
      try layer.adapt(texts)
    } else {
      let weights = (example.values["idf"] as? [NSNumber] ?? []).map(\.floatValue)
      try layer.setVocabulary(example.values["set"] as? [String] ?? [], idfWeights: weights)
    }
    #expect(layer.vocabulary() == example.vocabulary as? [String])
    example.check(try layer(example.texts as? [String] ?? []))
    // What is saved gives the same numbers.
    let copy = try JSONDecoder().decode(TextVectorization.self, from: JSONEncoder().encode(layer))
    #expect(copy == layer)
    example.check(try copy(example.texts as? [String] ?? []))
  }

  private func checkLookup<Term: LookupTerm>(_ example: Case, _ lookup: Lookup<Term>) throws {
    var lookup = lookup
    try lookup.adapt(try #require(example.values["adapt"] as? [Term]))
    #expect(lookup.vocabulary() == example.vocabulary as? [Term])
    example.check(try lookup(try #require(example.texts as? [Term])))
    if let inverse = example.values["inverse"] as? [Term] {
      #expect(try lookup.terms(of: Tensor((0..<inverse.count).map { Int32($0) })) == inverse)
    }
    #expect(try JSONDecoder().decode(Lookup<Term>.self, from: JSONEncoder().encode(lookup)) == lookup)
  }

  @Test(arguments: cases.filter { $0.layer == "StringLookup" }) func strings(_ example: Case) throws {
    try checkLookup(
      example,
      StringLookup(
        maxTokens: example.maxTokens, numOOVIndices: example.config["num_oov_indices"] as? Int ?? 1,
        maskToken: example.config["mask_token"] as? String, outputMode: example.mode))
  }

  @Test(arguments: cases.filter { $0.layer == "IntegerLookup" }) func integers(_ example: Case) throws {
    try checkLookup(
      example,
      IntegerLookup(
        maxTokens: example.maxTokens, numOOVIndices: example.config["num_oov_indices"] as? Int ?? 1,
        maskToken: example.config["mask_token"] as? Int, outputMode: example.mode))
  }

  /// Numbers read back as words, padding left out.
  @Test func numbersAsTexts() throws {
    var words = TextVectorization(outputSequenceLength: 5)
    try words.adapt(["a good film", "a bad film"])
    #expect(try words.texts(of: words(["A film, new!", "good"])) == ["a film [UNK]", "good"])
    var characters = TextVectorization(standardize: .none, split: .character)
    try characters.adapt(["Été"])
    #expect(try characters.texts(of: characters(["tÉé"])) == ["tÉé"])
  }

  @Test func whatCannotBeIsRefused() throws {
    let texts = ["a b", "c"]
    func fail(_ message: String, _ layer: TextVectorization) {
      expectError(message) {
        var layer = layer
        try layer.adapt(texts)
      }
    }
    fail("maxTokens is at least 2", TextVectorization(maxTokens: 1))
    fail("2 tokens leave none for the vocabulary", TextVectorization(maxTokens: 2))
    fail("no output mode one_hot", TextVectorization(outputMode: .oneHot))
    fail("belongs to the output mode int", TextVectorization(outputMode: .count, outputSequenceLength: 4))
    fail("cannot have 0 tokens", TextVectorization(outputSequenceLength: 0))
    fail("n-grams of [0]", TextVectorization(ngrams: 0))
    fail("maxTokens, which is not given", TextVectorization(outputMode: .count, padToMaxTokens: true))
    expectError("there is no vocabulary yet") { try TextVectorization()(texts) }
    expectError("there are no terms") {
      var layer = TextVectorization()
      try layer.adapt(["...", ""])
    }
    var lookup = StringLookup(maskToken: "")
    expectError("holds 'a' twice") { try lookup.setVocabulary(["a", "b", "a"]) }
    expectError("the mask token '' is in the vocabulary") { try lookup.setVocabulary(["a", ""]) }
    expectError("a finite number for each") {
      var rare = StringLookup(outputMode: .tfIDF)
      try rare.setVocabulary(["a", "b"], idfWeights: [1])
    }
    expectError("is larger than maxTokens, 3") {
      var small = StringLookup(maxTokens: 3)
      try small.setVocabulary(["a", "b", "c"])
    }
    var closed = StringLookup(numOOVIndices: 0)
    try closed.setVocabulary(["a", "b"])
    expectError("'x' is not in the vocabulary") { try closed(["a", "x"]) }
    #expect(try closed(["b", "a"]).elements(as: Int32.self) == [1, 0])
    expectError("cannot have 2 numbers") {
      var several = StringLookup(numOOVIndices: 2)
      try several.adapt(["a"])
    }
  }

  /// A file may be damaged, or made by hand.
  @Test(arguments: [
    (#""vocabulary":["a","b"]"#, #""vocabulary":["a","a"]"#),
    (#""num_oov_indices":1"#, #""num_oov_indices":7"#),
    (#""num_oov_indices":1"#, #""num_oov_indices":1,"max_tokens":2"#),
    (#""output_mode":"int""#, #""output_mode":"tf_idf""#),
  ]) func damagedVocabularies(_ was: String, _ damaged: String) throws {
    var lookup = StringLookup()
    try lookup.setVocabulary(["a", "b"])
    let text = String(decoding: try JSONEncoder().encode(lookup), as: UTF8.self)
    #expect(text.contains(was), "\(text)")
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(StringLookup.self, from: Data(text.replacing(was, with: damaged).utf8))
    }
  }
}
