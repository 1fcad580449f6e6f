"""Activations and losses far from zero."""
import math
from make import *

nan, inf = np.nan, np.inf

def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)

def log_softmax(x):
    d = x - x.max(-1, keepdims=True)
    return d - np.log(np.exp(d).sum(-1, keepdims=True))

large = np.array([20.0, 50, 100, -100, 0, 1000])
case("softplus_of_large_numbers", "softplus does not overflow, and its gradient is no NaN", "tracel-ai/burn#5373",
     constant("x", f32(large)) + """
  %z = softplus(%x)
  %y = reduce_sum(%z)
  return %y, %z
""", tolerance=2e-7, y=f32(np.logaddexp(0, large).sum()), z=f32(np.logaddexp(0, large)), gradient_x=f32(1 / (1 + np.exp(-large))))

case("softplus_gradient_before_overflow", "The derivative of softplus between 85 and 99", "tenstorrent/tt-metal#56397",
     constant("x", f32([85, 88, 90, 95, 99])) + """
  %1 = softplus(%x)
  %y = reduce_sum(%1)
  return %y
""", tolerance=2e-7, y=f32(457), gradient_x=f32([1] * 5))

logits = np.array([-1662.72692871, 3212.53930664, -1093.66174316, 2063.79956055, 91.38743591, -1471.00500488, 1823.1607666, 1935.2911377, 0.0, -0.5])
case("sigmoid_of_large_numbers", "sigmoid of thousands is 0 or 1", "clab/dynet#1525",
     constant("x", f32(logits)) + """
  %z = sigmoid(%x)
  %y = reduce_sum(%z)
  return %y, %z
""", tolerance=2e-7, y=f32((1 / (1 + np.exp(-logits))).sum()), z=f32(1 / (1 + np.exp(-logits))),
     gradient_x=f32([0, 0, 0, 0, 0, 0, 0, 0, 0.25, 1 / (1 + math.exp(.5)) / (1 + math.exp(-.5))]))

case("sigmoid_gradient_of_a_steep_slope", "The derivative of sigmoid(25 x) at -5", "jeshraghian/snntorch#427", """
  %x: f64[2] = constant([-5, -40])
  %1: f64 = constant(25)
  %2 = multiply(%x, %1)
  %3 = sigmoid(%2)
  %y = reduce_sum(%3)
  return %y
""", tolerance=1e-12, y=f64(math.exp(-125)), gradient_x=f64([25 * math.exp(-125), 25 * math.exp(-1000)]))

case("tanh_and_relatives_at_infinity", "Activations of infinities have limits, not NaN", "wagenaartje/neataptic#13", """
  %x: f32[2] = constant([inf, -inf])
  %a = tanh(%x)
  %b = sigmoid(%x)
  %c = softplus(%x)
  %d = elu(%x)
  %e = selu(%x)
  %f = hard_sigmoid(%x)
  %g = softsign(%x)
  %h = silu(%x)
  %i = gelu(%x)
  return %a, %b, %c, %d, %e, %f, %g, %h, %i
""", tolerance=1e-6, a=f32([1, -1]), b=f32([1, 0]), c=f32([inf, 0]), d=f32([inf, -1]), e=f32([inf, -1.0507009873554805 * 1.6732632423543772]), f=f32([1, 0]),
     g=f32([1, -1]), h=f32([inf, 0]), i=f32([inf, 0]))

x = np.array([[1000.0, 0], [-1000, -1000], [88.9, 89.1]])
case("softmax_of_large_numbers", "softmax subtracts the maximum first", "tensorflow/tensorflow#10142",
     constant("x", f32(x)) + """
  %y = softmax(%x)
  %z = log_softmax(%x)
  return %y, %z
""", tolerance=2e-6, y=f32(softmax(f32(x).astype(float))), z=f32(log_softmax(f32(x).astype(float))))

masked = np.array([[0.0, 1, -inf], [-inf, -inf, -inf], [2, -inf, -inf]])
part = softmax(masked[[0, 2]])
case("masked_rows", "Masked scores have weight 0; a row with no score left is NaN and does not touch the others", "allenai/allennlp#890",
     constant("x", f32(masked)) + """
  %y = softmax(%x)
  return %y
""", tolerance=1e-6, y=f32([part[0], [nan] * 3, part[1]]))

case("masked_rows_made_safe", "What a row without scores becomes is for the graph to choose: here 0", "tracel-ai/burn#4694",
     constant("x", f32(masked)) + """
  %1: f32 = constant(-inf)
  %2 = reduce_max(%x, axes: [1], keep_dims: true)
  %3 = equal(%2, %1)
  %4 = softmax(%x)
  %5: f32 = constant(0)
  %y = select(%3, %5, %4)
  return %y
""", tolerance=1e-6, y=f32([part[0], [0] * 3, part[1]]))

case("log_softmax_of_a_wide_range", "log_softmax between -40 and 95 has no NaN", "pytorch/pytorch#795", """
  %x: f32[3] = constant([-40.114464, 94.6969, 0])
  %y = log_softmax(%x)
  return %y
""", tolerance=1e-6, y=f32(log_softmax(np.array([-40.114464, 94.6969, 0]))))

case("large_equal_scores", "The loss of equal scores is ln 2, however large they are", "pytorch/pytorch#11752", """
  %x: f32[1, 2] = constant([[1e8, 1e8]])
  %t: i64[1] = constant([1])
  %y = sparse_categorical_cross_entropy(%t, %x, from_logits: true)
  return %y
""", tolerance=1e-6, y=f32([math.log(2)]))

case("gradient_of_a_confident_mistake", "The gradient of a cross entropy is softmax - target, also where softmax is 0", "FluxML/NNlib.jl#68", """
  %x: f32[1, 3] = constant([[-431, 279, 427]])
  %1: f32[1, 3] = constant([[1, 0, 0]])
  %2 = categorical_cross_entropy(%1, %x, from_logits: true)
  %y = reduce_sum(%2)
  return %y
""", tolerance=1e-6, y=f32(858), gradient_x=f32([[-1, 0, 1]]))

case("gradient_of_huge_scores", "The gradient of a log_softmax of scores up to e^10", "Theano/Theano#3162", """
  %x: f64[1, 3] = constant([[1, 22026.4657948, 150]])
  %t: i64[1] = constant([0])
  %1 = sparse_categorical_cross_entropy(%t, %x, from_logits: true)
  %y = reduce_sum(%1)
  return %y
""", tolerance=1e-12, y=f64(22025.4657948), gradient_x=f64([[-1, 1, 0]]))

case("loss_of_scores_and_of_probabilities", "With scores the loss is exact, with probabilities it stops at -ln 1e-7", "keras-team/keras#17634", """
  %x: f64[1, 3] = constant([[14.4, 50.1, 3.5]])
  %1: f64[1, 3] = constant([[1, 0, 0]])
  %y = categorical_cross_entropy(%1, %x, from_logits: true)
  %2 = softmax(%x)
  %z = categorical_cross_entropy(%1, %2)
  return %y, %z
""", tolerance=1e-9, y=f64([35.7]), z=f64([-math.log(1e-7)]))

case("loss_of_a_zero_probability", "The cross entropy of a probability of 0 is finite", "FluxML/Flux.jl#437", """
  %x: f64[2, 2] = constant([[0, 1], [1, 0]])
  %t: f64[2, 2] = constant([[1, 0], [0, 1]])
  %y = categorical_cross_entropy(%t, %x)
  %z = binary_cross_entropy(%t, %x)
  return %y, %z
""", tolerance=1e-9, y=f64([-math.log(1e-7)] * 2), z=f64([-math.log(1e-7)] * 2))

q = 0.9 * np.array([0, 1, 0]) + 0.1 / 3
s = np.array([[0.3, 1.2, -0.7]])
case("smoothed_labels", "Smoothing draws targets to the even distribution over all classes", "fastai/fastai#1814",
     constant("x", f64(s)) + """
  %1: f64[1, 3] = constant([[0, 1, 0]])
  %y = categorical_cross_entropy(%1, %x, from_logits: true, label_smoothing: 0.1)
  return %y
""", tolerance=1e-12, y=f64(-(q * log_softmax(s)).sum(-1)))

p = np.array([[0.2, 0.5, 0.3]])
case("smoothed_labels_of_probabilities", "Every class counts in a smoothed loss, not the right one alone", "AlexeyAB/darknet#5207",
     constant("x", f64(p)) + """
  %1: f64[1, 3] = constant([[0, 1, 0]])
  %y = categorical_cross_entropy(%1, %x, label_smoothing: 0.1)
  return %y
""", tolerance=1e-12, y=f64(-(q * np.log(p)).sum(-1)))

case("binary_loss_of_large_scores", "A binary loss of scores of 1000 on both sides", "tensorflow/tensorflow#2327", """
  %x: f32[4, 1] = constant([[1000], [-1000], [1000], [0]])
  %t: f32[4, 1] = constant([[0], [1], [1], [1]])
  %y = binary_cross_entropy(%t, %x, from_logits: true)
  return %y
""", tolerance=1e-6, y=f32([1000, 1000, 0, math.log(2)]))
