import Apus
import Foundation
import TestSupport
import Testing

/// Graphs/Benchmarks, run with a program that answers at once and with known numbers in place of `apus`.
@Suite struct BenchmarkScriptTests {
  /// Rates are 1,000, 3,000 and 2,000 in turn, milliseconds 4, 1 and 2; the interpreter is twice as slow.
  private static let program = """
    #!/bin/bash
    count=$(cat "$0.count" 2>/dev/null || echo 0)
    case "$1" in
    --version) echo 0.1.0 ;;
    data) ;;
    devices) echo '{"cores":2,"cpu":"x","gb_per_s":{"L1":400,"L2":200,"L3":100,"memory":40},"gflops_f32":200,"gflops_f64":100}' ;;
    train) echo '{"epochs":[0],"samples_per_s":1500,"seconds":1}' ;;
    bench)
      echo "$*" >>"$0.calls"
      echo $((count + 1)) >"$0.count"
      rates=(1000 3000 2000) times=(4 1 2)
      if [[ "$*" == *--train* ]]; then
        echo "{\\"compile_s\\":0.25,\\"samples_per_s\\":${rates[count % 3]},\\"threads\\":2}"
      elif [[ "$*" == *interpreter* ]]; then echo '{"compile_s":0.5,"ms":4e0}'
      else echo "{\\"compile_s\\":0.5,\\"ms\\":${times[count % 3]}.0}"; fi ;;
    *) exit 2 ;;
    esac
    """

  private struct Run {
    let folder: TemporaryFolder
    let apus: String

    init() throws {
      folder = try TemporaryFolder()
      apus = try folder.write(BenchmarkScriptTests.program, as: "apus")
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: apus)
    }

    func script(_ name: String, _ arguments: [String]) throws -> ProgramResult {
      try runProgram(
        URL(fileURLWithPath: "/bin/bash"), arguments: ["Graphs/Benchmarks/\(name).sh"] + arguments, limit: 120)
    }
  }

  @Test func figuresAreMediansWithTheLeastAndTheLargest() throws {
    let run = try Run()
    let result = try run.script("all", ["--rounds", "3", "--only", "roof,training,inference", run.apus])
    #expect(result.status == 0, "\(result.errors)")
    let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    #expect(lines.filter { $0.hasPrefix("## ") } == ["## The roof", "## Training", "## Inference"])
    #expect(lines.contains("| apus | 0.1.0 |"))
    #expect(lines.contains { $0.hasPrefix("| processor | ") && $0.hasSuffix(" cores |") })
    #expect(lines.contains { $0.firstMatch(of: #/^\| date \| \d{4}-\d\d-\d\d \d\d:\d\d UTC \|$/#) != nil })
    #expect(lines.contains("| f64 multiply-adds | 100 GFLOP/s |"))
    #expect(lines.contains("| reading memory | 40.0 GB/s |"))
    // Of one sample in 4, 1 and 2 ms: 250, 1,000 and 500 a second.
    #expect(lines.contains("| mlp, 32 | 1 | 2,000 (1,000 to 3,000) | 16.0 (10.7 to 32.0) |"))
    #expect(lines.contains("| vgg16, 1 | 1 | 500 (250 to 1,000) | 2.00 (1.00 to 4.00) |"))
    let calls = try String(contentsOfFile: run.apus + ".calls", encoding: .utf8)
    #expect(calls.contains("bench Graphs/Models/lstm.graph --train --optimizer adam --batch 64 --data fashion-mnist"))
  }

  @Test func ratiosAreOfRunsInTurn() throws {
    let run = try Run()
    let products = try run.script("matmul", ["--rounds", "3", run.apus, "10,10,10"])
    // Native code is called with an even count before it: 4, 2 and 1 ms.
    #expect(
      products.output.contains("| 10 × 10 × 10, f32 | 2.00 (1.00 to 4.00) | 4.00 |"),
      "\(products.output)\(products.errors)")
    #expect(products.output.contains("| 2.00 (1.00 to 4.00) |\n"))

    let shared = try run.script(
      "shared", ["--rounds", "1", "--beside", "echo '{\"samples_per_s\": 500, \"ms\": 2}' # WORKLOAD", run.apus, "mlp"])
    #expect(shared.status == 0, "\(shared.errors)")
    let rows = shared.output.split(separator: "\n").map {
      $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }
    #expect(rows.map(\.count) == [7, 7, 7, 7, 7], "\(shared.output)")
    #expect(rows[3][1...3] == ["beside", "500", "100%"] && rows[3].last == "200%")
    #expect(rows[4][1] == "apus / beside" && Double(rows[4][2]).map { [2, 4, 6].contains($0) } == true)
  }

  @Test func othersAreMeasuredByAnyCommand() throws {
    let run = try Run()
    let peers = try run.folder.write(
      """
      echo
      echo "$1 (samples_per_s, 2 threads, median of 3)"
      echo "  apus                 8000   compile   0.020 s   peak     98 MB"
      echo "  one                  1000   compile   0.020 s   peak     98 MB"
      echo "  another              4000   compile   0.020 s   peak     98 MB"
      echo "  ratio to the best peer (another): 2.00x"
      """, as: "peers")
    let result = try run.script("all", ["--quick", "--only", "peers", "--peers", "bash \(peers)", run.apus])
    #expect(result.output.contains("| mlp | samples_per_s | 8,000 | another 4,000 | 2.00 | one 1,000 |"), "\(result)")
    let without = try run.script("all", ["--quick", "--only", "peers", run.apus])
    #expect(without.status == 0 && without.output.contains("Left out: no command was given with --peers."))
  }

  @Test func timesToCompileAreOfEachGraph() throws {
    let run = try Run()
    let result = try run.script("all", ["--quick", "--only", "compile,fit", run.apus])
    #expect(result.status == 0, "\(result.errors)")
    for row in ["| chain | 1000 | ", "| network | 1000 | ", "| densenet121 | 0.500 s | 0.500 s |", "| mlp | 0.250 s |"]
    {
      #expect(result.output.contains(row), "\(row)\n\(result.output)")
    }
    #expect(result.output.contains(#/\| mlp \| 1 \| \d,000 \| 1,500 \| /#))
  }

  /// The page has the tables that the script makes.
  @Test func thePageHasTheseTables() throws {
    let run = try Run()
    let page = try Repository.text("Docs/Benchmarks.md")
    let sections = "roof,products,transformers,training,inference,shared,compile,fit"
    let result = try run.script("all", ["--quick", "--only", sections, run.apus])
    let lines = result.output.split(separator: "\n").map(String.init)
    let expected = lines.indices.filter {
      lines[$0].hasPrefix("## ") || $0 + 1 < lines.count && lines[$0 + 1].hasPrefix("|---")
    }.map { lines[$0] }
    #expect(expected.count >= 17, "\(result)")
    for line in expected { #expect(page.contains(line + "\n"), "Docs/Benchmarks.md lacks: \(line)") }
  }

  /// Sections of a page are replaced where they are; notes, other sections and what was left out stay.
  @Test func aPageIsUpdatedInPlace() throws {
    let run = try Run()
    let page = try run.folder.write(
      """
      # Page
      <!-- machine -->
      old machine
      <!-- notes -->
      about it

      ## Other
      kept

      ## The roof
      old roof
      <!-- notes -->
      a note

      ## Against other programs
      old ratios
      """, as: "page.md")
    let result = try run.script("all", ["--quick", "--only", "roof,training,peers", "--page", page, run.apus])
    #expect(result.status == 0, "\(result.errors)")
    let text = try run.folder.text("page.md")
    for kept in ["about it\n", "## Other\nkept\n", "<!-- notes -->\na note\n", "old ratios"] {
      #expect(text.contains(kept), "\(kept)\n\(text)")
    }
    #expect(text.contains("| f32 multiply-adds | 200 GFLOP/s |") && text.contains("| apus | 0.1.0 |"))
    for gone in ["old machine", "old roof", "## Training"] { #expect(!text.contains(gone), "\(gone)\n\(text)") }
  }

  @Test(arguments: [
    (["--only", "roof,walls"], "there is no section 'walls'"), (["--fast", "1"], "there is no option '--fast'"),
    (["--rounds", "none"], "--rounds takes a number"), (["/no/such/apus"], "there is no program '/no/such/apus'"),
  ])
  func whatIsWrongIsSaid(_ arguments: [String], _ message: String) throws {
    let run = try Run()
    let program = arguments.last == "/no/such/apus" ? [] : [run.apus]
    let result = try run.script("all", arguments + program)
    #expect(result.status == 2 && result.errors.contains(message), "\(result)")
  }

  @Test(arguments: [
    (["chain", "100"], 100, 0), (["network", "100"], 100, 0), (["transformer", "2"], 56, 1_579_520),
    (["densenet"], 428, 8_062_504),
  ])
  func grownGraphsAreValid(_ arguments: [String], _ nodes: Int, _ parameters: Int) throws {
    let run = try Run()
    let text = try run.script("grow", arguments).output
    let graph = try #require(Graph.parse(text, file: "grown", catalog: .standard).first)
    #expect(graph.violations().isEmpty)
    #expect(graph.nodes.count { !$0.op.traits.contains(.declaration) } == nodes)
    // DenseNet-121 has as many in Keras.
    #expect(graph.variables.reduce(0) { $0 + ($1.declaration.type.shape.elementCount ?? 0) } == parameters)
  }

  @Test func workloadsAreThere() throws {
    let text = try Repository.text("Graphs/Benchmarks/workloads.txt")
    let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
      $0.split(separator: " ").map(String.init)
    }
    #expect(lines.count >= 10)
    for words in lines {
      let path = Repository.file(words[1]).path
      #expect(FileManager.default.fileExists(atPath: path), "\(words)")
      #expect(words.contains("--batch"), "\(words)")
    }
  }
}
