import ApusCore
import ApusGraph
import ApusOperators

/// Models of sequences of token ids.
extension ModelZoo {
  static let encoder = Entry(
    name: "encoder",
    summary: """
      // A transformer encoder (Vaswani et al. 2017): 128 ids of 8,192, learned positions, four layers with 8 heads of 64
      // and a feed-forward part of 2,048, normalized after each sum.
      // 16,870,400 parameters.
      """, readsSmallImages: false
  ) {
    let ids = Input([128], dtype: .i32, name: "ids")
    var x = TokenAndPositionEmbedding(
      vocabularySize: 8192, sequenceLength: 128, embeddingDim: 512, name: "embedding")(ids)
    x = norm(x, "embedding_norm")
    for layer in 1...4 {
      let name = "layer\(layer)"
      let attended = MultiHeadAttention(numHeads: 8, keyDim: 64, name: name + "_attention")(x, value: x)
      x = norm(Add(name: name + "_attended")([x, attended]), name + "_attention_norm")
      x = norm(
        Add(name: name + "_fed")([x, feedForward(x, 2048, .gelu, name + "_feed")]), name + "_feed_norm")
    }
    return try Model(name: "encoder", ids, x)
  }

  static let gpt = Entry(
    name: "gpt",
    summary: """
      // A transformer decoder in the form of GPT-2 (Radford et al. 2019), small: 64 ids of 96, learned positions, four
      // layers with 4 heads of 64 and a feed-forward part of 1,024, normalized before each part; probabilities of each
      // next id.
      // 3,225,184 parameters.
      """, readsSmallImages: false
  ) {
    let ids = Input([64], dtype: .i32, name: "ids")
    var x = TokenAndPositionEmbedding(
      vocabularySize: 96, sequenceLength: 64, embeddingDim: 256, name: "embedding")(ids)
    for layer in 1...4 {
      let name = "layer\(layer)"
      let normal = norm(x, name + "_attention_norm")
      let attended = MultiHeadAttention(numHeads: 4, keyDim: 64, name: name + "_attention")(
        normal, value: normal, useCausalMask: true)
      x = Add(name: name + "_attended")([x, attended])
      x = Add(name: name + "_fed")([x, feedForward(norm(x, name + "_feed_norm"), 1024, .geluTanh, name + "_feed")])
    }
    return try Model(
      name: "gpt", ids, Dense(96, activation: .softmax, name: "output")(norm(x, "output_norm")))
  }

  private static func norm(_ x: SymbolicTensor, _ name: String) -> SymbolicTensor {
    LayerNormalization(epsilon: 1e-5, name: name)(x)
  }

  /// Two dense layers, to `inner` features and back to a model's own.
  private static func feedForward(
    _ x: SymbolicTensor, _ inner: Int, _ activation: ActivationFunction, _ name: String
  ) -> SymbolicTensor {
    Dense(inner / 4, name: name + "_out")(Dense(inner, activation: activation, name: name + "_in")(x))
  }
}
