"""The same training steps in PyTorch, NCHW. `train.py CASE`, CASE as JSON; answers lines of JSON.

Says {"parameters"} when it is ready, then for every {"milliseconds"} the {"times"} of its steps in that
time, the first left out. A step is forward, cross entropy, backward and torch.optim.SGD.

ResNet-18 and ResNet-50 as torchvision has them; ResNet-20 with shortcuts that take every second row and
column and fill the missing channels with zeros (He et al., CVPR 2016, section 4.2); vgg-small with 32, 64
and 128 channels. SoftPool is composed as its users compose it: avg_pool(x e^x) / avg_pool(e^x).
"""

import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

WARM_STEPS = 2
LEAST_STEPS = 2


def conv(inputs, outputs, kernel, stride=1):
    """A convolution without bias and its norm."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs)
    )


class Block(nn.Module):
    """relu(f(x) + shortcut(x)) with two 3x3 convolutions, or 1x1, 3x3 and 1x1."""

    def __init__(self, inputs, width, stride, expansion, plain):
        super().__init__()
        outputs = width * expansion
        if expansion == 1:
            layers = [conv(inputs, width, 3, stride), nn.ReLU(inplace=True), conv(width, width, 3)]
        else:
            layers = [conv(inputs, width, 1), nn.ReLU(inplace=True)]
            layers += [conv(width, width, 3, stride), nn.ReLU(inplace=True), conv(width, outputs, 1)]
        self.f = nn.Sequential(*layers)
        self.missing = outputs - inputs if plain else 0
        same = plain or (inputs == outputs and stride == 1)
        self.shortcut = nn.Identity() if same else conv(inputs, outputs, 1, stride)

    def forward(self, x):
        short = self.shortcut(x)
        if self.missing > 0:
            begin = self.missing // 2
            short = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, begin, self.missing - begin))
        return F.relu(self.f(x) + short, inplace=True)


def resnet(blocks, widths, expansion, stem, classes, plain=False):
    """A residual network."""
    inputs = widths[0]
    layers = list(stem)
    for stage, (count, width) in enumerate(zip(blocks, widths)):
        for i in range(count):
            stride = 2 if stage > 0 and i == 0 else 1
            layers.append(Block(inputs, width, stride, expansion, plain))
            inputs = width * expansion
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes)]
    return nn.Sequential(*layers)


class SoftPool(nn.Module):
    """2x2, composed."""

    def forward(self, x):
        e = torch.exp(x)
        return F.avg_pool2d(x * e, 2) / F.avg_pool2d(e, 2)


def vgg_small(pool, classes):
    """Two convolutions and a pooling, three times."""
    pools = {"maximum": lambda: nn.MaxPool2d(2), "average": lambda: nn.AvgPool2d(2), "soft": SoftPool}
    layers, inputs = [], 3
    for width in (32, 64, 128):
        for _ in range(2):
            layers += [conv(inputs, width, 3), nn.ReLU(inplace=True)]
            inputs = width
        layers.append(pools[pool]())
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes)]
    return nn.Sequential(*layers)


def network(name, pool, classes):
    """The network of a case."""
    if name == "vgg-small":
        return vgg_small(pool, classes)
    if name == "resnet20":
        stem = [conv(3, 16, 3), nn.ReLU(inplace=True)]
        return resnet([3, 3, 3], [16, 32, 64], 1, stem, classes, plain=True)
    stem = [conv(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    blocks, expansion = {"resnet18": ([2, 2, 2, 2], 1), "resnet50": ([3, 4, 6, 3], 4)}[name]
    return resnet(blocks, [64, 128, 256, 512], expansion, stem, classes)


def say(value):
    """One line to the caller."""
    print(json.dumps(value), flush=True)


def main():
    """Serves until there are no more questions."""
    case = json.loads(sys.argv[1])
    torch.manual_seed(1)
    torch.set_num_threads(case["threads"])
    model = network(case["network"], case["pool"], case["classes"]).train()
    sgd = case["sgd"]
    optimizer = torch.optim.SGD(
        model.parameters(), sgd["rate"], sgd["momentum"], weight_decay=sgd["decay"], nesterov=True
    )
    x = torch.randn(case["batch"], 3, case["size"], case["size"])
    labels = torch.arange(case["batch"]) % case["classes"]

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    for _ in range(WARM_STEPS):
        step()
    say({"parameters": sum(p.numel() for p in model.parameters())})
    for line in sys.stdin:
        limit = json.loads(line)["milliseconds"] / 1000
        times = []
        begin = time.perf_counter()
        while len(times) < LEAST_STEPS or time.perf_counter() - begin < limit:
            start = time.perf_counter()
            step()
            times.append((time.perf_counter() - start) * 1000)
        say({"times": times[1:]})


main()
