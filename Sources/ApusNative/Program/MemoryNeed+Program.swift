import ApusCore
import ApusPlanning

extension MemoryNeed {
  /// What a program's first run will ask the system for: the arena, outputs, and what is computed once. Parameters,
  /// variables and constants are there already.
  /// - Parameter preparation: runs before the first run; its arena stays as long as the program.
  init(_ program: KernelProgram, preparation: KernelProgram?) {
    self.init()
    for each in [program] + (preparation.map { [$0] } ?? []) {
      add(each.arenaByteCount)
      for byteCount in each.outputByteCounts { add(byteCount) }
      for buffer in each.buffers {
        switch buffer.place {
        case .output, .arena: break
        case .parameter, .variable, .precomputed, .constant, .dataset, .rows, .series: continue
        }
        parts.append((buffer.name, buffer.byteCount))
      }
    }
  }
}
