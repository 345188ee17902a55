"""Writes golden.json: attention_test.cpp's readout by PyTorch's own scaled_dot_product_attention."""

import pathlib
import sys

import torch

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

C, H, W, N = 4, 8, 6, 3
x = golden.wave(2, C, 6, H, W).double()
query, row, column, weights, bias = (
    golden.sines(torch.Size(shape).numel(), k).float().double().reshape(shape)
    for k, shape in enumerate([(C, N), (H, N), (W, N), (C, N), (N,)])
)
pixels = x.permute(0, 2, 3, 4, 1).reshape(2, 6, H * W, C)
place = (row[:, None] + column[None]).reshape(H * W, N).T
seen = torch.nn.functional.scaled_dot_product_attention(query.T.expand(2, 6, N, C), pixels, pixels, attn_mask=place)
rates = torch.nn.functional.softplus((seen * weights.T).sum(-1) + bias)
golden.write(here / "golden.json", {"rates": rates})
