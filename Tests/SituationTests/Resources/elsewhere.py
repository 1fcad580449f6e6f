"""Situations that are no graph, and the test that holds each: title, source, result, suite and function."""

ROWS = [
    ("The best weights come back also if training is not stopped early", "keras-team/keras#12511", "right", "CallbackTests.theBestWeightsComeBackAtTheEnd"),
    ("The best weights come back where training stops", "tensorflow/tensorflow#35634", "right", "CallbackTests.theBestWeightsComeBack"),
    ("A smaller last batch weighs by its samples", "tensorflow/tensorflow#38596", "right", "TrainerTests.evaluationIsAMeanOverSamples"),
    ("A learning rate that was set is kept when training is resumed", "chainer/chainermn#225", "right", "SavedModelTests.aSetLearningRateIsKept"),
    ("Another learning rate beside `--resume` is not ignored in silence", "mapbox/robosat#169", "refused", "SavedModelTests.otherSettingsAreRefused"),
    ("An option that is not known", "tensorflow/tensorflow#98283", "refused", "CommandLineTests.wrongCommandLinesExitWith2"),
    ("A column-major NPY file", "sonos/tract#655", "right", "NPYTests.numPysFiles"),
    ("An NPY file of the other byte order", "safetensors/safetensors#193", "right", "NPYTests.numPysFiles"),
    ("An NPY file with other types than the reader's", "elixir-nx/nx#1039", "right", "NPYTests.numPysFiles"),
    ("A safetensors file whose shape needs more bytes than its offsets span", "ml-explore/mlx#3363", "refused", "SafeTensorsTests.faults"),
    ("Two tensors of a safetensors file share bytes", "ohdearquant/lattice#752", "refused", "SafeTensorsTests.faults"),
    ("Offsets in a safetensors file that end before they begin", "leejet/stable-diffusion.cpp#1754", "refused", "SafeTensorsTests.faults"),
    ("A safetensors header longer than any file", "ztxz16/fastllm#713", "refused", "SafeTensorsTests.faults"),
    ("An element type in a safetensors file that is not known", "kekzl/imp#1603", "refused", "SafeTensorsTests.faults"),
    ("An IDX file that is empty or ends in its header", "datapythonista/mnist#19", "refused", "IDXTests.faults"),
    ("A compressed IDX file under its plain name", "shubhammor0403/EMNIST#1", "right", "IDXTests.gzipFaults"),
    ("As many images as labels are not there", "zxzhijia/Brian2STDPMNIST#19", "refused", "DatasetTests.faultsOfDirectories"),
    ("A label of 28 for ten classes in training", "hughperkins/DeepCL#59", "refused", "TrainerErrorTests.labelsThatAreNoClass"),
    ("A graph that is tens of thousands of operators deep", "pytorch/pytorch#5534", "right", "ScaleTests.timeGrowsWithTheGraph"),
    ("A chain of equal operators is compiled without recursion", "pytorch/pytorch#115506", "right", "CompileScaleTests.equalNestsShareAKernel"),
]
