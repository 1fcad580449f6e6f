import Apus
import ApusOperators
import TestSupport
import Testing

@Suite struct WindowGradientTests {
  struct Case: CustomStringConvertible, Sendable {
    let x: [Int]
    let window: [Int]
    var strides: [Int]? = nil
    var padding = Padding.valid
    var description: String { "\(window) over \(x), \(strides.map(String.init(describing:)) ?? "window") \(padding)" }
  }

  static let cases: [Case] = [
    Case(x: [2, 6, 2], window: [2]),
    Case(x: [1, 5, 1], window: [3], strides: [1], padding: .same),
    Case(x: [1, 4, 4, 2], window: [2, 2]),
    Case(x: [1, 5, 4, 1], window: [3, 2], strides: [2, 1], padding: .same),
    Case(x: [1, 5, 5, 1], window: [2, 2], strides: [3, 4], padding: .explicit([[1, 0], [0, 1]])),
    Case(x: [1, 3, 2, 3, 1], window: [2, 2, 2], strides: [1, 1, 1]),
    Case(x: [1, 2, 1], window: [1], strides: [1], padding: .explicit([[1, 1]])),
  ]

  @Test(arguments: cases)
  func averagePool(_ test: Case) throws {
    try expectGradients([samples(test.x)]) { _, p in
      try p[0].averagePool(window: test.window, strides: test.strides, padding: test.padding).tanh()
    }
  }

  /// Windows in padding alone are infinite; they take no part here.
  @Test(arguments: cases.dropLast())
  func maxAndMinPool(_ test: Case) throws {
    try expectGradients([distinctSamples(test.x)]) { _, p in
      try p[0].maxPool(window: test.window, strides: test.strides, padding: test.padding).tanh()
    }
    try expectGradients([distinctSamples(test.x)]) { _, p in
      try p[0].minPool(window: test.window, strides: test.strides, padding: test.padding).sin()
    }
  }

  @Test func selectAndScatter() throws {
    let x = try distinctSamples([1, 4, 4, 2])
    for kind in WindowExtremum.allCases {
      try expectGradients([samples(x.dimensions)]) { builder, p in
        var op = WindowSelect()
        (op.kind, op.window, op.strides, op.padding) = (kind, [3, 2], [1, 2], .same)
        return try builder.append(op, [builder.constant(x), p[0]])[0].tanh()
      }
      try expectGradients([samples([1, 4, 2, 2])]) { builder, p in
        var op = WindowScatter()
        (op.kind, op.window, op.strides, op.padding) = (kind, [3, 2], [1, 2], .same)
        return try builder.append(op, [builder.constant(x), p[0]])[0].tanh()
      }
    }
  }

  @Test func sumGradient() throws {
    try expectGradients([samples([1, 3, 2, 1])]) { builder, p in
      var op = WindowSumGradient()
      (op.shape, op.window, op.strides, op.padding) = ([1, 5, 3, 1], [3, 2], [2, 2], .same)
      return try builder.append(op, p)[0].tanh()
    }
    try expectGradients([samples([1, 5, 1])]) { builder, p in
      var op = ReduceWindowSum()
      (op.window, op.dilation) = ([2], [3])
      return try builder.append(op, p)[0].tanh()
    }
  }

  @Test func globalPools() throws {
    try expectGradients([samples([2, 3, 2, 2])]) { _, p in try p[0].globalAveragePool().tanh() }
    try expectGradients([distinctSamples([2, 3, 2, 2])]) { _, p in try p[0].globalMaxPool(keepDims: true).tanh() }
  }
}
