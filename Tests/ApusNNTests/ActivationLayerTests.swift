import Apus
import Foundation
import Testing

/// Activations with parameters, and normalization of samples.
@Suite struct ActivationLayerTests {
  private let x: [Float] = [-4, -1, -0.5, 0, 0.5, 1, 3, 8]

  private func expect(_ layer: any Layer, _ formula: (Float) -> Float) throws {
    let y = try output(of: layer, Tensor(x, [1, 8])).elements(as: Float.self)
    for (value, input) in zip(y, x) { #expect(abs(value - formula(input)) < 1e-6, "\(layer) of \(input)") }
  }

  @Test func rectifiers() throws {
    try expect(ReLU()) { max($0, 0) }
    try expect(ReLU(maxValue: 6)) { min(max($0, 0), 6) }
    try expect(ReLU(maxValue: 2)) { min(max($0, 0), 2) }
    try expect(ReLU(threshold: 1)) { $0 >= 1 ? $0 : 0 }
    try expect(ReLU(maxValue: 2, negativeSlope: 0.5, threshold: 1)) { min($0 >= 1 ? $0 : ($0 - 1) * 0.5, 2) }
    try expect(LeakyReLU()) { $0 > 0 ? $0 : 0.3 * $0 }
    try expect(LeakyReLU(negativeSlope: 0.1)) { $0 > 0 ? $0 : 0.1 * $0 }
    try expect(ELU()) { $0 > 0 ? $0 : exp($0) - 1 }
    try expect(ELU(alpha: 2)) { $0 > 0 ? $0 : 2 * (exp($0) - 1) }
  }

  @Test func rectifiersThatDoNotFit() throws {
    let x = try Tensor(x, [1, 8])
    #expect(
      refusal { try output(of: ReLU(maxValue: -1), x) }.contains(
        "layer 're_lu': the maximum must be a finite number, at least 0, not -1.0"))
    #expect(refusal { try output(of: ReLU(negativeSlope: .nan), x) }.contains("the slope must be"))
    #expect(refusal { try output(of: ReLU(threshold: -1), x) }.contains("the threshold must be"))
    #expect(refusal { try output(of: LeakyReLU(negativeSlope: -1), x) }.contains("layer 'leaky_re_lu': the slope"))
    #expect(refusal { try output(of: ELU(alpha: .infinity), x) }.contains("layer 'elu': alpha must be"))
  }

  @Test func slopesAreLearned() throws {
    let x = try Tensor([-1, -2, 3, -4] as [Float], [1, 2, 2])
    #expect(try output(of: PReLU(), x).doubles() == [0, 0, 3, 0])
    let own = try Tensor([0.5, 1, 1, 0.25] as [Float], [2, 2])
    #expect(try output(of: PReLU(), x, variables: ["alpha": own]) == Tensor([-0.5, -2, 3, -1] as [Float], [1, 2, 2]))
    let shared = try Tensor([0.5, 0.25] as [Float], [1, 2])
    #expect(
      try output(of: PReLU(sharedAxes: [1]), x, variables: ["alpha": shared])
        == Tensor([-0.5, -0.5, 3, -1] as [Float], [1, 2, 2]))
    #expect(try Sequential(input: [4, 4, 3]) { PReLU() }.parameterCount == 48)
    #expect(try Sequential(input: [4, 4, 3]) { PReLU(sharedAxes: [1, 2]) }.parameterCount == 3)
    for axes in [[0], [3], [-1]] {
      #expect(refusal { try output(of: PReLU(sharedAxes: axes), x) }.contains("the shared axes \(axes) are not all"))
    }
  }

  @Test func softmaxAlongAnAxis() throws {
    let y = try output(of: Softmax(axis: 1), Tensor([0, 0, 1, 3] as [Float], [1, 2, 2])).doubles()
    let (a, b) = (1 / (1 + exp(1.0)), 1 / (1 + exp(3.0)))
    for (value, expected) in zip(y, [a, b, 1 - a, 1 - b]) { #expect(abs(value - expected) < 1e-6) }
  }

  @Test func samplesAreNormalized() throws {
    let x = try Tensor([1, 2, 3, 6, -1, 0, 1, 8] as [Float], [2, 4])
    let gamma = Tensor([1, 2, 3, 4] as [Float])
    let beta = Tensor([0, 0, 1, -1] as [Float])
    let y = try output(of: LayerNormalization(epsilon: 0.5), x, variables: ["gamma": gamma, "beta": beta]).doubles()
    for sample in 0..<2 {
      let row = Array(x.doubles()[sample * 4..<sample * 4 + 4])
      let mean = row.reduce(0, +) / 4
      let deviation = (row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4 + 0.5).squareRoot()
      for i in 0..<4 {
        let expected = (row[i] - mean) / deviation * gamma.doubles()[i] + beta.doubles()[i]
        #expect(abs(y[sample * 4 + i] - expected) < 1e-5)
      }
    }
  }

  @Test func normalizationsHaveTheParametersThatAreAskedFor() throws {
    func labels(_ layer: LayerNormalization) throws -> [String] {
      try Sequential(input: [3, 5]) { layer }.graph.variables.map {
        "\($0.declaration.label) \($0.declaration.type.shape)"
      }
    }
    #expect(try labels(LayerNormalization()) == ["layer_normalization/gamma [5]", "layer_normalization/beta [5]"])
    #expect(try labels(LayerNormalization(axis: 1, center: false)) == ["layer_normalization/gamma [3]"])
    #expect(try labels(LayerNormalization(center: false, scale: false)) == [])
    let plain = try output(
      of: LayerNormalization(epsilon: 0, center: false, scale: false), Tensor([1, 3] as [Float], [1, 2]))
    #expect(plain.doubles().map { ($0 * 1e4).rounded() / 1e4 } == [-1, 1])
    for axis in [0, 2, -2] {
      #expect(
        refusal { try output(of: LayerNormalization(axis: axis), counted([1, 2])) }.contains(
          "layer 'layer_normalization': axis \(axis) of f32[batch, 2] is not an axis of its samples"))
    }
    #expect(
      refusal { try output(of: LayerNormalization(), Tensor([1, 2] as [UInt8], [1, 2])) }.contains(
        "numbers with fractions"))
  }
}
