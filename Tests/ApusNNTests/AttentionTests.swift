import Apus
import Foundation
import TestSupport
import Testing

/// Attention and embedding layers against Keras: outputs, and gradients by every variable and input.
@Suite struct AttentionTests {
  struct Stored: Decodable {
    let shape: [Int]
    let data: [Double]

    func tensor(_ dtype: DType) throws -> Tensor {
      switch dtype {
      case .bool: try Tensor(data.map { $0 != 0 }, shape)
      case .i32: try Tensor(data.map { Int32($0) }, shape)
      case .f64: try Tensor(data, shape)
      default: try Tensor(data.map { Float($0) }, shape)
      }
    }
  }

  struct Settings: Decodable {
    let numHeads, keyDim, valueDim, inputDim, outputDim: Int?
    let useBias, useScale: Bool?
    let outputShape: [Int]?
    let scoreMode: String?
  }

  struct Case: Decodable {
    let name: String
    let settings: Settings
    let causal: Bool
    let inputs, masks, variables, variableGradients, inputGradients: [String: Stored]
    let cotangent, output: Stored

    /// The layer of the name's first word.
    func layer() throws -> any ModelLayer {
      let s = settings
      switch name.split(separator: " ")[0] {
      case "MultiHeadAttention":
        return MultiHeadAttention(
          numHeads: try #require(s.numHeads), keyDim: try #require(s.keyDim), valueDim: s.valueDim,
          useBias: s.useBias ?? true, outputShape: s.outputShape)
      case "Attention":
        return Attention(
          useScale: s.useScale ?? false, scoreMode: s.scoreMode.flatMap { ScoreMode(rawValue: $0) } ?? .dot)
      case "AdditiveAttention": return AdditiveAttention(useScale: s.useScale ?? true)
      default: return Embedding(try #require(s.inputDim), try #require(s.outputDim))
      }
    }

    /// The layer over all inputs and masks of the case, whose names are those of the model's inputs.
    func model(_ dtype: DType) throws -> Model {
      var inputs: [String: SymbolicTensor] = [:]
      for (key, x) in self.inputs {
        inputs[key] = Input(Array(x.shape.dropFirst()), dtype: settings.inputDim == nil ? dtype : .i32, name: key)
      }
      for (key, x) in masks { inputs[key] = Input(Array(x.shape.dropFirst()), dtype: .bool, name: key) }
      let query = try #require(inputs["query"])
      let layer = try layer()
      let output: SymbolicTensor
      if let attention = layer as? any AttentionLayer {
        output = attention(
          query, value: try #require(inputs["value"]), key: inputs["key"], queryMask: inputs["query_mask"],
          valueMask: inputs["value_mask"], attentionMask: inputs["attention_mask"], useCausalMask: causal)
      } else {
        let plain = try #require(layer as? any Layer)
        output = plain(query)
      }
      return try Model(inputs: inputs.sorted { $0.key < $1.key }.map(\.value), outputs: [output])
    }
  }

  static func cases() throws -> [Case] { try resource("attention.json") }

  /// Outputs, and the gradients of Σ cotangent · output, of one case by one backend.
  private func check(_ c: Case, _ dtype: DType, _ backend: any Backend, tolerance: Double) throws {
    let graph = try c.model(dtype).graph.bound(to: .inference).specialized(["batch": 2])
    let builder = GraphBuilder(extending: graph)
    let output = builder.value(graph.outputs[0])
    let loss = try (output * builder.constant(c.cotangent.tensor(dtype))).sum()
    let parameters = graph.parameters.filter { graph.type(of: $0).dtype.isFloating }
    let values = graph.variables.map(\.id) + parameters
    let found = try gradients(of: loss, withRespectTo: values.map { builder.value($0) })
    let session = Session(backend: backend)
    let program = try session.load(builder.build([output] + found))
    let layer = graph.variables.first.map { $0.declaration.label.prefix { $0 != "/" } } ?? ""
    for (name, value) in c.variables { try session.setValue(value.tensor(dtype), of: "\(layer)/\(name)") }
    #expect(graph.variables.count == c.variables.count)
    let feeds = try graph.parameters.map { id -> Tensor in
      let stored = try #require(c.inputs[graph.name(of: id) ?? ""] ?? c.masks[graph.name(of: id) ?? ""])
      return try stored.tensor(graph.type(of: id).dtype)
    }
    let results = try program.run(feeds)
    let expected =
      try [c.output]
      + graph.variables.map {
        try #require(c.variableGradients[String($0.declaration.label.dropFirst(layer.count + 1))])
      }
      + parameters.map { try #require(c.inputGradients[graph.name(of: $0) ?? ""]) }
    for (position, (result, wanted)) in zip(results, expected).enumerated() {
      let by = "\(backend.name), \(dtype)"
      let what = position == 0 ? "output" : "gradient by \(graph.label(of: values[position - 1]))"
      #expect(result.dimensions == wanted.shape, "\(c.name): \(what)")
      for (x, y) in zip(result.doubles(), wanted.data) {
        #expect(abs(x - y) <= tolerance * max(1, abs(y)), "\(c.name), \(by): \(what): \(x), not \(y)")
      }
    }
  }

  @Test func layersAgreeWithKeras() throws {
    for c in try Self.cases() {
      // Embeddings are f32. Keras's tanh is single precision, whatever it is given.
      let isExact = c.settings.scoreMode == nil && !c.name.hasPrefix("Additive")
      if c.settings.inputDim == nil { try check(c, .f64, InterpreterBackend(), tolerance: isExact ? 2e-9 : 3e-7) }
      try check(c, .f32, InterpreterBackend(), tolerance: 1e-5)
      if NativeBackend.isAvailable { try check(c, .f32, NativeBackend(workers: 2, verifies: true), tolerance: 1e-5) }
    }
  }

  /// What every layer is tried with at least once.
  @Test func casesCoverTheSettings() throws {
    let cases = try Self.cases()
    #expect(cases.count == 19)
    for name in ["MultiHeadAttention", "Attention", "AdditiveAttention", "Embedding"] {
      #expect(cases.contains { $0.name.hasPrefix(name + " ") })
    }
  }

  @Test func positionsAreAdded() throws {
    let table = try counted([4, 2])
    let x = try Tensor(repeating: 0, .f32, [2, 3, 2])
    let y = try output(of: PositionEmbedding(4), x, variables: ["position_embeddings": table])
    #expect(y == (try Tensor([1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6] as [Float], [2, 3, 2])))

    let ids = try Tensor([2, 0, 1, 1] as [Int32], [2, 2])
    let both = TokenAndPositionEmbedding(vocabularySize: 3, sequenceLength: 2, embeddingDim: 2)
    let sum = try output(
      of: both, ids,
      variables: ["embeddings": counted([3, 2], scale: 100), "position_embeddings": counted([2, 2])])
    #expect(sum == (try Tensor([501, 602, 103, 204, 301, 402, 303, 404] as [Float], [2, 2, 2])))
  }

  /// An id that is out of range, and one that would count from the end, are errors.
  @Test(arguments: [3, -1]) func idsAreChecked(_ id: Int32) throws {
    let ids = try Tensor([0, id], [1, 2])
    expectError("out of range") { _ = try output(of: Embedding(3, 2), ids) }
    guard NativeBackend.isAvailable else { return }
    let input = Input([2], dtype: .i32)
    let model = try Model(input, Embedding(3, 2)(input))
    expectError("labels and indices must lie in 0 … 2") {
      _ = try Session(backend: NativeBackend()).load(model.graph.bound(to: .inference)).run([ids])
    }
  }

  /// In training weights are dropped, by the seed; in inference they are not.
  @Test func dropoutIsForTraining() throws {
    func results(_ mode: Mode, dropout: Double, seed: UInt64? = nil) throws -> Tensor {
      let input = Input([6, 4], name: "x")
      let layer = MultiHeadAttention(numHeads: 2, keyDim: 3, dropout: dropout, seed: seed, name: "attention")
      let graph = try Model(input, layer(input, value: input)).graph.bound(to: mode)
      return try Session(backend: InterpreterBackend(), seed: 4).load(graph).run([counted([1, 6, 4], scale: 0.1)])[0]
    }
    let plain = try results(.training, dropout: 0)
    #expect(try results(.inference, dropout: 0.5) == plain)
    #expect(try results(.training, dropout: 0.5) != plain)
    #expect(try results(.training, dropout: 0.5) == results(.training, dropout: 0.5))
    #expect(try results(.training, dropout: 0.5, seed: 9) != results(.training, dropout: 0.5))
  }

  /// A causal layer's output at a position does not depend on later ones, to the bit.
  @Test func theFutureIsHidden() throws {
    let input = Input([5, 4], name: "x")
    let layer = MultiHeadAttention(numHeads: 2, keyDim: 3, name: "attention")
    let graph = try Model(input, layer(input, value: input, useCausalMask: true)).graph.bound(to: .inference)
    let backends: [any Backend] = [InterpreterBackend()] + (NativeBackend.isAvailable ? [NativeBackend()] : [])
    for backend in backends {
      let program = try Session(backend: backend).load(graph)
      var elements = try counted([1, 5, 4], scale: 0.1).elements(as: Float.self)
      let before = try program.run([Tensor(elements, [1, 5, 4])])[0].elements(as: Float.self)
      for position in 12..<20 { elements[position] = 7 }
      let after = try program.run([Tensor(elements, [1, 5, 4])])[0].elements(as: Float.self)
      #expect(before[..<12] == after[..<12])
      #expect(before[12...] != after[12...])
    }
  }

  @Test func refusalsNameTheLayer() throws {
    func refused(_ query: [Int], _ value: [Int], mask: [Int]? = nil, _ layer: some AttentionLayer) -> String {
      let mask = mask.map { Input($0, dtype: .bool) }
      let (query, value) = (Input(query), Input(value))
      return refusal {
        try Model(
          inputs: [query, value] + [mask].compactMap(\.self),
          outputs: [layer(query, value: value, attentionMask: mask)])
      }
    }
    let heads = MultiHeadAttention(numHeads: 2, keyDim: 3)
    #expect(refused([4], [4, 3], heads).contains("layer 'multi_head_attention': query, value and key must be"))
    #expect(
      refused([4, 3], [5, 3], mask: [5, 4], heads).contains(
        "the attention mask must have the shape [batch, 4, 5], not bool[batch, 5, 4]"))
    #expect(
      refused([4, 3], [4, 3], MultiHeadAttention(numHeads: 0, keyDim: 3)).contains(
        "the number of heads must be positive, not 0"))
    #expect(
      refused([4, 3], [4, 3], MultiHeadAttention(numHeads: 2, keyDim: 3, outputShape: [2, -1])).contains(
        "each axis of the output must be positive, not -1"))
    #expect(
      refused([4, 3], [4, 3], MultiHeadAttention(numHeads: 2, keyDim: 3, dropout: 1)).contains(
        "the rate of dropout must be at least 0 and below 1"))
    #expect(refused([4, 3], [4, 2], Attention()).contains("layer 'attention': the features of query and key must be"))
    let input = Input([4, 3])
    #expect(
      refusal { try Model(input, Attention()([input])) }.contains("takes query, value and perhaps a key, not 1 inputs"))
    let long = Input([4, 3])
    #expect(refusal { try Model(long, PositionEmbedding(3)(long)) }.contains("4 positions, but only 3 have a vector"))
    #expect(refusal { try Model(long, Embedding(0, 2)(long)) }.contains("the number of ids must be positive, not 0"))
  }
}
