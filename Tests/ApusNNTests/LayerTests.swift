import Apus
import Testing

/// Layers as a user of Apus writes them: this file imports nothing else.
@Suite struct LayerTests {
  /// Operators have some of these names as well; for a user of Apus they are layers.
  @Test func namesOfLayersAreLayers() throws {
    let layers: [any Layer] = [
      Activation(.relu), Dense(2), Dropout(0.5), Flatten(), Reshape([2, 2]), Rescaling(scale: 2),
    ]
    #expect(
      layers.map { type(of: $0).typeName } == ["Activation", "Dense", "Dropout", "Flatten", "Reshape", "Rescaling"])
    #expect(layers.allSatisfy { $0.name == nil })
  }

  @Test func summaryOfAModel() throws {
    let model = try Sequential(name: "digits", input: [28, 28], dtype: .u8) {
      Rescaling(scale: 1 / 255)
      Reshape([-1, 56])
      Flatten()
      Dense(128, activation: .relu)
      Dropout(0.2)
      Dense(10, useBias: false, name: "scores")
      Activation(.softmax)
    }
    #expect(
      model.summary() == """
        Model: "digits"
        ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓
        ┃ Layer (type)                         ┃ Output Shape                ┃         Param # ┃
        ┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩
        │ rescaling (Rescaling)                │ (None, 28, 28)              │               0 │
        ├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
        │ reshape (Reshape)                    │ (None, 14, 56)              │               0 │
        ├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
        │ flatten (Flatten)                    │ (None, 784)                 │               0 │
        ├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
        │ dense (Dense)                        │ (None, 128)                 │         100,480 │
        ├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
        │ dropout (Dropout)                    │ (None, 128)                 │               0 │
        ├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
        │ scores (Dense)                       │ (None, 10)                  │           1,280 │
        ├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
        │ activation (Activation)              │ (None, 10)                  │               0 │
        └──────────────────────────────────────┴─────────────────────────────┴─────────────────┘
         Total params: 101,760 (397.50 KB)
         Trainable params: 101,760 (397.50 KB)
         Non-trainable params: 0 (0.00 B)

        """)
    #expect(model.parameterCount == 101_760)
  }

  @Test func automaticNamesAreNumbered() throws {
    let model = try Sequential(input: [4]) {
      Dense(3)
      Dense(3, name: "dense_1")
      Dense(3)
      Dropout(0.5)
    }
    let names = model.graph.variables.map(\.declaration.label)
    #expect(
      names == [
        "dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias", "dense_2/kernel", "dense_2/bias",
      ])
  }

  /// The message of what building a model with these layers throws.
  private func refusal(input: [Int] = [4, 4], @LayerBuilder _ layers: () -> [any Layer]) -> String {
    do {
      let model = try Sequential(input: input, layers)
      return "built: \(model.graph)"
    } catch let error as ApusError {
      return error.fault == .input ? error.description : "not the input's fault: \(error)"
    } catch { return "not an ApusError: \(error)" }
  }

  @Test func refusalsNameTheLayer() {
    #expect(refusal { Dense(0) }.contains("layer 'dense': the number of units must be positive, not 0"))
    #expect(refusal(input: []) { Dense(2) }.contains("layer 'dense': the input must be (batch, …, features)"))
    for rate in [-0.1, 1, Double.nan] {
      #expect(refusal { Dropout(rate) }.contains("layer 'dropout': the rate must be at least 0 and below 1"))
    }
    for momentum in [-0.1, 1.5, Double.nan] {
      #expect(
        refusal { BatchNormalization(momentum: momentum) }.contains(
          "layer 'batch_normalization': the momentum must be at least 0 and at most 1, not \(momentum)"))
    }
    #expect(refusal { BatchNormalization(epsilon: -1) }.contains("epsilon must be at least 0, not -1.0"))
    #expect(refusal { LayerNormalization(epsilon: -1) }.contains("epsilon must be at least 0, not -1.0"))
    #expect(
      refusal { Dense(2, kernelInitializer: .normal(mean: 0, deviation: -1)) }.contains(
        "'deviation' must be at least 0, not -1.0"))
    for shape in [[3, -1], [-1, -1], [0, -1], [5], [-2, -8], [Int.max, -1]] {
      let message = refusal { Reshape(shape) }
      #expect(message.contains("layer 'reshape': a sample of shape [4, 4] cannot become \(shape)"), "\(message)")
    }
    #expect(refusal { Flatten(name: "a b") }.contains("'a b' is not a name for a layer\n  help: as 'a_b'"))
    #expect(
      refusal {
        Flatten(name: "a")
        Dense(2, name: "a")
      }.contains("two layers are named 'a'"))
    #expect(!refusal(input: [-3]) { Flatten() }.hasPrefix("built"))
    #expect(!refusal(input: [Int.max, 2]) { Flatten() }.hasPrefix("built"))
  }

  @Test func layersComputeWhatTheySay() throws {
    let model = try Sequential(input: [2, 3]) {
      Rescaling(scale: 2, offset: 1)
      Reshape([3, -1])
      Activation(.relu)
      Dropout(0.5)
      Flatten()
    }
    let x = try Tensor([-1, 0, 1, 2, -3, 4] as [Float], [1, 2, 3])
    let graph = try model.graph.bound(to: .inference)
    #expect(try Session().run(graph, feeds: ["input": x])[0] == Tensor([0, 1, 3, 5, 0, 9] as [Float], [1, 6]))
  }

  @Test func listsMayHoldConditionsAndLoops() throws {
    func widths(deep: Bool) throws -> [String] {
      let model = try Sequential(input: [2]) {
        if deep { for units in [5, 4] { Dense(units) } } else { Dense(3) }
        if deep { Dropout(0.1) }
        Dense(1)
      }
      return model.graph.variables.filter { $0.declaration.label.hasSuffix("kernel") }
        .map { "\($0.declaration.type.shape)" }
    }
    #expect(try widths(deep: true) == ["[2, 5]", "[5, 4]", "[4, 1]"])
    #expect(try widths(deep: false) == ["[2, 3]", "[3, 1]"])
  }
}
