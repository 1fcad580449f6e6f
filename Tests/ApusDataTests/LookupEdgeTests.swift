import ApusCore
import ApusData
import Foundation
import TestSupport
import Testing

/// Vocabularies whose settings change, numbers that are none of theirs, and rows that do not fit together.
@Suite struct LookupEdgeTests {
  private static func adapted() throws -> TextVectorization {
    var words = TextVectorization(maxTokens: 6)
    try words.adapt(["a b c d", "a b c", "a b"])
    return words
  }

  /// A vocabulary that was made with other settings is refused, and read past nowhere.
  @Test func settingsThatChangeAfterwards() throws {
    var rare = try Self.adapted()
    rare.outputMode = .tfIDF
    #expect(throws: ApusError.self) { try rare(["a b"]) }
    var narrow = try Self.adapted()
    narrow.outputMode = .count
    narrow.padToMaxTokens = true
    narrow.maxTokens = 3
    #expect(throws: ApusError.self) { try narrow(["a b", "c d"]) }
    // One that fits is not.
    var count = try Self.adapted()
    count.outputMode = .count
    #expect(try count(["a b a"]).doubles().reduce(0, +) == 3)
  }

  @Test func numbersThatNoTermHas() throws {
    var lookup = StringLookup()
    try lookup.setVocabulary(["x", "y"])
    let numbers = Tensor([Int64.max, .min, -1, 0, 1, 2, 3])
    #expect(try lookup.terms(of: numbers) == ["[UNK]", "[UNK]", "[UNK]", "[UNK]", "x", "y", "[UNK]"])
  }

  @Test(arguments: [Int.max, Int.min, 65, 0, -1]) func ngramsOutOfRange(_ n: Int) throws {
    var words = TextVectorization(ngrams: n)
    #expect(throws: ApusError.self) { try words.adapt(["a b"]) }
  }

  @Test func damagedSettings() throws {
    var lookup = StringLookup()
    try lookup.setVocabulary(["x"])
    let text = String(decoding: try JSONEncoder().encode(lookup), as: UTF8.self)
    #expect(try JSONDecoder().decode(StringLookup.self, from: Data(text.utf8)) == lookup)
    let damaged = text.replacing("\"num_oov_indices\":1", with: "\"num_oov_indices\":\(Int.max)")
    #expect(damaged != text)
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(StringLookup.self, from: Data(damaged.utf8)) }
  }

  @Test func namesOfClassesThatAreThereTwice() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("x,y\n1,liked\n2,disliked\n", as: "table.csv")
    let encoding = try #require(DataReader.load(path).encoding)
    #expect(encoding.isValid)
    let text = String(decoding: try JSONEncoder().encode(encoding), as: UTF8.self)
    let damaged = text.replacing("\"disliked\"", with: "\"liked\"")
    #expect(damaged != text)
    #expect(try !JSONDecoder().decode(InputEncoding.self, from: Data(damaged.utf8)).isValid)
  }

  @Test func rowsAreJoined() throws {
    let (a, b) = (Tensor([1, 2] as [Float]), Tensor([3] as [Float]))
    #expect(try Tensor.joiningRows([a, b, a]).elements(as: Float.self) == [1, 2, 3, 1, 2])
    #expect(throws: ApusError.self) { try Tensor.joiningRows([a, Tensor([3] as [UInt8])]) }
    #expect(throws: ApusError.self) { try Tensor.joiningRows([a.reshaped([1, 2]), a.reshaped([2, 1])]) }
    #expect(throws: ApusError.self) { try Tensor.joiningRows([]) }
  }
}
