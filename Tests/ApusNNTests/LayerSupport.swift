import Apus
import Foundation
import TestSupport
import Testing

/// The folder of reference files, and the script that wrote them.
func resource<Content: Decodable>(_ name: String, as type: Content.Type = Content.self) throws -> Content {
  let file = Repository.file("Tests/ApusNNTests/Resources/\(name)")
  return try JSONDecoder().decode(Content.self, from: Data(contentsOf: file))
}

/// Expects `body` to throw an `ApusError` of the command line that says every one of `parts`.
func expectUsage(
  _ parts: String..., location: Testing.SourceLocation = #_sourceLocation, _ body: () throws -> some Any
) {
  expectFault(.usage, parts, location: location, body)
}

/// Images of 4 × 4 bytes in three classes: a bright row tells the class, the rest is noise.
struct SyntheticImages {
  let images: Tensor
  let labels: Tensor

  init(count: Int, seed: UInt64 = 1) throws {
    var generator = PhiloxGenerator(seed: seed)
    var pixels: [UInt8] = []
    var classes: [UInt8] = []
    for _ in 0..<count {
      let label = Int(generator.next() % 3)
      classes.append(UInt8(label))
      for position in 0..<16 {
        let noise = UInt8(generator.next() % 90)
        pixels.append(position / 4 == label ? 165 + noise : noise)
      }
    }
    images = try Tensor(pixels, [count, 4, 4])
    labels = try Tensor(classes, [count])
  }

  func rows(_ range: Range<Int>) throws -> (images: Tensor, labels: Tensor) {
    (try images.gather(rows: range), try labels.gather(rows: range))
  }
}

/// 16-8-3 on bytes.
func smallModel(dropout: Double = 0) throws -> Sequential {
  try Sequential(name: "small", input: [4, 4], dtype: .u8) {
    Rescaling(scale: 1 / 255)
    Flatten()
    Dense(8, activation: .relu)
    if dropout > 0 { Dropout(dropout) }
    Dense(3, activation: .softmax)
  }
}

extension Trainer {
  /// Every variable's bytes, by name.
  var state: [String: Tensor] { Dictionary(uniqueKeysWithValues: session.values.map { ($0.name, $0.value) }) }
}

/// What a layer makes of `x` while predicting, in the interpreter.
/// - Parameter variables: their values by the layer's own names, as `kernel`; the others have their first values.
func output(of layer: any Layer, _ x: Tensor, variables: [String: Tensor] = [:]) throws -> Tensor {
  let input = Input(Array(x.dimensions.dropFirst()), dtype: x.dtype)
  return try output(of: Model(input, layer(input)), [x], variables: variables)
}

func output(of layer: any MergeLayer, _ inputs: [Tensor]) throws -> Tensor {
  let symbols = inputs.map { Input(Array($0.dimensions.dropFirst()), dtype: $0.dtype) }
  return try output(of: Model(inputs: symbols, outputs: [layer(symbols)]), inputs, variables: [:])
}

private func output(of model: Model, _ inputs: [Tensor], variables: [String: Tensor]) throws -> Tensor {
  let session = Session(backend: InterpreterBackend())
  let program = try session.load(model.graph.bound(to: .inference))
  for (name, value) in variables {
    let variable = try #require(program.graph.variables.first { $0.declaration.label.hasSuffix("/" + name) })
    try session.setValue(value, of: variable.declaration.label)
  }
  return try program.run(inputs)[0]
}

/// 1, 2, 3 … in this shape, scaled.
func counted(_ dimensions: [Int], scale: Float = 1) throws -> Tensor {
  try Tensor((0..<dimensions.reduce(1, *)).map { Float($0 + 1) * scale }, dimensions)
}

/// The message of what `body` throws, which must be the input's fault.
func refusal(_ body: () throws -> some Any) -> String {
  do { return "accepted: \(try body())" } catch let error as ApusError {
    return error.fault == .input ? error.description : "not the input's fault: \(error)"
  } catch { return "not an ApusError: \(error)" }
}
