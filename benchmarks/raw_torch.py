"""The workloads in plain PyTorch, as an experienced user writes them for a CPU.

Images are channels_last, so that oneDNN computes without reordering them; Adam is fused; gradients
are set to None; the loss of an epoch stays a tensor until its end; batches are gathered by index.
Initial weights are drawn as Keras draws them: Glorot uniform, orthogonal for recurrent kernels,
zero biases (1 for the LSTM's forget gate), embeddings uniform in +-0.05.
"""

import os
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from workloads import (
    CATEGORIES,
    CONTEXT,
    EMBEDDING,
    FIELDS,
    GPT_DEPTH,
    GPT_HEADS,
    GPT_WIDTH,
    MEASURES,
    RESNET_BLOCKS,
    RESNET_CHANNELS,
    SEPARABLE,
    VOCABULARY,
    WORKLOADS,
)

PREDICT_BATCH = 256
EPSILON = 1e-3  # of the normalizations, as in Keras


def _same(x: torch.Tensor, kernel: int, stride: int) -> torch.Tensor:
    """Pad as "same" does: what is odd goes to the end."""
    pads = []
    for n in (x.shape[3], x.shape[2]):
        surplus = max((-(-n // stride) - 1) * stride + kernel - n, 0)
        pads += [surplus // 2, surplus - surplus // 2]
    return F.pad(x, pads)


class Convolution(nn.Module):
    """Convolution with "same" padding, batch normalization, and a ReLU if asked for."""

    def __init__(
        self, into: int, out: int, kernel: int = 3, stride: int = 1, groups: int = 1,
        relu: bool = True,
    ):  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(
            into, out, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(out, EPSILON, 0.01)
        self.kernel, self.stride, self.relu = kernel, stride, relu

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.stride > 1:
            x = _same(x, self.kernel, self.stride)
        x = self.norm(self.conv(x))
        return F.relu(x, inplace=True) if self.relu else x


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, into: int, out: int, stride: int):
        super().__init__()
        self.first = Convolution(into, out, 3, stride)
        self.second = Convolution(out, out, relu=False)
        self.short = Convolution(into, out, 1, stride, relu=False) if stride > 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.short(x) + self.second(self.first(x)))


class Average(nn.Module):
    """The mean over the positions of an image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))


class LastState(nn.Module):
    """A recurrent layer; the state after the last step, of both directions if there are two."""

    def __init__(self, recurrent: nn.RNNBase):
        super().__init__()
        self.recurrent = recurrent

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, state = self.recurrent(x)
        state = state[0] if isinstance(state, tuple) else state
        return torch.cat((state[-2], state[-1]), 1) if self.recurrent.bidirectional else state[-1]


class Block(nn.Module):
    """Attention and two dense layers, normalized before (GPT) or after."""

    def __init__(self, width: int, heads: int, before: bool):
        super().__init__()
        self.heads, self.before = heads, before
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width, EPSILON), nn.LayerNorm(width, EPSILON)

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        batch, time, width = x.shape
        q, k, v = self.qkv(x).view(batch, time, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.before)
        return self.out(y.transpose(1, 2).reshape(batch, time, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.before:
            x = x + self.attend(self.norm1(x))
            return x + self.down(F.gelu(self.up(self.norm2(x))))
        x = self.norm1(x + self.attend(x))
        return self.norm2(x + self.down(F.gelu(self.up(x))))


class Transformer(nn.Module):
    """The encoder over the rows of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(28, 128)
        self.positions = nn.Parameter(torch.empty(28, 128).uniform_(-0.05, 0.05))
        self.blocks = nn.Sequential(Block(128, 4, False), Block(128, 4, False))
        self.leave = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.leave(self.blocks(self.enter(x) + self.positions).mean(1))


class Gpt(nn.Module):
    """Causal blocks over tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Embedding(VOCABULARY, GPT_WIDTH)
        self.positions = nn.Parameter(torch.empty(CONTEXT, GPT_WIDTH).uniform_(-0.05, 0.05))
        self.blocks = nn.Sequential(*[Block(GPT_WIDTH, GPT_HEADS, True) for _ in range(GPT_DEPTH)])
        self.norm = nn.LayerNorm(GPT_WIDTH, EPSILON)
        self.leave = nn.Linear(GPT_WIDTH, VOCABULARY)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.leave(self.norm(self.blocks(self.enter(x) + self.positions)))


class WideDeep(nn.Module):
    """Embeddings of categories beside measures."""

    def __init__(self) -> None:
        super().__init__()
        self.deep_table = nn.Embedding(CATEGORIES, EMBEDDING)
        self.wide_table = nn.Embedding(CATEGORIES, 1)
        self.dense1 = nn.Linear(FIELDS * EMBEDDING + MEASURES, 256)
        self.dense2 = nn.Linear(256, 128)
        self.leave = nn.Linear(128 + FIELDS, 1)

    def forward(self, categories: torch.Tensor, measures: torch.Tensor) -> torch.Tensor:
        deep = torch.cat((self.deep_table(categories).flatten(1), measures), 1)
        deep = F.relu(self.dense2(F.relu(self.dense1(deep))))
        return self.leave(torch.cat((deep, self.wide_table(categories).flatten(1)), 1))


class Autoencoder(nn.Module):
    """Convolutions down to 64 numbers, transposed ones up again."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 16, 3, 2), nn.Conv2d(16, 32, 3, 2)
        self.narrow, self.wide = nn.Linear(1568, 64), nn.Linear(64, 1568)
        self.up1 = nn.ConvTranspose2d(32, 16, 3, 2, padding=1, output_padding=1)
        self.up2 = nn.ConvTranspose2d(16, 1, 3, 2, padding=1, output_padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.conv1(_same(x, 3, 2)), inplace=True)
        x = F.relu(self.conv2(_same(x, 3, 2)), inplace=True)
        x = F.relu(self.wide(self.narrow(x.flatten(1))), inplace=True)
        x = x.view(-1, 32, 7, 7).contiguous(memory_format=torch.channels_last)
        return torch.sigmoid(self.up2(F.relu(self.up1(x), inplace=True)))


def _residual_blocks() -> list[nn.Module]:
    blocks: list[nn.Module] = []
    into = RESNET_CHANNELS[0]
    for stage, channels in enumerate(RESNET_CHANNELS):
        for block in range(RESNET_BLOCKS):
            blocks.append(Residual(into, channels, 2 if stage and not block else 1))
            into = channels
    return blocks


def _separable_blocks() -> list[nn.Module]:
    blocks: list[nn.Module] = []
    into = 32
    for channels, stride in SEPARABLE:
        blocks += [Convolution(into, into, 3, stride, groups=into), Convolution(into, channels, 1)]
        into = channels
    return blocks


def _build(name: str) -> nn.Module:
    def images(*parts: nn.Module, channels: int) -> nn.Module:
        return nn.Sequential(*parts, Average(), nn.Linear(channels, 10))

    if name == "mlp":
        return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10))
    if name == "mlp_small":
        return nn.Sequential(
            nn.Linear(4, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(), nn.Linear(200, 3)
        )
    if name == "cnn":
        return nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10),
        )  # fmt: skip
    if name == "cnn_bn":
        sizes = zip((3, 32, 64), (32, 64, 128), strict=True)
        return images(*[Convolution(a, b, 3, 2) for a, b in sizes], channels=128)
    if name == "resnet20":
        return images(Convolution(3, RESNET_CHANNELS[0]), *_residual_blocks(), channels=64)
    if name == "depthwise":
        return images(Convolution(3, 32), *_separable_blocks(), channels=SEPARABLE[-1][0])
    if name == "lstm":
        last = LastState(nn.LSTM(28, 128, batch_first=True))
        return nn.Sequential(last, nn.Linear(128, 10))
    if name == "gru_bidir":
        last = LastState(nn.GRU(28, 64, 2, batch_first=True, bidirectional=True))
        return nn.Sequential(last, nn.Linear(128, 10))
    others = {"transformer": Transformer, "gpt_small": Gpt, "wide_deep": WideDeep}
    return {**others, "autoencoder": Autoencoder}[name]()


@torch.no_grad()
def _initialize(model: nn.Module) -> None:
    """Draw the weights as Keras does."""
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            module.weight.uniform_(-0.05, 0.05)
        elif isinstance(module, nn.RNNBase):
            units = module.hidden_size
            for name, weight in module.named_parameters():
                if name.startswith("weight_ih"):
                    nn.init.xavier_uniform_(weight)
                elif name.startswith("weight_hh"):
                    nn.init.orthogonal_(weight)
                else:
                    weight.zero_()
                    if module.mode == "LSTM" and name.startswith("bias_ih"):
                        weight[units : 2 * units] = 1
        elif isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                module.bias.zero_()


class Peer:
    """PyTorch's side of a workload."""

    def __init__(self, name: str):
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        torch.manual_seed(0)
        workload = WORKLOADS[name]
        self.loss, self.batch = workload.loss, workload.batch
        self.model = _build(name)
        _initialize(self.model)
        self.model = self.model.to(memory_format=torch.channels_last)
        parameters = self.model.parameters()
        self.optimizer: torch.optim.Optimizer
        if workload.optimizer == "adam":
            self.optimizer = torch.optim.Adam(parameters, 0.001, eps=1e-7, fused=True)
        else:
            # Keras adds 1e-7 inside of the root
            self.optimizer = torch.optim.RMSprop(
                parameters, 0.001, alpha=0.9, eps=1e-7**0.5, foreach=True
            )

    def _call(self, x: list[torch.Tensor]) -> torch.Tensor:
        # a view: the samples lie channels last, which torch names in another order
        return self.model(*[part.permute(0, 3, 1, 2) if part.ndim == 4 else part for part in x])

    def _losses(self, out: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss, and how many are right."""
        if self.loss == "pixels":
            return F.mse_loss(out, y.permute(0, 3, 1, 2)), torch.zeros(())
        if self.loss == "yes_no":
            right = ((out > 0) == (y > 0.5)).sum()
            return F.binary_cross_entropy_with_logits(out, y), right
        if self.loss == "tokens":
            return F.cross_entropy(out.flatten(0, 1), y.flatten()), torch.zeros(())
        return F.cross_entropy(out, y), (out.argmax(1) == y).sum()

    def _tensors(self, x: list[Any], y: Any) -> tuple[list[torch.Tensor], torch.Tensor]:
        labels = torch.from_numpy(y)
        classes = self.loss in ("classes", "tokens")
        return [torch.from_numpy(part) for part in x], labels.long() if classes else labels

    def fit(self, x: list[Any], y: Any, epochs: int, clock: Any) -> float:
        """Train and return the loss of the last epoch."""
        inputs, labels = self._tensors(x, y)
        mean = 0.0
        self.model.train()
        for _ in range(epochs):
            total, right = torch.zeros(()), torch.zeros(())
            for rows in torch.randperm(len(y)).split(self.batch):
                self.optimizer.zero_grad(set_to_none=True)
                out = self._call([part[rows] for part in inputs])
                loss, hits = self._losses(out, labels[rows])
                loss.backward()
                self.optimizer.step()
                total += loss.detach() * len(rows)
                right += hits
            mean, _ = total.item() / len(y), right.item() / len(y)
            clock.tick()
        return mean

    @torch.inference_mode()
    def evaluate(self, x: list[Any], y: Any) -> float:
        """The loss on all samples."""
        inputs, labels = self._tensors(x, y)
        self.model.eval()
        total, right = torch.zeros(()), torch.zeros(())
        for i in range(0, len(y), PREDICT_BATCH):
            rows = slice(i, i + PREDICT_BATCH)
            loss, hits = self._losses(self._call([part[rows] for part in inputs]), labels[rows])
            total += loss * len(labels[rows])
            right += hits
        right.item()
        return total.item() / len(y)

    @torch.inference_mode()
    def predict(self, x: list[Any]) -> Any:
        """The outputs for all samples, as numpy."""
        inputs = [torch.from_numpy(part) for part in x]
        self.model.eval()
        outputs = []
        for i in range(0, len(x[0]), PREDICT_BATCH):
            out = self._call([part[i : i + PREDICT_BATCH] for part in inputs])
            if self.loss == "classes":
                out = out.softmax(-1)
            elif self.loss == "yes_no":
                out = out.sigmoid()
            outputs.append(out)
        return torch.cat(outputs).numpy()
