import Apus

let data = try DatasetRegistry.load("fashion-mnist")
let model = try Sequential(input: [28, 28], dtype: .u8) {
  Rescaling(scale: 1 / 255)
  Flatten()
  Dense(128, activation: .relu)
  Dense(10, activation: .softmax)
}
print(model.summary())

let trainer = try model.compile(
  optimizer: .rmsprop(), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy])
let history = try trainer.fit(
  data.train.images, data.train.labels, epochs: 1, validationSplit: 0.2)
try history.plot(to: "history.svg")

let scores = try trainer.evaluate(data.test.images, data.test.labels)
print("test accuracy: \(scores["accuracy"] ?? 0)")
try trainer.save(to: "trained")
