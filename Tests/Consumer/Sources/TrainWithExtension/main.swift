import Apus
import Extension

/// Points of a square, told apart by whether both coordinates have one sign.
func points(_ count: Int, seed: UInt64) throws -> (inputs: Tensor, labels: Tensor) {
  let random = Philox(seed: seed)
  let coordinates = (0..<2 * count).map { Float(2 * random.uniform($0) - 1) }
  let labels = (0..<count).map { coordinates[2 * $0] * coordinates[2 * $0 + 1] > 0 ? UInt8(1) : 0 }
  return (try Tensor(coordinates, [count, 2]), Tensor(labels))
}

/// −ln σ(−x), a smooth rectifier, as the model's author wrote it: the pass finds it.
struct SmoothRectifier: Layer {
  static let typeName = "SmoothRectifier"
  func build(_ x: Value, _ context: LayerContext) throws -> Value { try -((-x).sigmoid().log()) }
}

let model = try Sequential(input: [2]) {
  NormalNoise(0.05)
  Dense(16)
  SmoothRectifier()
  Dense(16)
  SmoothRectifier()
  Dense(2, activation: .softmax)
}

// The pass goes before the standard ones.
let pipeline = Pipeline([UseLogSigmoid()] + Pipeline.standard.passes)
let train = try points(512, seed: 1)
let test = try points(256, seed: 2)

func accuracy(_ backend: any Backend) throws -> Double {
  let trainer = try model.compile(
    optimizer: .adam(learningRate: 0.01), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy], backend: backend,
    seed: 1, passes: .custom(pipeline))
  _ = try trainer.fit(train.inputs, train.labels, epochs: 30, verbose: .silent)
  return try trainer.evaluate(test.inputs, test.labels, verbose: .silent)["accuracy"] ?? 0
}

// The pass fires, remarks, and the operator is known by its name in texts.
let optimized = try UseLogSigmoid.run(on: model.graph.bound(to: .inference))
print("replaced: \(optimized.statistics[0].count)")
let catalog = OperatorCatalog(OperatorCatalog.standard.types + [LogSigmoid.self, AddGaussianNoise.self])
let isRoundTrip = try Graph.parse(optimized.after.text(), catalog: catalog) == [optimized.after]
print("read back: \(isRoundTrip)")

print("interpreter: \(try accuracy(InterpreterBackend()))")
if NativeBackend.isAvailable { print("native code: \(try accuracy(NativeBackend()))") }

extension Pass {
  /// The pass alone, with verification and what it reports.
  static func run(on graph: Graph) throws -> PassReport {
    try Pipeline([Self()]).run(graph).reports[0]
  }
}
