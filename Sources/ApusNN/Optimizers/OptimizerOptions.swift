/// What all optimizers have.
public struct OptimizerOptions: Sendable, Hashable {
  /// A number, or a schedule of the steps.
  public var learningRate: LearningRate
  /// Decoupled: w −= learning rate · decay · w before the step.
  public var weightDecay: Double?
  /// Each variable's gradient is scaled down to at most this norm.
  public var clipNorm: Double?
  /// Each element of a gradient is cut to ± this.
  public var clipValue: Double?
  /// All gradients together are scaled down to at most this norm.
  public var globalClipNorm: Double?
  /// Whether running means of the variables are kept, which replace the variables at the end of `fit`.
  public var useEMA: Bool
  /// The share of a running mean that stays in each step.
  public var emaMomentum: Double
  /// After how many steps the running means replace the variables during training, too; never if nil.
  public var emaOverwriteFrequency: Int?
  /// How many batches make one step, by the mean of their gradients; one if nil.
  public var gradientAccumulationSteps: Int?

  public init(
    learningRate: LearningRate, weightDecay: Double? = nil, clipNorm: Double? = nil, clipValue: Double? = nil,
    globalClipNorm: Double? = nil, useEMA: Bool = false, emaMomentum: Double = 0.99,
    emaOverwriteFrequency: Int? = nil, gradientAccumulationSteps: Int? = nil
  ) {
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.clipNorm = clipNorm
    self.clipValue = clipValue
    self.globalClipNorm = globalClipNorm
    self.useEMA = useEMA
    self.emaMomentum = emaMomentum
    self.emaOverwriteFrequency = emaOverwriteFrequency
    self.gradientAccumulationSteps = gradientAccumulationSteps
  }
}

extension Optimizer {
  /// The declarations of `options`, with which every optimizer's list of settings begins.
  public static var commonSettings: [SettingRecord] {
    [
      setting("learning_rate", \.options.learningRate, in: .nonNegative, "the size of a step"),
      setting(
        "weight_decay", \.options.weightDecay, in: .nonNegative,
        "the share of each variable, times the learning rate, that is subtracted before a step"),
      setting("clipnorm", \.options.clipNorm, in: .positive, "the largest norm of one variable's gradient"),
      setting("clipvalue", \.options.clipValue, in: .positive, "the largest magnitude of a gradient's element"),
      setting("global_clipnorm", \.options.globalClipNorm, in: .positive, "the largest norm of all gradients together"),
      setting(
        "use_ema", \.options.useEMA, "whether running means of the variables replace them when training ends",
        isShownByDefault: false),
      setting(
        "ema_momentum", \.options.emaMomentum, in: .share, "the share of these running means that stays in each step",
        isShownByDefault: false),
      setting(
        "ema_overwrite_frequency", \.options.emaOverwriteFrequency, in: .positive,
        "after how many steps they replace the variables, too"),
      setting(
        "gradient_accumulation_steps", \.options.gradientAccumulationSteps, in: .positive,
        "how many batches make one step, by the mean of their gradients"),
    ]
  }
}
