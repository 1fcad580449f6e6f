import Apus
import ApusOperators
import Foundation

/// A convolution, or a transposed one, with the result and both gradients that PyTorch computed: a line of
/// convolution_torch.json, which make_convolution_torch.py writes. All numbers are whole and all sums exact.
public struct ConvolutionCase: Decodable, CustomStringConvertible, Sendable {
  public let dtype: String
  public let x: [Int]
  public let w: [Int]
  /// The shape of a transposed convolution's result; nil of a convolution.
  public let shape: [Int]?
  public let strides: [Int]?
  public let padding: JSONAttribute?
  public let dilation: [Int]?
  public let groups: Int?

  let xData: [Double]
  let wData: [Double]
  /// The cotangent of the result.
  let gData: [Double]
  let yData: [Double]
  let dxData: [Double]
  let dwData: [Double]

  public var description: String {
    "\(dtype) \(shape.map { "transposed to \($0) " } ?? "")\(x) ∗ \(w), strides \(strides ?? []), padding "
      + "\(padding?.text ?? "valid"), dilation \(dilation ?? []), groups \(groups ?? 1)"
  }

  public static func loadAll() throws -> [ConvolutionCase] {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let text = try Repository.text("Tests/ApusOperatorsTests/Reference/convolution_torch.json")
    return try decoder.decode([ConvolutionCase].self, from: Data(text.utf8))
  }

  private var type: DType { DType(rawValue: dtype) ?? .f32 }

  private func tensor(_ elements: [Double], _ shape: [Int]) throws -> Tensor {
    type == .f64 ? try Tensor(elements, shape) : try Tensor(elements.map { Float($0) }, shape)
  }

  /// The operands and the cotangent.
  private func feeds(_ result: Shape) throws -> [Tensor] {
    try [tensor(xData, x), tensor(wData, w), tensor(gData, result.numbers ?? [])]
  }

  /// Appends the convolution, and by automatic differentiation its gradients: y, dx, dw.
  private func build(_ builder: GraphBuilder, _ suffix: String) throws -> [Value] {
    let x = try builder.parameter("x\(suffix)", type, Shape(x))
    let w = try builder.parameter("w\(suffix)", type, Shape(w))
    let y: Value
    if let shape {
      var op = ConvolutionInputGradient()
      op.shape = Shape(shape)
      op.settings = settings
      y = try builder.append(op, [x, w])[0]
    } else {
      y = try x.convolution(
        w, strides: settings.strides, padding: settings.padding, dilation: settings.dilation, groups: settings.groups)
    }
    let g = try builder.parameter("g\(suffix)", type, y.shape)
    return try [y] + gradients(of: (y * g).sum(), withRespectTo: [x, w])
  }

  private var settings: ConvolutionSettings {
    var settings = ConvolutionSettings()
    settings.strides = strides ?? []
    settings.dilation = dilation ?? []
    settings.groups = groups ?? 1
    switch padding {
    case .word("same"): settings.padding = .same
    case .list(let axes):
      settings.padding = .explicit(
        axes.map { axis in
          guard case .list(let pair) = axis else { return [] }
          return pair.compactMap { if case .int(let n) = $0 { n } else { nil } }
        })
    default: settings.padding = .valid
    }
    return settings
  }

  /// Runs many cases as the outputs of one graph, which is prepared once.
  /// - Returns: what is wrong with the results; empty where nothing is.
  public static func mismatches(_ cases: ArraySlice<ConvolutionCase>, in backend: any Backend) throws -> [String] {
    let builder = GraphBuilder("convolutions")
    var (outputs, feeds): ([Value], [Tensor]) = ([], [])
    for (position, test) in cases.enumerated() {
      let results = try test.build(builder, "\(position)")
      feeds += try test.feeds(results[0].shape)
      outputs += results
    }
    let results = try backend.compile(builder.build(outputs)).run(feeds, variables: []).outputs
    return cases.enumerated().flatMap { position, test in
      let expected = [("y", test.yData), ("dx", test.dxData), ("dw", test.dwData)]
      return expected.enumerated().flatMap { part, named in
        let got = results[3 * position + part].doubles()
        guard got.count == named.1.count else { return ["\(test): \(named.0) has \(got.count) elements"] }
        return zip(got, named.1).enumerated().compactMap { element, pair in
          pair.0 == pair.1 ? nil : "\(test): \(named.0), element \(element) is \(pair.0), not \(pair.1)"
        }
      }
    }
  }
}
