"""Small multilayer perceptrons in torch: numbers in pieces, one weight vector for each category, ReLU."""

from __future__ import annotations

import copy
import math
import time
import warnings
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.tables import lower_codes
from lean_automl.data import Task
from lean_automl.errors import MissingDependencyError
from lean_automl.features import FeaturePlan
from lean_automl.learners.base import F64, FitOptions, Problem, Rows, last_rounds, probabilities
from lean_automl.learners.linear import MOST_LEVELS
from lean_automl.learners.pieces import Pieces, fit_pieces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import ProgramBuilder
    from numpy.typing import NDArray

    from lean_automl.features import Frame

BATCH: Final = 256
PATIENCE: Final = 8
MOST_INPUTS: Final = 512  # from numbers
SHARE_OF_TIME: Final = 0.8  # for epochs; a busy machine needs some of the rest
F32 = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class MLP:
    """Settings of one fit.

    Attributes:
        widths: Hidden layers.
        bins: Pieces that a number is cut into at most, beside standardised; 0 for none.
        dropout: Share of the hidden values that a step of training leaves out.
        learning_rate: Of AdamW, with a cosine schedule.
        weight_decay: Of AdamW.
        epochs: Passes over the rows at most.
    """

    widths: tuple[int, ...] = (32, 32)
    bins: int = 0
    dropout: float = 0.0
    learning_rate: float = 8e-3
    weight_decay: float = 1e-2
    epochs: int = 80

    name = "mlp"
    keeps_signs = False

    def fit(self, train: Rows, valid: Rows | None, problem: Problem, options: FitOptions) -> FittedMLP:
        """Fit; with `valid`, keep the best epoch.

        Raises:
            MissingDependencyError: torch is not installed.
        """
        try:
            import torch
        except ImportError as error:
            raise MissingDependencyError("the mlp family needs torch: pip install 'lean-automl[torch]'") from error
        torch.manual_seed(options.seed)
        torch.set_num_threads(options.threads)
        pieces = fit_pieces(train.frame.numbers, bins_that_fit(self.bins, train.frame.numbers.shape[1]))
        centre, spread = _target_scale(train.y, problem)
        categories = _read_categories(train.frame)
        network = _network(self, pieces, [train.frame.levels[j] for j in categories], problem)
        inputs = _inputs(train.frame, categories)
        targets = _targets(train.y, problem, centre, spread)
        weight = None if train.weight is None else torch.tensor(train.weight, dtype=torch.float32)
        held = None
        if valid is not None:
            judged = None if valid.weight is None else torch.tensor(valid.weight, dtype=torch.float32)
            held = (_inputs(valid.frame, categories), _targets(valid.y, problem, centre, spread), judged)
        epochs = _train(network, (inputs, targets, weight), held, self, problem, options)
        return FittedMLP(_weights(network), categories, pieces, centre, spread, problem, epochs)

    def for_all_rows(self, fitted: Sequence[FittedMLP], growth: float) -> MLP:  # noqa: ARG002
        """The same with a fixed number of epochs."""
        return replace(self, epochs=last_rounds(fitted, 1.0))


def _target_scale(y: NDArray[Any], problem: Problem) -> tuple[float, float]:
    if problem.task is not Task.REGRESSION:
        return 0.0, 1.0
    return float(np.median(y) if problem.absolute else np.mean(y)), float(np.std(y)) or 1.0


def _read_categories(frame: Frame) -> list[int]:
    """Positions of the categories that get an embedding: those with few levels, or all if there is nothing else."""
    small = [j for j, levels in enumerate(frame.levels) if levels <= MOST_LEVELS]
    return small if small or frame.numbers.shape[1] else list(range(len(frame.levels)))


def bins_that_fit(bins: int, numbers: int) -> int:
    """As many of the bins as keep the inputs few."""
    return min(bins, MOST_INPUTS // max(1, numbers))


def _network(settings: MLP, pieces: Pieces, levels: Sequence[int], problem: Problem) -> Any:
    import torch
    from torch import nn

    class Network(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            sizes = [*settings.widths, problem.scores]
            scale = pieces.scale
            for name in ("fill", "low", "high", "mean", "deviation"):
                self.register_buffer(name, torch.tensor(getattr(scale, name)), persistent=False)
            self.register_buffer("source", torch.tensor(pieces.source), persistent=False)
            with warnings.catch_warnings():  # a table without numbers leaves no weights here, only the bias
                warnings.filterwarnings("ignore", "Initializing zero-element tensors")
                self.numbers = nn.Linear(pieces.inputs, sizes[0])
            self.categories = nn.ModuleList([nn.Embedding(count, sizes[0]) for count in levels])
            for embedding in self.categories:
                nn.init.normal_(embedding.weight, std=0.1)
            self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in pairwise(sizes)])
            self.dropout = nn.Dropout(settings.dropout)

        def forward(self, numbers: Any, codes: Any) -> Any:
            values = numbers[:, self.source]
            values = torch.where(values.isnan(), self.fill, values).clamp(self.low, self.high)
            hidden = self.numbers((values - self.mean) / self.deviation)
            for j, embedding in enumerate(self.categories):
                hidden = hidden + embedding(codes[:, j])
            for layer in self.layers:
                hidden = layer(self.dropout(hidden.relu()))
            return hidden

    return Network()


def _inputs(frame: Frame, categories: Sequence[int]) -> tuple[Any, Any]:
    import torch

    codes = frame.codes[:, list(categories)].astype(np.int64)
    return torch.tensor(frame.numbers), torch.tensor(codes)


def _targets(y: NDArray[Any], problem: Problem, centre: float, spread: float) -> Any:
    import torch

    if problem.task is Task.MULTICLASS:
        return torch.tensor(y.astype(np.int64))
    return torch.tensor(((y - centre) / spread).astype(np.float32))


def _loss(scores: Any, targets: Any, weight: Any, problem: Problem) -> Any:
    from torch.nn import functional

    if problem.task is Task.MULTICLASS:
        loss = functional.cross_entropy(scores, targets, reduction="none")
    elif problem.task is Task.BINARY:
        loss = functional.binary_cross_entropy_with_logits(scores[:, 0], targets, reduction="none")
    else:
        error = scores[:, 0] - targets
        loss = error.abs() if problem.absolute else error**2
    return loss.mean() if weight is None else (loss * weight).sum() / weight.sum()


def _train(
    network: Any, data: tuple[Any, Any, Any], held: tuple[Any, Any, Any] | None, settings: MLP, problem: Problem,
    options: FitOptions,
) -> int:  # fmt: skip
    """Train in place; returns the epochs whose weights were kept."""
    import torch

    (numbers, codes), targets, weight = data
    rows = numbers.shape[0]
    generator = torch.Generator().manual_seed(options.seed)
    optimizer = AdamW(list(network.parameters()), settings.weight_decay)
    plan = _Epochs(settings.epochs, -(-rows // BATCH), options.deadline)
    best, best_loss, best_epoch = None, float("inf"), 0
    while plan.has_next():
        network.train()
        for index in torch.randperm(rows, generator=generator).split(BATCH):
            own_weight = None if weight is None else weight[index]
            loss = _loss(network(numbers[index], codes[index]), targets[index], own_weight, problem)
            loss.backward()
            optimizer.step(settings.learning_rate * plan.rate(optimizer.steps))
            if options.expired:
                break
        network.eval()
        if held is not None:
            with torch.no_grad():
                held_loss = float(_loss(network(*held[0]), *held[1:], problem))
            if held_loss < best_loss:
                best, best_loss, best_epoch = copy.deepcopy(network.state_dict()), held_loss, plan.epoch
            elif plan.epoch - best_epoch >= PATIENCE:
                break
        if options.expired:
            break
    if best is None:
        return plan.epoch
    network.load_state_dict(best)
    return best_epoch


class AdamW:
    """Adam with decoupled weight decay: Loshchilov and Hutter, ICLR 2019.

    torch's own imports torch's compiler at its first use, which takes longer than most fits here.
    """

    first: Final = 0.9  # decay of the mean of gradients
    second: Final = 0.999  # of that of their squares
    least: Final = 1e-8

    def __init__(self, parameters: list[Any], weight_decay: float) -> None:
        import torch

        self.parameters, self.weight_decay, self.steps = parameters, weight_decay, 0
        self._means = [torch.zeros_like(one) for one in parameters]
        self._squares = [torch.zeros_like(one) for one in parameters]

    def step(self, rate: float) -> None:
        """Change the parameters by their gradients, and clear these."""
        import torch

        self.steps += 1
        of_first, of_second = 1.0 - self.first**self.steps, 1.0 - self.second**self.steps
        with torch.no_grad():
            for parameter, mean, square in zip(self.parameters, self._means, self._squares, strict=True):
                gradient, parameter.grad = parameter.grad, None
                if gradient is None:
                    continue
                parameter.mul_(1.0 - rate * self.weight_decay)
                mean.lerp_(gradient, 1.0 - self.first)
                square.mul_(self.second).addcmul_(gradient, gradient, value=1.0 - self.second)
                size = (square / of_second).sqrt_().add_(self.least)
                parameter.addcdiv_(mean, size, value=-rate / of_first)


class _Epochs:
    """How many there are, and the learning rate: a cosine that ends with the last one.

    The first epoch tells how many the time allows: the rate must come down before it is over.
    """

    def __init__(self, most: int, steps: int, deadline: float) -> None:
        self.most, self.steps, self.deadline = most, steps, deadline
        self.epoch = 0
        self.begin = time.monotonic()

    def has_next(self) -> bool:
        """Count one more epoch, if there is one."""
        if self.epoch == 1:
            took = time.monotonic() - self.begin
            left = max(0.0, self.deadline - time.monotonic())
            self.most = int(min(self.most, 1 + SHARE_OF_TIME * left / max(took, 1e-9)))
        if self.epoch >= self.most:
            return False
        self.epoch += 1
        return True

    def rate(self, step: int) -> float:
        """Factor of the learning rate after so many steps."""
        return 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / (self.most * self.steps))))


def _weights(network: Any) -> list[F32]:
    """Weights and biases: of numbers, of each category, of each further layer."""
    first = [network.numbers.weight.T, network.numbers.bias, *(e.weight for e in network.categories)]
    later = [part for layer in network.layers for part in (layer.weight.T, layer.bias)]
    return [part.detach().numpy().copy() for part in [*first, *later]]


@dataclass(frozen=True, eq=False)
class FittedMLP:
    """Weights of a perceptron, as `_weights` orders them, and the positions of the categories that it reads."""

    weights: list[F32]
    categories: list[int]
    pieces: Pieces
    centre: float
    spread: float
    problem: Problem
    rounds: int

    rounds_take_time = False

    def predict(self, frame: Frame) -> F64:
        """Probabilities (n, classes), or predictions (n, 1)."""
        weight, bias, *rest = self.weights
        hidden = self.pieces.values(frame.numbers) @ weight + bias
        for table, j in zip(rest, self.categories, strict=False):
            hidden = hidden + table[frame.codes[:, j]]
        layers = rest[len(self.categories) :]
        for weight, bias in zip(layers[::2], layers[1::2], strict=True):
            hidden = np.maximum(hidden, 0) @ weight + bias
        return probabilities(hidden.astype(np.float64) * self.spread + self.centre, self.problem)

    def shorten(self, rounds: int) -> FittedMLP:  # noqa: ARG002
        """Itself: there is nothing to shorten."""
        return self

    def lower(self, plan: FeaturePlan, builder: ProgramBuilder) -> int:
        """Value number of the raw scores, float32 (n, scores)."""
        _, _, *rest = self.weights
        hidden = self._lower_first(plan, builder)
        own = rest[len(self.categories) :]
        layers = list(zip(own[::2], own[1::2], strict=True))
        for number, (weight, bias) in enumerate(layers, start=1):
            last = number == len(layers)
            factor, add = (self.spread, self.centre) if last else (1.0, 0.0)
            activation = o.Activation.IDENTITY if last else o.Activation.RELU
            op = o.Dense(
                (hidden,), (weight * factor).astype(np.float32), (bias * factor + add).astype(np.float32), activation
            )
            hidden = builder.add(op)
        return hidden

    def _lower_first(self, plan: FeaturePlan, builder: ProgramBuilder) -> int:
        """Value number of the first layer's outputs."""
        weight, bias, *rest = self.weights
        zero, top = np.zeros(bias.size, dtype=np.float32), np.full(bias.size, np.inf, dtype=np.float32)
        parts = []
        if plan.numeric:
            values = self.pieces.emit(plan, builder)
            scaled = (weight / self.pieces.scale.deviation[:, None]).astype(np.float32)
            if not self.categories:
                return builder.add(o.Dense((values,), scaled, bias, o.Activation.RELU))
            parts.append(builder.add(o.Dense((values,), scaled, zero, o.Activation.IDENTITY)))
        tables = dict(zip(self.categories, rest, strict=False))
        parts.append(lower_codes(tables, bias.astype(np.float64), plan, builder))
        total = parts[0] if len(parts) == 1 else builder.add(o.Blend(tuple(parts), np.ones(2, np.float32), zero))
        return builder.add(o.Clip((total,), zero, top))  # ReLU
