/// Repeats a piece of work and takes the median of its times.
public struct Sampling {
  /// How long to repeat.
  public var seconds: Double
  /// How often to repeat at least, however long that takes.
  public var leastCount = 5
  /// Seconds from any start; tests replace it.
  var now: () -> Double

  /// - Parameter seconds: how long to repeat.
  public init(seconds: Double) {
    let clock = ContinuousClock()
    let start = clock.now
    self.init(seconds: seconds) { (clock.now - start) / .seconds(1) }
  }

  init(seconds: Double, now: @escaping () -> Double) {
    self.seconds = seconds
    self.now = now
  }

  /// The median seconds of `body`; of an even number of times the longer of the two in the middle.
  public func median(_ body: () throws -> Void) rethrows -> Double {
    var times: [Double] = []
    let end = now() + seconds
    repeat { times.append(try time(body)) } while now() < end || times.count < max(1, leastCount)
    return times.sorted()[times.count / 2]
  }

  /// The seconds of one call.
  public func time(_ body: () throws -> Void) rethrows -> Double {
    let start = now()
    try body()
    return now() - start
  }

  /// How many repetitions in one call take longer than some time: a power of two.
  /// - Parameters:
  ///   - least: the time in seconds.
  ///   - limit: the result is not larger.
  ///   - body: repeats the work so many times.
  public func repetitions(taking least: Double, limit: Int, _ body: (Int) throws -> Void) rethrows -> Int {
    var count = 1
    while count < limit {
      if try time({ try body(count) }) > least { break }
      count *= 2
    }
    return count
  }
}
