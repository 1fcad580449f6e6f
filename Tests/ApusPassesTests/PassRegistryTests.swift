import Apus
import Testing

@Suite struct PassRegistryTests {
  private func usage(_ text: String) -> String? {
    do { _ = try Pipeline(parsing: text) } catch let error as ApusError where error.fault == .usage {
      return error.description
    } catch {}
    return nil
  }

  @Test func everyPassIsDocumented() {
    let names = PassRegistry.standard.map { $0.record.name }
    #expect(Set(names).count == names.count)
    for type in PassRegistry.standard {
      #expect(!type.record.summary.isEmpty, "\(type.record.name)")
      #expect(!type.record.statistics.isEmpty, "\(type.record.name): what it counts is how the pipeline checks it")
      for option in type.record.options { #expect(!option.summary.isEmpty, "\(type.record.name){\(option.name)}") }
    }
  }

  @Test func everyNamedPipelineParses() throws {
    for named in NamedPipeline.all {
      let parsed = try Pipeline(parsing: named.passes)
      #expect(parsed.description == named.passes, "\(named.name)")
      #expect(parsed.passes.map(\.name) == named.pipeline.passes.map(\.name), "\(named.name)")
      #expect(try Pipeline.named(named.name).description == named.passes)
      #expect(!named.summary.isEmpty)
    }
    #expect(try Pipeline.named("O0").passes.isEmpty)
    #expect(try Pipeline.named("O2").description == Pipeline.standard.description)
    #expect(try Pipeline.named("O3").description.contains("fold-constants{limit=67108864}"))
    #expect(try Pipeline.named("inference").description.hasPrefix("simplify,layout,fold-batch-norm,expand-composites"))
  }

  /// Only what is not a default is written, and what is written reads back.
  @Test(arguments: ["", "dce", "fold-constants{limit=4096},fuse{size=3}", "fold-constants{limit=0}"])
  func textOfAPipelineReadsBack(_ text: String) throws {
    #expect(try Pipeline(parsing: text).description == text)
  }

  @Test func defaultsAreNotWritten() throws {
    let limit = FoldConstants().limit
    #expect(try Pipeline(parsing: "fold-constants{limit=\(limit)}, dce").description == "fold-constants,dce")
  }

  @Test func optionsAreRead() throws {
    let pipeline = try Pipeline(parsing: "simplify, fold-constants{limit=4096},fuse{size=2}")
    #expect(pipeline.passes.map(\.name) == ["simplify", "fold-constants", "fuse"])
    #expect((pipeline.passes[1] as? FoldConstants)?.limit == 4096)
    #expect((pipeline.passes[2] as? Fuse)?.size == 2)
  }

  @Test func misspeltNamesGetASuggestion() throws {
    #expect(usage("simplfy")?.contains("there is no pass 'simplfy'") == true)
    #expect(usage("simplfy")?.contains("did you mean 'simplify'?") == true)
    #expect(usage("zzz")?.contains("one of expand-composites, merge-scans") == true)
    #expect(usage("zzz")?.contains("PassRegistry.register") == true)
    #expect(usage("fuse{sise=2}")?.contains("did you mean 'size'?") == true)
    #expect(usage("dce{size=2}")?.contains("pass 'dce' has no option 'size'") == true)
    #expect(throws: ApusError.self) { try Pipeline.named("O9") }
  }

  @Test(arguments: [
    "fuse{", "fuse{size}", "fuse{size=}", "fuse{size=-1}", "fuse{size=9999999999999999999}", "{size=1}",
  ])
  func malformedOptionsAreRefused(_ text: String) {
    #expect(usage(text) != nil)
  }
}
