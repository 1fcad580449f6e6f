import ApusCore

/// What a `Lookup` makes of terms.
public enum LookupMode: String, CaseIterable, Codable, Sendable {
  /// The number of each term.
  case int
  /// For each term a row with a 1 at its number.
  case oneHot = "one_hot"
  /// For each sample a row with a 1 at the number of each term in it.
  case multiHot = "multi_hot"
  /// For each sample how often it holds each term.
  case count
  /// As `count`, each times the logarithm of how rare the term is among samples.
  case tfIDF = "tf_idf"
}

/// A value that can have a number: a string or an integer.
public protocol LookupTerm: Hashable, Codable, Sendable {
  /// The order of terms that are equally frequent: the later one comes first, as in Keras.
  static func precedes(_ a: Self, _ b: Self) -> Bool
}

extension String: LookupTerm {
  /// By their bytes in UTF-8.
  public static func precedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
}

extension Int: LookupTerm {
  public static func precedes(_ a: Int, _ b: Int) -> Bool { a < b }
}

/// Numbers for terms, and terms for numbers: Keras's `StringLookup`. Equal strings are those that Unicode calls equal.
public typealias StringLookup = Lookup<String>
/// Numbers for integers that are names, such as postal codes: Keras's `IntegerLookup`.
public typealias IntegerLookup = Lookup<Int>

/// Numbers for terms: those of a vocabulary that is given, or learned by `adapt`.
///
/// With `outputMode` `.int`, a mask token (if there is one) is 0, terms outside the vocabulary are the number after it, and the
/// vocabulary follows, the most frequent term first. In the other modes the mask token counts nothing, and has no number.
/// Names, defaults and numbers are those of Keras 3, with at most one number for terms outside the vocabulary.
public struct Lookup<Term: LookupTerm>: Hashable, Sendable {
  /// The most numbers that terms have, special ones included; nil for all.
  public var maxTokens: Int?
  /// How many numbers terms outside the vocabulary have: 1, or 0, which makes them an error.
  public var numOOVIndices: Int
  /// The term that fills up samples; nil if there is none.
  public var maskToken: Term?
  /// What `terms(of:)` says for a number outside the vocabulary.
  public var oovToken: Term
  /// What is made of terms.
  public var outputMode: LookupMode
  /// Whether rows have `maxTokens` columns even if the vocabulary has fewer.
  public var padToMaxTokens: Bool
  /// The vocabulary without special tokens, in order of numbers.
  public internal(set) var terms: [Term] = []
  /// What `.tfIDF` multiplies counts by, for each number; empty in other modes.
  public internal(set) var idfWeights: [Float] = []
  /// Where a term is in `terms`.
  var positions: [Term: Int] = [:]

  /// - Parameters: as the properties.
  public init(
    maxTokens: Int? = nil, numOOVIndices: Int = 1, maskToken: Term? = nil, oovToken: Term,
    outputMode: LookupMode = .int, padToMaxTokens: Bool = false
  ) {
    (self.maxTokens, self.numOOVIndices, self.outputMode) = (maxTokens, numOOVIndices, outputMode)
    (self.maskToken, self.oovToken, self.padToMaxTokens) = (maskToken, oovToken, padToMaxTokens)
  }

  /// The number of terms outside the vocabulary.
  var oovNumber: Int { maskToken != nil && outputMode == .int ? 1 : 0 }
  /// The number of the vocabulary's first term.
  var firstNumber: Int { oovNumber + numOOVIndices }

  /// How many numbers there are, those of special tokens included.
  public var vocabularySize: Int { firstNumber + terms.count }

  /// How many columns rows have.
  public var width: Int { padToMaxTokens ? maxTokens ?? vocabularySize : vocabularySize }

  /// The terms in order of their numbers.
  public func vocabulary(includingSpecialTokens: Bool = true) -> [Term] {
    guard includingSpecialTokens else { return terms }
    let mask = oovNumber == 1 ? [maskToken].compactMap(\.self) : []
    return mask + Array(repeating: oovToken, count: numOOVIndices) + terms
  }

  /// Takes a vocabulary that is known.
  /// - Parameters:
  ///   - vocabulary: with the special tokens before all others, or without any.
  ///   - idfWeights: for `.tfIDF`, as many as `vocabulary`.
  /// - Throws: `ApusError` if a term is there twice, the mask token is among them, they are more than `maxTokens`, or
  ///   weights are missing, too many or not finite.
  public mutating func setVocabulary(_ vocabulary: [Term], idfWeights: [Float] = []) throws {
    try checkSettings()
    guard !vocabulary.isEmpty else { throw ApusError.input("a vocabulary has at least one term") }
    guard (outputMode == .tfIDF) == !idfWeights.isEmpty, idfWeights.isEmpty || idfWeights.count == vocabulary.count,
      idfWeights.allSatisfy(\.isFinite)
    else {
      throw ApusError.input(
        "a vocabulary of \(vocabulary.count) terms has \(idfWeights.count) weights of rarity",
        help: "output mode tf_idf needs a finite number for each, and the others none")
    }
    let special = Lookup(of: self).vocabulary()
    let isComplete = vocabulary.starts(with: special)
    let terms = isComplete ? Array(vocabulary.dropFirst(special.count)) : vocabulary
    if let maskToken, terms.contains(maskToken) {
      throw ApusError.input(
        "the mask token '\(maskToken)' is in the vocabulary",
        help: "special tokens come first, as in vocabulary(), or are left out")
    }
    guard maxTokens ?? .max >= firstNumber + terms.count else {
      throw ApusError.input(
        "a vocabulary of \(firstNumber + terms.count) numbers is larger than maxTokens, \(maxTokens ?? 0)")
    }
    let padding = isComplete ? 0 : special.count
    try take(terms, Lookup.padded(idfWeights, in: padding))
  }

  /// Without a vocabulary.
  private init(of other: Lookup) {
    self = other
    (terms, idfWeights, positions) = ([], [], [:])
  }

  /// Weights for special tokens before those of terms: their mean, as nothing is known of them.
  static func padded(_ weights: [Float], in count: Int) -> [Float] {
    guard !weights.isEmpty else { return [] }
    let mean = weights.reduce(0) { $0 + Double($1) } / Double(weights.count)
    return Array(repeating: Float(mean), count: count) + weights
  }

  mutating func take(_ terms: [Term], _ weights: [Float]) throws {
    var positions: [Term: Int] = [:]
    for (position, term) in terms.enumerated() where positions.updateValue(position, forKey: term) != nil {
      throw ApusError.input("the vocabulary holds '\(term)' twice")
    }
    (self.terms, self.positions, idfWeights) = (terms, positions, weights)
  }

  /// - Throws: `ApusError` for settings that contradict each other.
  func checkSettings() throws {
    guard maxTokens ?? .max > 1 else {
      throw ApusError.input("the number of tokens cannot be \(maxTokens ?? 0)", help: "maxTokens is at least 2")
    }
    guard 0...1 ~= numOOVIndices else {
      throw ApusError.input(
        "terms outside the vocabulary cannot have \(numOOVIndices) numbers",
        help: "numOOVIndices is 1, or 0, which makes them an error")
    }
    guard !padToMaxTokens || maxTokens != nil else {
      throw ApusError.input("rows cannot be padded to maxTokens, which is not given", help: "give maxTokens")
    }
    guard maxTokens ?? .max > firstNumber else {
      throw ApusError.input(
        "\(maxTokens ?? 0) tokens leave none for the vocabulary", help: "maxTokens is at least \(firstNumber + 1)")
    }
  }
}

extension Lookup<String> {
  /// Terms outside the vocabulary are read as `[UNK]`.
  public init(
    maxTokens: Int? = nil, numOOVIndices: Int = 1, maskToken: String? = nil, outputMode: LookupMode = .int,
    padToMaxTokens: Bool = false
  ) {
    self.init(
      maxTokens: maxTokens, numOOVIndices: numOOVIndices, maskToken: maskToken, oovToken: "[UNK]",
      outputMode: outputMode, padToMaxTokens: padToMaxTokens)
  }
}

extension Lookup<Int> {
  /// Terms outside the vocabulary are read as -1.
  public init(
    maxTokens: Int? = nil, numOOVIndices: Int = 1, maskToken: Int? = nil, outputMode: LookupMode = .int,
    padToMaxTokens: Bool = false
  ) {
    self.init(
      maxTokens: maxTokens, numOOVIndices: numOOVIndices, maskToken: maskToken, oovToken: -1, outputMode: outputMode,
      padToMaxTokens: padToMaxTokens)
  }
}
