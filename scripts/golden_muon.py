#!/usr/bin/env python3
"""Three steps of PyTorch's own Muon on small matrices: tests/golden/muon.json (torch 2.15.0 made it).

    pip install torch && scripts/golden_muon.py > tests/golden/muon.json

PyTorch orthogonalises in bf16, lace in f32: they agree to what eight bits leave after five rounds.
"""
import json

import torch

cases = []
for rows, cols in ((4, 4), (3, 8), (8, 3), (6, 1), (16, 24)):
    torch.manual_seed(rows * 100 + cols)
    w = torch.nn.Parameter(torch.randn(rows, cols))
    start, steps = w.detach().flatten().tolist(), []
    optimizer = torch.optim.Muon([w], lr=0.05, weight_decay=0.2, momentum=0.9, nesterov=True,
                                 adjust_lr_fn="match_rms_adamw")
    for _ in range(3):
        w.grad = torch.randn(rows, cols)
        optimizer.step()
        steps.append({"gradient": w.grad.flatten().tolist(), "weights": w.detach().flatten().tolist()})
    cases.append({"rows": rows, "cols": cols, "start": start, "steps": steps})


def short(x):
    return [short(v) for v in x] if isinstance(x, list) else float("%.6g" % x) if isinstance(x, float) else x


for case in cases:
    case["start"] = short(case["start"])
    for step in case["steps"]:
        step["gradient"], step["weights"] = short(step["gradient"]), short(step["weights"])
print(json.dumps({"lr": 0.05, "weight_decay": 0.2, "momentum": 0.9, "cases": cases}))
