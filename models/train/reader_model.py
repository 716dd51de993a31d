"""The reader as it is trained: MiniLM's embeddings and lower layers as they are, its upper layers learning, linear heads above."""

import torch
import torch.nn.functional as F

from reader_file import FROM_LAYER, LAYERS, layer, package

WIDTH, ATTENTION_HEADS, EPSILON, READING_EPSILON = 384, 12, 1e-12, 1e-5
HIDE = -1e9
LEVELS = 7


def embedded(weights: dict[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
    """Word + position + token type 0, normalized: [batch, sequence, 384]."""
    places = weights["embeddings.position_embeddings.weight"][: ids.shape[1]] + weights["embeddings.token_type_embeddings.weight"][0]
    x = weights["embeddings.word_embeddings.weight"][ids] + places
    return F.layer_norm(x, (WIDTH,), weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"], EPSILON)


def transformed(w: dict[str, torch.Tensor], x: torch.Tensor, bias: torch.Tensor, dropout: float) -> torch.Tensor:
    """One layer of BERT, [batch, sequence, 384] to the same."""
    batch, sequence, _ = x.shape

    def linear(value: torch.Tensor, name: str) -> torch.Tensor:
        return F.linear(value, w[f"{name}.weight"], w[f"{name}.bias"])

    def normal(value: torch.Tensor, name: str) -> torch.Tensor:
        return F.layer_norm(value, (WIDTH,), w[f"{name}.weight"], w[f"{name}.bias"], EPSILON)

    def split(name: str) -> torch.Tensor:
        return linear(x, f"attention.self.{name}").view(batch, sequence, ATTENTION_HEADS, -1).transpose(1, 2)

    query, key, value = split("query"), split("key"), split("value")
    scores = (query @ key.transpose(-1, -2)) * (query.shape[-1] ** -0.5) + bias
    mixed = (scores.softmax(-1).to(value.dtype) @ value).transpose(1, 2).reshape(batch, sequence, WIDTH)
    x = normal(x + F.dropout(linear(mixed, "attention.output.dense"), dropout), "attention.output.LayerNorm")
    inner = F.gelu(linear(x, "intermediate.dense"))
    return normal(x + F.dropout(linear(inner, "output.dense"), dropout), "output.LayerNorm")


class Reader(torch.nn.Module):
    """Upper layers and heads as parameters; everything below is a constant."""

    def __init__(self, sources: int, categories: int):
        super().__init__()
        self.fixed = package()
        self.upper = torch.nn.ModuleDict({
            str(n): torch.nn.ParameterDict({name.replace(".", "/"): tensor.clone() for name, tensor in layer(self.fixed, n).items()})
            for n in range(FROM_LAYER, LAYERS)
        })
        self.head = torch.nn.Parameter(torch.zeros(WIDTH, categories))
        self.bias = torch.nn.Parameter(torch.full((categories,), -2.0))
        # What a source adds to a category; dropped after training.
        self.offsets = torch.nn.Parameter(torch.zeros(sources, categories))
        # A severity of k or more is a logit above the k-th cut; cuts ascend from the first by these steps.
        self.first_cut = torch.nn.Parameter(torch.zeros(categories))
        self.steps = torch.nn.Parameter(torch.zeros(categories, LEVELS - 1))

    def reading(self, ids: torch.Tensor, mask: torch.Tensor, dropout: float = 0.0) -> torch.Tensor:
        """[batch, 384], mean 0 and variance 1 over its numbers."""
        bias = ((1.0 - mask) * HIDE)[:, None, None, :]
        with torch.no_grad():
            x = embedded(self.fixed, ids)
            for n in range(FROM_LAYER):
                x = transformed(layer(self.fixed, n), x, bias, 0.0)
        for n in range(FROM_LAYER, LAYERS):
            weights = {name.replace("/", "."): tensor for name, tensor in self.upper[str(n)].items()}
            x = transformed(weights, x, bias, dropout)
        mean = (x.float() * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        return F.layer_norm(mean, (WIDTH,), eps=READING_EPSILON)

    def cuts(self) -> torch.Tensor:
        """[categories, 7], ascending."""
        steps = F.softplus(self.steps).cumsum(1)
        return torch.cat([self.first_cut[:, None], self.first_cut[:, None] + steps], 1)

    def weights(self) -> dict[str, torch.Tensor]:
        """The upper layers under BERT's names."""
        return {
            f"encoder.layer.{n}.{name.replace('/', '.')}": tensor.detach()
            for n, tensors in self.upper.items() for name, tensor in tensors.items()
        }
