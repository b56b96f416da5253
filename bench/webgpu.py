"""PyTorch's poolings on CUDA, timed for webgpu.js: reads workloads as JSON, answers times in milliseconds.

Ends with status 1 where there is no PyTorch with CUDA. SoftPool is composed as its users compose it:
avg_pool(x e^x) / avg_pool(e^x). The smallest of ten rounds of fifty runs, between CUDA events.
"""

import json
import sys

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit(1)
if not torch.cuda.is_available():
    sys.exit(1)


def milliseconds(run):
    """The time of one run."""
    for _ in range(5):
        run()
    best = float("inf")
    for _ in range(10):
        start = torch.cuda.Event(enable_timing=True)
        end = torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(50):
            run()
        end.record()
        end.synchronize()
        best = min(best, start.elapsed_time(end) / 50)
    return best


times = {}
for work in json.load(sys.stdin):
    x = torch.randn(*work["shape"], device="cuda")
    if work["layout"] == "NHWC":
        x = x.permute(0, 3, 1, 2)
    window = (work["kernelSize"], work["stride"], work["padding"])
    average = F.avg_pool3d if work["rank"] == 3 else F.avg_pool2d
    maximum = F.max_pool3d if work["rank"] == 3 else F.max_pool2d

    def mean(t):
        return average(t, *window, count_include_pad=False)

    def soft(t):
        e = torch.exp(t)
        return mean(t * e) / mean(e)

    with torch.no_grad():
        own = {
            "average": milliseconds(lambda: mean(x)),
            "maximum": milliseconds(lambda: maximum(x, *window)),
            "soft": milliseconds(lambda: soft(x)),
        }
    leaf = x.detach().requires_grad_()
    y = soft(leaf)
    g = torch.ones_like(y)
    own["soft backward"] = milliseconds(
        lambda: torch.autograd.grad(y, leaf, g, retain_graph=True)
    )
    times[work["id"]] = own

print(
    json.dumps(
        {"torch": torch.__version__, "device": torch.cuda.get_device_name(), "times": times}
    )
)
