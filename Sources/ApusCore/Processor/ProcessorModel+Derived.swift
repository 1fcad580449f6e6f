// What follows from the figures and is used in more than one place. What one algorithm alone needs is computed there.

extension ProcessorModel {
  /// Numbers of type `f32` in a vector.
  public var floatLanes: Int { vectorBytes / 4 }

  /// Multiply-adds of whole vectors a cycle.
  public var multiplyAddsPerCycle: Double { Double(multiplyAddUnits * multiplyAddUnitBytes) / Double(vectorBytes) }

  /// Multiply-adds that must be under way so that no unit waits for a result.
  public var multiplyAddsInFlight: Int { multiplyAddUnits * multiplyAddLatency }

  /// Bytes of the last cache that belong to the cores that share the work: what can stay there from run to run.
  public var retainedBytes: Int { lastCache.bytes * min(cores, lastCacheCores) / lastCacheCores }

  /// Bytes of a buffer that are worth less than a barrier: a sixteenth of the second cache more or less does not displace
  /// what a step works on.
  public var smallBufferBytes: Int { secondCache.bytes / 16 }
}

extension ProcessorModel: CustomStringConvertible {
  public var description: String { name }
}

// MARK: Sizes of units

extension ProcessorModel {
  /// Elementary operations of a kernel below which one worker does it all: what a vector unit does while workers meet.
  public var serialWork: Int { sharingCycles * floatLanes }

  /// Elements of a vector axis that make a unit, times what each of them costs: kernels that are worth sharing have eight
  /// units at least.
  public var unitWork: Int { serialWork / 8 }

  /// The same where elements are visited one by one: twice as much, since a unit's start costs as much as several of them.
  public var scalarUnitWork: Int { serialWork / 4 }

  /// Bytes that a unit copies: source and target fill the first cache.
  public var copyUnitBytes: Int { firstCache.bytes / 2 }

  /// Units above which no axis is cut to get more: eight for each core, so that an unlucky division leaves no core idle for
  /// more than an eighth of the time; at least as many as eight cores want, since more cost nothing.
  public var manyUnits: Int { 8 * max(cores, 8) }
}
