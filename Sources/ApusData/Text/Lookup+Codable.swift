import ApusCore

extension Lookup: Codable {
  private enum CodingKeys: String, CodingKey {
    case terms = "vocabulary"
    case maxTokens = "max_tokens"
    case numOOVIndices = "num_oov_indices"
    case maskToken = "mask_token"
    case oovToken = "oov_token"
    case outputMode = "output_mode"
    case padToMaxTokens = "pad_to_max_tokens"
    case idfWeights = "idf_weights"
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encodeIfPresent(maxTokens, forKey: .maxTokens)
    try container.encode(numOOVIndices, forKey: .numOOVIndices)
    try container.encodeIfPresent(maskToken, forKey: .maskToken)
    try container.encode(oovToken, forKey: .oovToken)
    try container.encode(outputMode, forKey: .outputMode)
    try container.encode(padToMaxTokens, forKey: .padToMaxTokens)
    try container.encode(terms, forKey: .terms)
    if !idfWeights.isEmpty { try container.encode(idfWeights, forKey: .idfWeights) }
  }

  /// - Throws: `DecodingError`, also for a vocabulary that cannot be one: a file may be damaged, or made by hand.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      maxTokens: try container.decodeIfPresent(Int.self, forKey: .maxTokens),
      numOOVIndices: try container.decode(Int.self, forKey: .numOOVIndices),
      maskToken: try container.decodeIfPresent(Term.self, forKey: .maskToken),
      oovToken: try container.decode(Term.self, forKey: .oovToken),
      outputMode: try container.decode(LookupMode.self, forKey: .outputMode),
      padToMaxTokens: try container.decode(Bool.self, forKey: .padToMaxTokens))
    let terms = try container.decode([Term].self, forKey: .terms)
    let weights = try container.decodeIfPresent([Float].self, forKey: .idfWeights) ?? []
    do {
      try checkSettings()
      try take(terms, weights)
    } catch let error as ApusError {
      throw DecodingError.dataCorrupted(.init(codingPath: container.codingPath, debugDescription: error.message))
    }
    let isFitting =
      terms.isEmpty
      ? weights.isEmpty
      : firstNumber + terms.count <= maxTokens ?? .max
        && weights.count == (outputMode == .tfIDF ? firstNumber + terms.count : 0)
    guard isFitting else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: container.codingPath, debugDescription: "vocabulary, weights and max_tokens do not agree"))
    }
  }
}
