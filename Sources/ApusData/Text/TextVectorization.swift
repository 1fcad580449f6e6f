import ApusCore

/// Texts as tensors: Keras's `TextVectorization`. Standardizes a text, splits it into tokens, joins these to n-grams if it
/// is told to, and gives each its number.
///
/// ```swift
/// var vectorization = TextVectorization(maxTokens: 1_000, outputSequenceLength: 32)
/// try vectorization.adapt(texts)
/// let ids = try vectorization(texts)  // i32[count, 32]: 0 is padding, 1 an unknown word
/// ```
///
/// It is a step before a model, and is saved with one: `InputEncoding.texts`. Names, defaults and numbers are those of
/// Keras 3.
public struct TextVectorization: Codable, Hashable, Sendable {
  /// What is done to a text first.
  public enum Standardize: String, CaseIterable, Codable, Sendable {
    case none
    /// A … Z become small; other letters stay, as in Keras.
    case lower
    /// The 32 punctuation characters of ASCII are taken out.
    case stripPunctuation = "strip_punctuation"
    case lowerAndStripPunctuation = "lower_and_strip_punctuation"
  }

  /// What a token is.
  public enum Split: String, CaseIterable, Codable, Sendable {
    /// The text.
    case none
    /// What is between blanks, tabs and ends of lines.
    case whitespace
    /// A Unicode character (scalar).
    case character
  }

  /// What is done to a text first.
  public var standardize: Standardize
  /// How a text is split into tokens.
  public var split: Split
  /// How many tokens are joined to one, for each of these numbers; nil for tokens as they are.
  public var ngramWidths: [Int]?
  /// How many numbers a text has with the output mode `.int`: the first ones, or zeros after them. Nil for as many as the
  /// longest text.
  public var outputSequenceLength: Int?
  var lookup: StringLookup

  private enum CodingKeys: String, CodingKey {
    case standardize, split, lookup
    case ngramWidths = "ngrams"
    case outputSequenceLength = "output_sequence_length"
  }

  /// - Parameters:
  ///   - maxTokens: the most numbers that tokens have, those of padding and unknown ones included; nil for all.
  ///   - ngrams: 2 for single tokens and pairs, 3 for triples, too; nil for tokens as they are.
  ///   - outputMode: `.int`, `.multiHot`, `.count` or `.tfIDF`.
  ///   - outputSequenceLength: goes with `.int`.
  ///   - padToMaxTokens: whether rows of the other modes have `maxTokens` columns in any case.
  public init(
    maxTokens: Int? = nil, standardize: Standardize = .lowerAndStripPunctuation, split: Split = .whitespace,
    ngrams: Int? = nil, outputMode: LookupMode = .int, outputSequenceLength: Int? = nil, padToMaxTokens: Bool = false
  ) {
    (self.standardize, self.split, self.outputSequenceLength) = (standardize, split, outputSequenceLength)
    // What is out of range stays as it is, for `checkSettings` to refuse.
    ngramWidths = ngrams.map { 1...64 ~= $0 ? Array(1...$0) : [$0] }
    lookup = StringLookup(
      maxTokens: maxTokens, maskToken: "", outputMode: outputMode, padToMaxTokens: padToMaxTokens)
  }

  /// The most numbers that tokens have, those of padding and unknown ones included; nil for all.
  public var maxTokens: Int? {
    get { lookup.maxTokens }
    set { lookup.maxTokens = newValue }
  }

  /// What is made of a text's tokens.
  public var outputMode: LookupMode {
    get { lookup.outputMode }
    set { lookup.outputMode = newValue }
  }

  /// Whether rows have `maxTokens` columns even if the vocabulary has fewer.
  public var padToMaxTokens: Bool {
    get { lookup.padToMaxTokens }
    set { lookup.padToMaxTokens = newValue }
  }

  /// How many numbers tokens have, those of padding (`.int` only) and unknown ones included.
  public var vocabularySize: Int { lookup.vocabularySize }

  /// The tokens in order of their numbers: `""`, `[UNK]`, the most frequent one, …
  public func vocabulary(includingSpecialTokens: Bool = true) -> [String] {
    lookup.vocabulary(includingSpecialTokens: includingSpecialTokens)
  }

  /// Whether a vocabulary was given or learned.
  public var isAdapted: Bool { !lookup.terms.isEmpty }

  /// Learns the vocabulary of texts, the most frequent tokens first.
  /// - Throws: `ApusError` for settings that contradict each other, and if the texts hold no tokens.
  public mutating func adapt(_ texts: [String]) throws {
    try checkSettings()
    try lookup.adapt(texts.map(tokens))
  }

  /// The same, ready for a data set: with a vocabulary, learned of its texts if there is none, and with one length for all,
  /// that of the longest of its texts if none is given.
  func fitted(to texts: [String]) throws -> TextVectorization {
    var result = self
    if !isAdapted { try result.adapt(texts) }
    if outputMode == .int, outputSequenceLength == nil {
      result.outputSequenceLength = max(1, texts.map { tokens(of: $0).count }.max() ?? 1)
    }
    return result
  }

  /// Takes a vocabulary that is known: `StringLookup.setVocabulary`.
  public mutating func setVocabulary(_ vocabulary: [String], idfWeights: [Float] = []) throws {
    try checkSettings()
    try lookup.setVocabulary(vocabulary, idfWeights: idfWeights)
  }

  /// Texts as numbers.
  /// - Returns: `.int`: `i32[count, length]`; else a row for each text, `f32[count, width]`.
  /// - Throws: `ApusError` if there is no vocabulary.
  public func callAsFunction(_ texts: [String]) throws -> Tensor {
    try checkSettings()
    guard outputMode == .int else { return try lookup(texts.map(tokens)) }
    let numbers = try texts.map { try lookup.numbers(of: tokens(of: $0)) }
    let length = outputSequenceLength ?? numbers.map(\.count).max() ?? 0
    var tensor = try Tensor(zeros: .i32, [texts.count, length])
    tensor.withMutableElements(as: Int32.self) { elements in
      for (row, numbers) in numbers.enumerated() {
        for (column, number) in numbers.prefix(length).enumerated() { elements[row * length + column] = number }
      }
    }
    return tensor
  }

  /// What numbers stand for: for each row its tokens, padding left out, with blanks between them unless they are characters.
  /// - Parameter numbers: `[count, length]`, as `.int` gives them.
  /// - Throws: `ApusError` if numbers are not of that form.
  public func texts(of numbers: Tensor) throws -> [String] {
    guard numbers.rank == 2 else { throw ApusError.input("numbers of texts are [count, length], not \(numbers.type)") }
    let length = numbers.dimensions[1]
    let all = try lookup.terms(of: numbers)
    return (0..<numbers.dimensions[0]).map { row in
      all[row * length..<(row + 1) * length].filter { !$0.isEmpty }.joined(separator: split == .character ? "" : " ")
    }
  }

  /// - Throws: `ApusError` for settings that contradict each other.
  func checkSettings() throws {
    try lookup.checkSettings()
    guard outputMode != .oneHot else {
      throw ApusError.input("texts have no output mode one_hot", help: "int, multi_hot, count or tf_idf")
    }
    guard outputSequenceLength == nil || outputMode == .int else {
      throw ApusError.input(
        "a sequence length belongs to the output mode int, not \(outputMode.rawValue)", help: "leave one of them out")
    }
    guard 1...(1 << 20) ~= outputSequenceLength ?? 1 else {
      throw ApusError.input(
        "texts cannot have \(outputSequenceLength ?? 0) tokens", help: "a sequence length is 1 … \(1 << 20)")
    }
    guard ngramWidths?.allSatisfy({ 1...64 ~= $0 }) ?? true, !(ngramWidths?.isEmpty ?? false) else {
      throw ApusError.input("tokens cannot be joined to n-grams of \(ngramWidths ?? [])", help: "n is 1 … 64")
    }
  }
}
