import ApusCore
import ApusGraph
import ApusOperators
import ApusPasses
import Testing

/// What passes ask about an operator follows from its conformances, whatever its record says.
@Suite struct OperatorKindsTests {
  @Test func kindsAgreeWithConformances() throws {
    for type in OperatorCatalog.standard.types + [OutsideMax.self, OutsideWindow.self] {
      let (name, op) = (type.record.name, type.init())
      #expect((op is any CompositeOperator) == type.isComposite, "\(name)")
      #expect((op is any CompositeOperator) == (op.asComposite != nil), "\(name)")
      #expect((op is any ReductionOperator) == type.isReduction, "\(name)")
      #expect((op is any ReductionOperator) == (op.asReduction != nil), "\(name)")
    }
  }

  /// Passes still ask these traits before they cast to the protocols.
  @Test func traitsAnnounceConformances() throws {
    for type in OperatorCatalog.standard.types {
      let (name, traits, op) = (type.record.name, type.record.traits, type.init())
      #expect(!(op is any ReductionOperator) || traits.contains(.reduction), "\(name)")
      #expect(!(op is any DeclarationOperator) || traits.contains(.declaration), "\(name)")
      #expect(!(op is any ConvolutionOperator) || op.asComposite != nil || traits.contains(.contraction), "\(name)")
    }
  }

  @Test func headsOfNestsAreTiledContractionsAndChannelwiseWindows() throws {
    let graph = try Graph.parse(
      """
      graph @g(%a: f32[2, 3], %b: f32[3, 4], %x: f32[1, 4, 4, 2], %w: f32[3, 3, 1, 2], %v: f32[3, 3, 2, 2]) {
        %0 = matmul(%a, %b)
        %1 = reduce_window_sum(%x, window: [2, 2])
        %2 = convolution(%x, %w, groups: 2)
        %3 = convolution(%x, %v)
        %4 = convolution_input_gradient(%2, %w, shape: [1, 4, 4, 2], groups: 2)
        %5 = exp(%a)
        return %0, %1, %2, %3, %4, %5
      }
      """)[0]
    let heads = graph.nodes.filter { !$0.op.traits.contains(.declaration) }.map { $0.headsNest(graph) }
    // A convolution's transpose by groups is neither.
    #expect(heads == [true, true, true, true, false, false])
  }

  /// An operator declared here, whose record has no traits, is simplified, heads a nest and is folded.
  @Test func passesSeeOperatorsFromOutside() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [3, 1])
    let image = try builder.parameter("image", .f32, [1, 4, 4, 2])
    let largest = try builder.append(OutsideMax(axes: [1]), [x])[0]
    let window = try builder.append(OutsideWindow(), [image])[0]
    let rank = try builder.append(OutsideRank(), [image])[0]
    let graph = try builder.build([largest, window, rank])
    #expect(graph.producer(of: window.id).headsNest(graph))
    #expect(!graph.producer(of: largest.id).headsNest(graph))

    let simple = try Pipeline([Simplify(), FoldConstants()]).run(graph).graph
    // The maximum over an axis of one element is a reshape.
    #expect(!simple.nodes.contains { $0.op is OutsideMax })
    #expect(simple.nodes.contains { $0.op is OutsideWindow })
    let folded = try #require(simple.producer(of: simple.outputs[2]).op as? Constant)
    #expect(folded.value == Tensor(scalar: Int64(4)))
  }
}

/// A maximum without the traits of the one in the catalog.
private struct OutsideMax: SingletonPreserving {
  var axes: [Int]?
  var keepDims = false
  init() {}
  static let record = OperatorRecord(
    "outside_max", .reduction, "the largest element over axes", operands: [OperandRecord("x", .floating)])
  func gradient(_ context: GradientContext) throws -> [Value?] { throw NotDifferentiable("it is a test's") }
}

/// The first element of each window.
private struct OutsideWindow: ChannelwiseWindow {
  static let record = OperatorRecord(
    "outside_window", .window, "x", operands: [OperandRecord("x", .floating)], traits: .random)
  func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] { operands }
  func gradient(_ context: GradientContext) throws -> [Value?] { throw NotDifferentiable("it is a test's") }
}

/// The number of axes, which the operand's type determines.
private struct OutsideRank: Operator {
  static let record = OperatorRecord(
    "outside_rank", .shape, "the number of axes", operands: [OperandRecord("x", .any)], traits: .movesData)
  func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] { [.scalar(.i64)] }
  func gradient(_ context: GradientContext) throws -> [Value?] { [nil] }
  func determinedResult(_ operands: [TensorType]) -> Tensor? { Tensor(scalar: Int64(operands[0].rank)) }
}
