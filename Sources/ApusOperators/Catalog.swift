import ApusCore
import ApusGraph

extension OperatorCatalog {
  /// All operators of Apus: the only list; `OperatorRegistry` adds those of other packages. Families are in the order of
  /// Docs/Operators.md.
  public static let standard = OperatorCatalog(
    declarations + unary + binary + comparison + reduction + shape + contraction + convolution + window + indexing
      + random + control + activation + statistics + normalization + loss)

  static let unary: [any Operator.Type] = [
    Negate.self, Abs.self, Sign.self, Floor.self, Ceil.self, Round.self, Exp.self, Expm1.self, Log.self, Log1p.self,
    Sqrt.self, Rsqrt.self, Reciprocal.self, Sin.self, Cos.self, Tan.self, Tanh.self, Sigmoid.self, Erf.self,
    StopGradient.self, Not.self, Cast.self,
  ]
  static let binary: [any Operator.Type] = [
    Add.self, Subtract.self, Multiply.self, Divide.self, Remainder.self, Power.self, Maximum.self, Minimum.self,
    And.self, Or.self, Xor.self, Select.self,
  ]
  static let comparison: [any Operator.Type] = [
    Equal.self, NotEqual.self, Less.self, LessEqual.self, Greater.self, GreaterEqual.self, IsNaN.self, IsFinite.self,
  ]
  static let reduction: [any Operator.Type] = [
    ReduceSum.self, ReduceProduct.self, ReduceMax.self, ReduceMin.self, ReduceAny.self, ReduceAll.self, ArgMax.self,
    ArgMin.self, CumulativeSum.self,
  ]
  static let shape: [any Operator.Type] = [
    Reshape.self, Transpose.self, Broadcast.self, Slice.self, Pad.self, Concatenate.self, Reverse.self, Iota.self,
    Size.self,
  ]
  static let contraction: [any Operator.Type] = [Matmul.self, DotGeneral.self]
  static let convolution: [any Operator.Type] = [
    Convolution.self, ConvolutionInputGradient.self, ConvolutionFilterGradient.self,
    WinogradTransform.self, WinogradTranspose.self, WinogradConvolution.self, WinogradFilterGradient.self,
  ]
  static let window: [any Operator.Type] = [
    ReduceWindowMax.self, ReduceWindowMin.self, ReduceWindowSum.self, WindowSumGradient.self, WindowSelect.self,
    WindowScatter.self, MaxPool.self, MinPool.self, AveragePool.self, GlobalMaxPool.self, GlobalAveragePool.self,
  ]
  static let indexing: [any Operator.Type] = [
    Gather.self, ScatterAdd.self, TakeAlongAxis.self, PutAlongAxisAdd.self, Sort.self, ArgSort.self, TopK.self,
    CheckIndex.self, OneHot.self,
  ]
  static let random: [any Operator.Type] = [RandomUniform.self, RandomNormal.self, TrainingStep.self]
  static let control: [any Operator.Type] = [
    Fusion.self, If.self, While.self, Scan.self, ControlDependency.self, AddLoss.self,
    WithMask.self,
  ]
  static let activation: [any Operator.Type] = [
    Relu.self, Relu6.self, LeakyRelu.self, Elu.self, Selu.self, Gelu.self, Silu.self, Softplus.self, Softsign.self,
    HardSigmoid.self, Clip.self, Softmax.self, LogSoftmax.self, Dropout.self, WhileTraining.self,
  ]
  static let statistics: [any Operator.Type] = [Mean.self, Variance.self, L2Norm.self]
  static let normalization: [any Operator.Type] = [
    LayerNorm.self, BatchNormInference.self, BatchNormTraining.self, BatchNorm.self,
  ]
  static let loss: [any Operator.Type] = [
    BinaryCrossEntropy.self, CategoricalCrossEntropy.self, SparseCategoricalCrossEntropy.self, MeanSquaredError.self,
    MeanAbsoluteError.self, Huber.self,
  ]
}

extension Graph {
  /// The graphs of a text, with all operators of Apus and those that were registered.
  /// - Throws: `ApusError` with a located diagnostic for each error.
  public static func parse(_ text: String, file: String = "<text>") throws -> [Graph] {
    try parse(text, file: file, catalog: OperatorRegistry.catalog)
  }
}

extension GraphFile {
  /// The graphs of a file, of the model in a folder, or of standard input (`-`).
  /// - Throws: `ApusError` with a located diagnostic for each error.
  public static func load(_ path: String) throws -> [Graph] {
    let (text, file) = try text(path)
    return try Graph.parse(text, file: file)
  }
}
