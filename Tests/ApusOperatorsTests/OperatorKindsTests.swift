import ApusGraph
import ApusOperators
import Testing

/// What passes ask before they cast: a conformance that its traits do not announce would be overlooked.
@Suite struct OperatorKindsTests {
  @Test func traitsAnnounceConformances() throws {
    for type in OperatorCatalog.standard.types {
      let (name, traits, op) = (type.record.name, type.record.traits, type.init())
      #expect(!(op is any ReductionOperator) || traits.contains(.reduction), "\(name)")
      #expect((op is any CompositeOperator) == (op.asComposite != nil), "\(name)")
      #expect(!(op is any DeclarationOperator) || traits.contains(.declaration), "\(name)")
      #expect(!(op is any ConvolutionOperator) || op.asComposite != nil || traits.contains(.contraction), "\(name)")
      #expect(!(op is any TiledContraction) || traits.contains(.contraction), "\(name)")
      #expect(!(op is any ChannelwiseWindow) || traits.isEmpty || traits.contains(.contraction), "\(name)")
      #expect(!(op is any TypeDeterminedOperator) || traits.isEmpty, "\(name)")
    }
  }
}
