"""The guard as it is trained: a LLaMA 2 decoder whose suffixes share one prefix.

Parameter names are those of Hugging Face's LlamaForCausalLM, which loads the weights as they are
(`guard_export.py` compares the two). Only the way through differs: many prompts behind one common
prefix (the categories) are run together, so that the prefix is computed once a batch.
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass
class Shape:
    """The numbers of a LlamaConfig that matter here."""

    vocab_size: int = 8000
    hidden_size: int = 256
    intermediate_size: int = 704
    num_hidden_layers: int = 3
    num_attention_heads: int = 8
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10000.0
    max_position_embeddings: int = 4096

    def hugging_face(self) -> dict:
        """The arguments of LlamaConfig."""
        numbers = asdict(self)
        theta = numbers.pop("rope_theta")
        return numbers | {
            "num_key_value_heads": self.num_attention_heads,
            "rope_parameters": {"rope_type": "default", "rope_theta": theta},
            "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None, "tie_word_embeddings": False,
        }


class RMSNorm(nn.Module):
    def __init__(self, size: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions on [tokens, heads, head size]."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


class Attention(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        size = shape.hidden_size
        self.heads = shape.num_attention_heads
        self.q_proj = nn.Linear(size, size, bias=False)
        self.k_proj = nn.Linear(size, size, bias=False)
        self.v_proj = nn.Linear(size, size, bias=False)
        self.o_proj = nn.Linear(size, size, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, prefix: int, rows: int, mask: Tensor) -> Tensor:
        tokens, size = x.shape
        head = size // self.heads
        weights = torch.cat((self.q_proj.weight, self.k_proj.weight, self.v_proj.weight))
        q, k, v = F.linear(x, weights).view(tokens, 3, self.heads, head).unbind(1)
        q, k = rotated(q, cos, sin), rotated(k, cos, sin)
        # [heads, prefix, head] and [rows, heads, length, head]
        first = [t[:prefix].transpose(0, 1) for t in (q, k, v)]
        rest = [t[prefix:].view(rows, -1, self.heads, head).transpose(1, 2) for t in (q, k, v)]
        over = F.scaled_dot_product_attention(
            rest[0], *(torch.cat((a.expand(rows, -1, -1, -1), b), dim=2) for a, b in zip(first[1:], rest[1:])), attn_mask=mask
        )
        over = over.transpose(1, 2).reshape(tokens - prefix, size)
        if prefix:
            before = F.scaled_dot_product_attention(*(t[None] for t in first), is_causal=True)[0]
            over = torch.cat((before.transpose(0, 1).reshape(prefix, size), over))
        return self.o_proj(over)


class FeedForward(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden_size, shape.intermediate_size, bias=False)
        self.up_proj = nn.Linear(shape.hidden_size, shape.intermediate_size, bias=False)
        self.down_proj = nn.Linear(shape.intermediate_size, shape.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.input_layernorm = RMSNorm(shape.hidden_size, shape.rms_norm_eps)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = RMSNorm(shape.hidden_size, shape.rms_norm_eps)
        self.mlp = FeedForward(shape)

    def forward(self, x: Tensor, *around) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), *around)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocab_size, shape.hidden_size)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.num_hidden_layers))
        self.norm = RMSNorm(shape.hidden_size, shape.rms_norm_eps)


class Guard(nn.Module):
    """LlamaForCausalLM for one prefix and many suffixes."""

    def __init__(self, shape: Shape, seed: int = 0):
        super().__init__()
        torch.manual_seed(seed)
        self.shape = shape
        self.model = Decoder(shape)
        self.lm_head = nn.Linear(shape.hidden_size, shape.vocab_size, bias=False)
        deep = (2 * shape.num_hidden_layers) ** -0.5
        for name, weights in self.named_parameters():
            if weights.dim() == 2:
                nn.init.normal_(weights, std=0.04 * (deep if name.endswith(("o_proj.weight", "down_proj.weight")) else 1))
        head = shape.hidden_size // shape.num_attention_heads
        frequencies = shape.rope_theta ** (-torch.arange(0, head, 2) / head)
        angles = torch.arange(2048)[:, None] * frequencies
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, prefix: Tensor, suffixes: Tensor) -> Tensor:
        """Last hidden states [rows, length, hidden] of `suffixes` [rows, length] behind `prefix` [length]; padding at the right."""
        start, (rows, length) = len(prefix), suffixes.shape
        x = self.model.embed_tokens(torch.cat((prefix, suffixes.flatten())))
        places = torch.cat((torch.arange(start), (start + torch.arange(length)).repeat(rows)))
        cos, sin = self.cos[places][:, None], self.sin[places][:, None]
        mask = torch.ones(length, start + length, dtype=torch.bool).tril(start)
        for layer in self.model.layers:
            x = layer(x, cos, sin, start, rows, mask)
        return self.model.norm(x[start:]).view(rows, length, -1)
