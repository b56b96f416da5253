"""Small networks as PyTorch exports them, with PyTorch's gradients of their parameters, for `exports.test.ts`.

    python3 packages/zoo/test/pytorch/exports.py

writes `exports/NAME.onnx` and `exports.json` beside itself. Needs torch 1.13 or newer (Debian's python3-torch)
and NumPy. Networks are exported in evaluation mode and keep their batch normalization. Gradients are those of
the sum of the scores times fixed numbers, in float64. With `soft` every maximum is SoftPool on the same
window, with its derivative or with the weights alone as gradient.
"""
import json
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

from formula import between, parameter, summary

torch.set_num_threads(1)


class SoftPool(nn.Module):
    """SoftPool in two dimensions; padded taps do not exist."""

    def __init__(self, pool, gradient):
        super().__init__()
        self.window = (pool.kernel_size, pool.stride, pool.padding, pool.ceil_mode)
        self.gradient = gradient

    def forward(self, x):
        e = x.exp()
        if self.gradient == "weights":
            e = e.detach()
        return F.avg_pool2d(x * e, *self.window) / F.avg_pool2d(e, *self.window)


class Residual(nn.Module):
    """x + f(x), through g where shapes differ."""

    def __init__(self, f, g=None, after=None):
        super().__init__()
        self.f, self.g, self.after = f, g or nn.Identity(), after or nn.Identity()

    def forward(self, x):
        return self.after(self.f(x) + self.g(x))


class Scaled(nn.Module):
    """Squeeze and excitation: x times what f makes of it."""

    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return x * self.f(x)


class Side(nn.Module):
    """What several modules make of the same, one after the other."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x):
        return torch.cat([part(x) for part in self.parts], 1)


class Resized(nn.Module):
    """Interpolation by 2."""

    def __init__(self, **options):
        super().__init__()
        self.options = options

    def forward(self, x):
        return F.interpolate(x, scale_factor=2, **self.options)


class Warped(nn.Module):
    """A spatial transformer: an affine map that the picture itself gives."""

    def __init__(self, f, **options):
        super().__init__()
        self.f, self.options = f, options
        rows, columns = torch.meshgrid(torch.linspace(-1, 1, 7), torch.linspace(-1, 1, 6), indexing="ij")
        grid = torch.stack([columns, rows, torch.ones_like(rows)], -1).reshape(1, 42, 3)
        self.register_buffer("grid", grid)

    def forward(self, x):
        grid = self.grid @ self.f(x).reshape(-1, 3, 2)
        return F.grid_sample(x, grid.reshape(-1, 7, 6, 2), **self.options)


class Attention(nn.Module):
    """Self-attention with two heads over positions."""

    def __init__(self, width):
        super().__init__()
        self.into, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        n, length, width = x.shape
        parts = self.into(x).reshape(n, length, 3, 2, width // 2).permute(2, 0, 3, 1, 4)
        q, k, v = parts[0], parts[1], parts[2]
        weights = torch.softmax(q @ k.transpose(-2, -1) * (width // 2) ** -0.5, -1)
        return self.out((weights @ v).transpose(1, 2).reshape(n, length, width))


class Tokens(nn.Module):
    """Positions of a map in a row, with a learned token before them."""

    def __init__(self, width, length):
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.place = nn.Parameter(torch.zeros(1, length + 1, width))

    def forward(self, x):
        rows = x.flatten(2).transpose(1, 2)
        return torch.cat([self.token.expand(x.shape[0], -1, -1), rows], 1) + self.place


class First(nn.Module):
    """The first position."""

    def forward(self, x):
        return x[:, 0]


def conv(*args, **options):
    return nn.Conv2d(*args, **options)


def basic(before, after, stride):
    f = [conv(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    f += [conv(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)]
    g = None if stride == 1 else nn.Sequential(conv(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
    return Residual(nn.Sequential(*f), g, nn.ReLU())


def squeeze(channels):
    inner = [nn.AdaptiveAvgPool2d(1), conv(channels, 4, 1), nn.ReLU(), conv(4, channels, 1), nn.Hardsigmoid()]
    return Scaled(nn.Sequential(*inner))


def head(channels, scores=5):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, scores)]


def affine(flat):
    return nn.Sequential(nn.Flatten(), nn.Linear(flat, 6), nn.Tanh())


def networks():
    picture = [2, 3, 12, 11]
    cnn = [conv(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), conv(6, 8, (3, 2), padding=(1, 0)), nn.ReLU()]
    cnn += [nn.AvgPool2d(3, 2, 1), nn.Flatten(), nn.Linear(48, 10), nn.ReLU(), nn.Dropout(), nn.Linear(10, 5)]
    yield "cnn", 9, picture, cnn
    residual = [conv(3, 6, 5, 2, 2, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    yield "residual", 11, [2, 3, 23, 21], [*residual, basic(6, 6, 1), basic(6, 8, 2), *head(8)]
    wide = [conv(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish()]
    wide += [conv(8, 8, 3, 1, 1, groups=8, bias=False), nn.BatchNorm2d(8), nn.Hardswish(), squeeze(8)]
    wide += [conv(8, 12, 1), nn.ReLU6(), conv(12, 12, 3, 1, 2, 2, 4), nn.Hardswish(), nn.MaxPool2d(2, ceil_mode=True)]
    yield "separable", 14, picture, [*wide, *head(12)]
    norms = [conv(3, 8, 3), nn.GroupNorm(2, 8), nn.SiLU(), conv(8, 6, 3), nn.InstanceNorm2d(6, affine=True)]
    norms += [nn.ELU(), nn.LocalResponseNorm(3, 0.5), conv(6, 4, 3), nn.LayerNorm([4, 6, 5]), nn.Tanh(), *head(4)]
    yield "norms", 13, picture, norms
    up = nn.ConvTranspose2d(6, 4, 3, 2, 1, 1, groups=2)
    decoder = [conv(3, 6, 3, 2, 1), nn.ReLU(), Side(up, Resized(mode="nearest"), Resized(mode="bilinear"))]
    decoder += [conv(16, 8, 3, padding=1, padding_mode="reflect"), nn.Sigmoid(), nn.PixelShuffle(2), conv(2, 2, 1)]
    yield "decoder", 13, [2, 3, 8, 6], decoder
    names = [nn.PReLU(4), nn.LeakyReLU(0.1), nn.GELU(), nn.SiLU(), nn.Mish(), nn.Softplus(), nn.CELU(0.5), nn.SELU()]
    names += [nn.Softsign(), nn.LogSigmoid(), nn.Hardtanh(), nn.PReLU()]
    yield "activations", 16, picture, [conv(3, 4, 3), Side(*names), conv(48, 4, 1), *head(4), nn.LogSoftmax(1)]
    pools = [nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(3, 2, ceil_mode=True, count_include_pad=False)]
    pools += [nn.LPPool2d(2, 2), nn.MaxPool2d(3, 2, 1), nn.MaxPool2d(2, 2, 1, 2), nn.AvgPool2d(2, 2)]
    pools += [nn.AdaptiveMaxPool2d((5, 5)), nn.AdaptiveAvgPool2d((5, 5))]
    same = [conv(3, 4, 3, padding=1), Side(nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(3, 1, 1, count_include_pad=False))]
    last = [nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(32, 5)]
    yield "pools", 12, [2, 3, 10, 10], [*same, conv(8, 4, 1), Side(*pools), *last]
    line = [nn.Conv1d(3, 6, 3, 1, 2, 2), nn.BatchNorm1d(6), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(6, 6, 4, 2, 1, 1, 3)]
    line += [nn.ReLU(), nn.AvgPool1d(3, 1, 1), nn.Conv1d(6, 8, 1), nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(8, 5)]
    yield "line", 10, [2, 3, 25], line
    volume = [nn.Conv3d(2, 4, 3, 1, 1), nn.BatchNorm3d(4), nn.ReLU(), nn.MaxPool3d((1, 2, 2)), nn.Conv3d(4, 4, (3, 1, 1), groups=2)]
    volume += [nn.ReLU(), nn.AvgPool3d(2, ceil_mode=True), nn.ConvTranspose3d(4, 2, 2, 2), nn.AdaptiveAvgPool3d(1)]
    yield "volume", 11, [2, 2, 5, 7, 6], [*volume, nn.Flatten(), nn.Linear(2, 5)]
    hidden = nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))
    tokens = [conv(3, 8, 4, 4), Tokens(8, 6), Residual(nn.Sequential(nn.LayerNorm(8), Attention(8))), Residual(hidden)]
    yield "attention", 17, [2, 3, 12, 8], [*tokens, nn.LayerNorm(8), First(), nn.Linear(8, 5)]
    bordered = Warped(affine(4 * 42), mode="bilinear", padding_mode="border", align_corners=False)
    warped = [conv(3, 4, 3, padding=1), Warped(affine(4 * 64), align_corners=True), conv(4, 4, 1), nn.ReLU(), bordered]
    yield "warped", 16, [2, 3, 8, 8], [*warped, conv(4, 2, 1)]


def filled(model):
    """The values of all parameters and running statistics."""
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        if name.endswith(("num_batches_tracked", "grid")):
            continue
        low, high = (0.5, 1.5) if name.endswith("running_var") else (-0.3, 0.3)
        shape = list(value.shape)
        data = between(name, shape, low, high) if "running_" in name else parameter(name, shape)
        value.data, value.grad = torch.from_numpy(data), None
    return model.eval()


def softened(layers, gradient):
    return [SoftPool(layer, gradient) if isinstance(layer, nn.MaxPool2d) else layer for layer in layers]


def gradients(layers, shape):
    model = filled(nn.Sequential(*layers)).double()
    x = torch.from_numpy(between("input", shape, -1.5, 1.5)).double().requires_grad_()
    y = model(x)
    loss = (y * torch.from_numpy(between("seed", list(y.shape), -1, 1))).sum()
    loss.backward()
    found = {name: summary(name, value.grad) for name, value in model.named_parameters()}
    return {"loss": loss.item(), "gradients": {"input": summary("input", x.grad), **found}}


if __name__ == "__main__":
    folder = Path(__file__).with_name("exports")
    folder.mkdir(exist_ok=True)
    cases = []
    for name, opset, shape, layers in networks():
        model = filled(nn.Sequential(*layers)).float()
        x = torch.from_numpy(between("input", shape, -1.5, 1.5))
        torch.onnx.export(
            model,
            (x,),
            folder / f"{name}.onnx",
            opset_version=opset,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            input_names=["input"],
            output_names=["output"],
        )
        case = {"name": name, "input": "x".join(map(str, shape))}
        cases.append({**case, "pool": "", "gradient": "exact", **gradients(layers, shape)})
        if name in ("cnn", "residual", "separable"):
            for gradient in ("exact", "weights"):
                soft = gradients(softened(layers, gradient), shape)
                cases.append({**case, "pool": "soft", "gradient": gradient, **soft})
    text = json.dumps({"torch": torch.__version__, "cases": cases}, indent=2)
    Path(__file__).with_name("exports.json").write_text(text + "\n")
