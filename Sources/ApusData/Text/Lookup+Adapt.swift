import ApusCore
import Foundation

extension Lookup {
  /// Learns the vocabulary: the most frequent terms, of equally frequent ones the last in order first, as in Keras.
  /// - Parameter samples: the terms of each sample.
  /// - Throws: `ApusError` for settings that contradict each other, and if there are no terms.
  public mutating func adapt(_ samples: [[Term]]) throws {
    try checkSettings()
    var counts = Lookup.counts(samples)
    counts[oovToken] = nil
    if let maskToken { counts[maskToken] = nil }
    guard !counts.isEmpty else { throw ApusError.input("there are no terms to learn a vocabulary of") }
    let terms = Lookup.ranked(counts).prefix((maxTokens ?? .max) - firstNumber).map(\.term)
    try take(terms, outputMode == .tfIDF ? Lookup.weights(of: terms, samples, padding: firstNumber) : [])
  }

  /// How often samples hold each term.
  static func counts(_ samples: [[Term]]) -> [Term: Int] {
    var counts: [Term: Int] = [:]
    for sample in samples { for term in sample { counts[term, default: 0] += 1 } }
    return counts
  }

  /// Terms in the order in which they get numbers.
  static func ranked(_ counts: [Term: Int]) -> [(term: Term, count: Int)] {
    counts.sorted { $0.value == $1.value ? Term.precedes($1.key, $0.key) : $0.value > $1.value }
      .map { ($0.key, $0.value) }
  }

  /// As above; each term is a sample of its own.
  public mutating func adapt(_ terms: [Term]) throws { try adapt(terms.map { [$0] }) }

  /// The inverse document frequency of each term, log(1 + N / (1 + n)) of N samples, n of which hold it.
  private static func weights(of terms: [Term], _ samples: [[Term]], padding: Int) -> [Float] {
    var holders: [Term: Int] = [:]
    for sample in samples { for term in Set(sample) { holders[term, default: 0] += 1 } }
    let count = Double(samples.count)
    return padded(terms.map { Float(log(1 + count / (1 + Double(holders[$0] ?? 0)))) }, in: padding)
  }

  // MARK: Numbers of terms

  /// `.int`: the number of each term, `i32[count]`. `.oneHot`: a row for each, `f32[count, width]`. In the other modes the terms
  /// are one sample: `f32[width]`.
  /// - Throws: `ApusError` if there is no vocabulary, or it lacks a term and `numOOVIndices` is 0.
  public func callAsFunction(_ terms: [Term]) throws -> Tensor {
    switch outputMode {
    case .int: return Tensor(try numbers(of: terms))
    case .oneHot: return try rows(terms.map { [$0] })
    case .multiHot, .count, .tfIDF: return try rows([terms]).reshaped([width])
    }
  }

  /// For each sample a row: which of its terms it holds, how often, or how often times how rare: `f32[count, width]`.
  /// With `.int` the numbers of terms, `i32[count, length]`; samples have one length then.
  /// - Throws: as above; and if samples have several lengths.
  public func callAsFunction(_ samples: [[Term]]) throws -> Tensor {
    guard outputMode == .int || outputMode == .oneHot else { return try rows(samples) }
    let length = samples.first?.count ?? 0
    guard samples.allSatisfy({ $0.count == length }), outputMode == .int || length == 1 else {
      throw ApusError.input(
        "samples of several lengths have no tensor of numbers",
        help: "fill them up with a mask token, or choose the output mode multi_hot, count or tf_idf")
    }
    return outputMode == .int ? try Tensor(samples.flatMap(numbers), [samples.count, length]) : try rows(samples)
  }

  /// The numbers of terms.
  func numbers(of terms: [Term]) throws -> [Int32] { try terms.map { Int32(try number(of: $0) ?? 0) } }

  /// The number of a term; nil for a mask token that has none.
  private func number(of term: Term) throws -> Int? {
    guard !terms.isEmpty else {
      throw ApusError.input("there is no vocabulary yet", help: "call adapt with samples, or give one: setVocabulary")
    }
    if let maskToken, term == maskToken { return outputMode == .int ? 0 : nil }
    if let position = positions[term] { return firstNumber + position }
    guard numOOVIndices > 0 else {
      throw ApusError.input(
        "'\(term)' is not in the vocabulary", help: "numOOVIndices: 1 gives such terms a number of their own")
    }
    return oovNumber
  }

  private func rows(_ samples: [[Term]]) throws -> Tensor {
    guard vocabularySize <= width, outputMode != .tfIDF || idfWeights.count == vocabularySize || terms.isEmpty else {
      throw ApusError.input(
        "the vocabulary was made with other settings than \(outputMode.rawValue) and \(width) numbers",
        help: "set the properties first, then call adapt or setVocabulary")
    }
    var tensor = try Tensor(zeros: .f32, [samples.count, width])
    try tensor.withMutableElements(as: Float.self) { elements in
      for (row, sample) in samples.enumerated() {
        for term in sample {
          guard let number = try number(of: term) else { continue }
          switch outputMode {
          case .int, .oneHot, .multiHot: elements[row * width + number] = 1
          case .count: elements[row * width + number] += 1
          case .tfIDF: elements[row * width + number] += idfWeights[number]
          }
        }
      }
    }
    return tensor
  }

  // MARK: Terms of numbers

  /// The term of each number: the mask token, the token of terms outside the vocabulary, or a term of it.
  /// - Parameter numbers: integers of any shape, whose elements are taken in order.
  /// - Throws: `ApusError` if numbers are not integers, or the mode is neither `.int` nor `.oneHot`.
  public func terms(of numbers: Tensor) throws -> [Term] {
    guard numbers.dtype.isInteger, outputMode == .int || outputMode == .oneHot else {
      throw ApusError.input(
        "terms have whole numbers, not \(numbers.type)", help: "outputMode: .int gives such numbers")
    }
    return numbers.doubles().map { number in
      if oovNumber == 1, number == 0, let maskToken { return maskToken }
      guard let position = Int(exactly: number - Double(firstNumber)), terms.indices.contains(position) else {
        return oovToken
      }
      return terms[position]
    }
  }
}
