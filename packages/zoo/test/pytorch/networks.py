"""Losses, scores and gradients of the zoo's networks from PyTorch, for `networks.test.ts`.

    python3 packages/zoo/test/pytorch/networks.py

writes `networks.json` beside itself. Needs torch 1.13 or newer (Debian's python3-torch) and NumPy. Everything
is computed in float64, from weights and pictures that `formula.py` gives; batch normalization takes
the statistics of the batch. Loss: mean cross entropy, with 0.4 of that of each auxiliary head.
"""
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from formula import between, parameter, summary, uniforms

torch.set_num_threads(1)


class Net:
    """Layers with the zoo's names, whose parameters come into being where they are used."""

    def __init__(self, epsilon=1e-5, pool="", gradient="exact", smooth=False):
        self.parameters = {}
        self.epsilon = float(np.float32(epsilon))
        rules = [rule.rpartition("=") for rule in pool.split(",") if rule]
        self.choice = {place: method for place, _, method in rules}
        self.gradient = gradient
        self.smooth = smooth

    def store(self, name, shape):
        value = torch.from_numpy(parameter(name, shape)).double().requires_grad_()
        self.parameters[name] = value
        return value

    def conv(self, name, x, channels, kernel, stride=1, padding=0, groups=1):
        shape = [channels, x.shape[1] // groups, kernel, kernel]
        weight = self.store(f"{name}.weight", shape)
        return F.conv2d(x, weight, None, stride, padding, 1, groups)

    def norm(self, name, x):
        weight = self.store(f"{name}.weight", [x.shape[1]])
        bias = self.store(f"{name}.bias", [x.shape[1]])
        return F.batch_norm(x, None, None, weight, bias, True, 0.1, self.epsilon)

    def active(self, x):
        """ReLU, or Softplus for comparisons in float32, where signs of small numbers may differ."""
        return F.softplus(x, threshold=40) if self.smooth else F.relu(x)

    def unit(self, name, x, channels, kernel, stride=1, padding=0):
        y = self.conv(f"{name}.conv", x, channels, kernel, stride, padding)
        return self.active(self.norm(f"{name}.bn", y))

    def linear(self, name, x, channels):
        weight = self.store(f"{name}.weight", [channels, x.shape[1]])
        return F.linear(x, weight, self.store(f"{name}.bias", [channels]))

    def dropout(self, name, x, p):
        """Keeps what the noise of this name is below 1 - p of."""
        u = torch.from_numpy(between(name, list(x.shape), 0, 1))
        keep = (u < torch.tensor(1 - p, dtype=torch.float32)).double()
        return x * keep * float(np.float32(1 / (1 - p)))

    def classifier(self, name, x, classes, p=0):
        features = x.mean((2, 3))
        return self.linear(name, self.dropout(f"{name}.dropout", features, p) if p else features, classes)

    def pool(self, name, kind, x, kernel, stride, padding=0, ceil=False):
        """A place: what was chosen for it or for all of them, else what is there originally."""
        kind = self.choice.get(name) or self.choice.get("") or kind
        window = (kernel, stride, padding, ceil)
        if kind == "maximum":
            return F.max_pool2d(x, kernel, stride, padding, 1, ceil)
        if kind == "average":
            return F.avg_pool2d(x, *window, count_include_pad=False)
        if kind == "subsample":
            return x[:, :, ::2, ::2]
        # SoftPool: padded taps are 0 in both sums and the divisors cancel.
        e = x.exp()
        if self.gradient == "weights":
            e = e.detach()
        return F.avg_pool2d(x * e, *window) / F.avg_pool2d(e, *window)


def basic(net, path, x, channels, stride, shortcut):
    h = net.active(net.norm(f"{path}.bn1", net.conv(f"{path}.conv1", x, channels, 3, stride, 1)))
    return net.active(net.norm(f"{path}.bn2", net.conv(f"{path}.conv2", h, channels, 3, 1, 1)) + shortcut)


def resnet20(net, x, classes):
    x = net.active(net.norm("bn1", net.conv("conv1", x, 16, 3, 1, 1)))
    for stage, channels in enumerate([16, 32, 64]):
        for i in range(3):
            stride = 2 if stage and not i else 1
            path, shortcut = f"layer{stage + 1}.{i}", x
            if stride == 2:
                missing = channels - x.shape[1]
                sides = (missing // 2, missing - missing // 2)
                shortcut = net.pool(f"{path}.shortcut", "subsample", x, 2, 2)
                shortcut = F.pad(shortcut, (0, 0, 0, 0, *sides))
            x = basic(net, path, x, channels, stride, shortcut)
    return [net.classifier("fc", x, classes)]


def vgg_small(net, x, classes):
    for stage, channels in enumerate([32, 64, 128]):
        for i in (1, 2):
            name = f"{stage + 1}_{i}"
            x = net.active(net.norm(f"bn{name}", net.conv(f"conv{name}", x, channels, 3, 1, 1)))
        x = net.pool(f"pool{stage + 1}", "maximum", x, 2, 2)
    return [net.classifier("fc", x, classes)]


def densenet_40(net, x, classes, growth=12):
    x = net.conv("features.conv0", x, 2 * growth, 3, 1, 1)
    for block in (1, 2, 3):
        for layer in range(1, 7):
            path = f"features.denseblock{block}.denselayer{layer}"
            h = net.active(net.norm(f"{path}.norm1", x))
            h = net.conv(f"{path}.conv1", h, 4 * growth, 1)
            h = net.conv(f"{path}.conv2", net.active(net.norm(f"{path}.norm2", h)), growth, 3, 1, 1)
            x = torch.cat([x, h], 1)
        if block < 3:
            path = f"features.transition{block}"
            h = net.active(net.norm(f"{path}.norm", x))
            x = net.conv(f"{path}.conv", h, x.shape[1] // 2, 1)
            x = net.pool(f"{path}.pool", "average", x, 2, 2)
    return [net.classifier("classifier", net.active(net.norm("features.norm5", x)), classes)]


def resnet(blocks, kind, groups=1, width=64):
    def build(net, x, classes):
        x = net.active(net.norm("bn1", net.conv("conv1", x, 64, 7, 2, 3)))
        x = net.pool("maxpool", "maximum", x, 3, 2, 1)
        for stage, count in enumerate(blocks):
            planes = 64 * 2**stage
            channels = planes if kind == "basic" else 4 * planes
            for i in range(count):
                path = f"layer{stage + 1}.{i}"
                stride = 2 if stage and not i else 1
                shortcut = x
                if stride > 1 or x.shape[1] != channels:
                    shortcut = net.conv(f"{path}.downsample.0", x, channels, 1, stride)
                    shortcut = net.norm(f"{path}.downsample.1", shortcut)
                if kind == "basic":
                    x = basic(net, path, x, planes, stride, shortcut)
                    continue
                inner = planes * width // 64 * groups
                h = net.active(net.norm(f"{path}.bn1", net.conv(f"{path}.conv1", x, inner, 1)))
                h = net.conv(f"{path}.conv2", h, inner, 3, stride, 1, groups)
                h = net.conv(f"{path}.conv3", net.active(net.norm(f"{path}.bn2", h)), channels, 1)
                x = net.active(net.norm(f"{path}.bn3", h) + shortcut)
        return [net.classifier("fc", x, classes)]

    return build


def inception_v1(net, x, classes):
    stages = [
        [("3a", 64, 96, 128, 16, 32, 32), ("3b", 128, 128, 192, 32, 96, 64)],
        [
            ("4a", 192, 96, 208, 16, 48, 64),
            ("4b", 160, 112, 224, 24, 64, 64),
            ("4c", 128, 128, 256, 24, 64, 64),
            ("4d", 112, 144, 288, 32, 64, 64),
            ("4e", 256, 160, 320, 32, 128, 128),
        ],
        [("5a", 256, 160, 320, 32, 128, 128), ("5b", 384, 192, 384, 48, 128, 128)],
    ]
    heads = []
    x = net.unit("conv1", x, 64, 7, 2, 3)
    x = net.pool("maxpool1", "maximum", x, 3, 2, 0, True)
    x = net.unit("conv3", net.unit("conv2", x, 64, 1), 192, 3, 1, 1)
    x = net.pool("maxpool2", "maximum", x, 3, 2, 0, True)
    for stage, modules in enumerate(stages):
        for name, one, reduce2, out2, reduce3, out3, out4 in modules:
            path = f"inception{name}"
            second = net.unit(f"{path}.branch2.0", x, reduce2, 1)
            third = net.unit(f"{path}.branch3.0", x, reduce3, 1)
            pooled = net.pool(f"{path}.branch4.0", "maximum", x, 3, 1, 1, True)
            parts = [
                net.unit(f"{path}.branch1", x, one, 1),
                net.unit(f"{path}.branch2.1", second, out2, 3, 1, 1),
                net.unit(f"{path}.branch3.1", third, out3, 3, 1, 1),
                net.unit(f"{path}.branch4.1", pooled, out4, 1),
            ]
            x = torch.cat(parts, 1)
            head = {"4a": "aux1", "4d": "aux2"}.get(name)
            if head:
                h = net.unit(f"{head}.conv", F.adaptive_avg_pool2d(x, 4), 128, 1)
                h = net.active(net.linear(f"{head}.fc1", h.flatten(1), 1024))
                h = net.dropout(f"{head}.dropout", h, 0.7)
                heads.append(net.linear(f"{head}.fc2", h, classes))
        if stage < 2:
            kernel = 2 if stage else 3
            x = net.pool(f"maxpool{stage + 3}", "maximum", x, kernel, 2, 0, True)
    return [net.classifier("fc", x, classes, 0.2), *heads]


RESNET50 = [3, 4, 6, 3]
MIXED = "maxpool1=soft,maxpool3=average,inception3a.branch4.0=soft,inception4b.branch4.0=average"
CASES = [
    # network, layers, pool, SoftPool's gradient, pictures, their size
    ("resnet20", resnet20, "", "exact", 2, 16),
    ("resnet20", resnet20, "maximum", "exact", 2, 16),
    ("resnet20", resnet20, "soft", "exact", 2, 16),
    ("resnet20", resnet20, "soft", "weights", 2, 16),
    ("vgg-small", vgg_small, "", "exact", 2, 16),
    ("vgg-small", vgg_small, "average", "exact", 2, 16),
    ("vgg-small", vgg_small, "soft", "exact", 2, 16),
    ("vgg-small", vgg_small, "soft", "weights", 2, 16),
    ("densenet-bc-40-12", densenet_40, "", "exact", 2, 16),
    ("densenet-bc-40-12", densenet_40, "soft", "exact", 2, 16),
    ("resnet18", resnet([2, 2, 2, 2], "basic"), "", "exact", 4, 64),
    ("resnet18", resnet([2, 2, 2, 2], "basic"), "soft", "weights", 4, 64),
    ("resnext50-32x4d", resnet(RESNET50, "bottleneck", 32, 4), "average", "exact", 4, 64),
    ("inception-v1", inception_v1, MIXED, "exact", 4, 64),
]
CLASSES = 10


def run(name, layers, pool, gradient, batch, size):
    smooth = size > 32
    net = Net(1e-3 if name == "inception-v1" else 1e-5, pool, gradient, smooth)
    x = torch.from_numpy(between("input", [batch, 3, size, size], -1.5, 1.5)).double()
    labels = torch.from_numpy((uniforms("labels", batch) * CLASSES).astype(np.int64))
    logits, *heads = layers(net, x, CLASSES)
    loss = F.cross_entropy(logits, labels)
    for head in heads:
        loss = loss + 0.4 * F.cross_entropy(head, labels)
    loss.backward()
    return {
        "network": name,
        "pool": pool,
        "gradient": gradient,
        "batch": batch,
        "size": size,
        "smooth": smooth,
        "loss": loss.item(),
        "gradients": {key: summary(key, value.grad) for key, value in net.parameters.items()},
    }


if __name__ == "__main__":
    cases = [run(*case) for case in CASES]
    text = json.dumps({"classes": CLASSES, "torch": torch.__version__, "cases": cases}, indent=2)
    Path(__file__).with_name("networks.json").write_text(text + "\n")
