"""What ships, with which engine, and what a Program costs there, as constraint violations.

| target            | files                    | engine that the limit holds for          |
|-------------------|--------------------------|------------------------------------------|
| auto              | model.lam and model.onnx | the fastest installed, and onnxruntime   |
| native, numba,    | model.lam                | that one                                 |
| reference         |                          |                                          |
| onnx              | model.onnx               | onnxruntime                              |
| c                 | model.h, and beside it   | the header, compiled here; limits do not |
|                   | model.lam                | hold for the artifact that it comes from |

With `auto`, a file is left out whose engine alone takes more time or memory than the limit, whatever the model; or
more time with a small model of as many columns, if the other file is quicker: students would lose more by being made
to fit than such a file is worth. A file that breaks the limit on latency in the last check is left out too, if the
other one keeps it.

Under a limit on size, and none on latency or a distant one, trees are written to ONNX in the form that takes the fewest
bytes, which is not the quickest. So is a header under a small limit on size.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from lean_automl_exporters.onnx import OnnxOptions, TreeEncoding, export_onnx
from lean_automl_runtime.artifact import Artifact, write_artifact
from lean_automl_runtime.engines import ENGINES, available, make_engine, require_engine
from lean_automl_runtime.engines.onnx import OnnxEngine
from lean_automl_runtime.measure import measure_in_process
from lean_automl_runtime.measure.child import batches
from lean_automl_runtime.measure.rows import rotation
from lean_automl_runtime.model import Model

from lean_automl.compiler.c_timer import WHY
from lean_automl.compiler.c_tools import find_compiler
from lean_automl.errors import ConfigError, InfeasibleError
from lean_automl.student.floors import least_program, memory_mb
from lean_automl.student.header import HEADER_FILE, header_bytes, header_text, quick_us

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from lean_automl_runtime.ir import Column, Program

    from lean_automl.config import Constraints
    from lean_automl.student.costs import Costs

ARTIFACT_FILE: Final = "model.lam"
ONNX_FILE: Final = "model.onnx"
DISTANT: Final = 30  # a limit on latency that many times what a session takes before any model
AMPLE: Final = 10  # the same where a small model, which takes some times that, need not be looked at
LATENCY_AIM: Final = 0.85  # of the limit, for a median at most: the limit is for a higher quantile
SURELY: Final = 0.9  # of a limit on latency: what comes nearer may well break it when it is measured again
MOST_SLOWED: Final = 0.65  # of a look: what disturbs the control kernel more may disturb the model less
SAME_SPEED: Final = 1.15  # medians of the control kernel that differ by less are of one speed
FEW_BYTES: Final = 8_000  # a limit on size up to which it counts that a header's quickest code takes a kilobyte more
METADATA_BYTES: Final = {ARTIFACT_FILE: 500, ONNX_FILE: 1_100, HEADER_FILE: 0}  # what final files say of themselves


def quick_latencies(
    program: Program,
    files: Mapping[str, tuple[str, bytes]],
    records: list[dict[str, Any]],
    batch_size: int | None,
    control_us: float = 0.0,
) -> dict[str, float]:
    """Median latency of a call for each file, by a quick look in this process.

    Args:
        program: What is in the files.
        files: Engine and content by name.
        records: Raw records.
        batch_size: Rows of a call; None for one row.
        control_us: Median of the control kernel at a speed that the machine is known to have. A look at a moment when
            it is much quicker or slower is taken in proportion to it: the files will be measured at that one. 0 if
            none is known.
    """
    latency = {}
    tables = [] if batch_size is None or HEADER_FILE in files else batches(rotation(records), batch_size)
    for name, (engine, content) in files.items():
        if name == HEADER_FILE:
            latency[name] = quick_us(program, content.decode(), records, batch_size or 1)
            continue
        model = _model(program, content, engine)
        found = measure_in_process(model.predict if tables else model.predict_one, tables or records)
        latency[name] = found.total.at(0.5).value_us * _to_known_speed(control_us, found.control_us)
    return latency


def _to_known_speed(known_us: float, seen_us: float) -> float:
    """What a look is multiplied by that was taken while the control kernel took `seen_us`."""
    slower = known_us / seen_us
    if known_us <= 0 or 1 / SAME_SPEED <= slower <= SAME_SPEED:
        return 1.0
    return max(slower, MOST_SLOWED)


@dataclass(frozen=True)
class Deployment:
    """Files that ship.

    Attributes:
        engines: Engine that the limits hold for, by file name.
        floors_us: What a call takes before any model, by file name; empty if that was not measured.
        costs: Of a device that is not here: latencies are predicted; None to measure them.
        aims_us: Medians that keep the limit, by file name, where that was found out (`aims.py`).
        encoding: How an ONNX file says trees.
        few_bytes: Whether a header takes the fewest bytes rather than the least time.
        timer: As `quick_latencies`, where nothing disturbs it.
        sheds: Whether a file that breaks the limit on latency in the last check may be left out, if another keeps it.
    """

    engines: dict[str, str]
    floors_us: dict[str, float] = field(default_factory=dict)
    costs: Costs | None = None
    aims_us: Mapping[str, float] = field(default_factory=dict)
    encoding: TreeEncoding = TreeEncoding.AUTO
    few_bytes: bool = False
    sheds: bool = False
    timer: Callable[..., dict[str, float]] = quick_latencies

    def without(self, names: Collection[str]) -> Deployment:
        """The same less some files."""
        return replace(self, engines={name: engine for name, engine in self.engines.items() if name not in names})

    def only(self, name: str) -> Deployment:
        """The same with one of the files."""
        return self.without([other for other in self.engines if other != name])

    def aim_us(self, name: str, limit_us: float) -> float:
        """What a quick look at a file may find, so that its slow calls keep a limit on latency.

        A prediction for a device counts slow calls in.
        """
        return self.aims_us.get(name, limit_us if self.costs is not None else LATENCY_AIM * limit_us)

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all that ships: what the limits hold for, and beside a header the artifact that it comes from."""
        return (*self.engines, ARTIFACT_FILE) if HEADER_FILE in self.engines else tuple(self.engines)

    def has_ample_time(self, limit_us: float) -> bool:
        """Whether no file takes so long before any model that a small one could come near the limit."""
        return bool(self.floors_us) and AMPLE * max(self.floors_us.values()) <= limit_us

    def contents(self, program: Program, metadata: dict[str, Any] | None = None) -> dict[str, bytes]:
        """Content of every file, by name."""
        writers = {
            ARTIFACT_FILE: lambda: write_artifact(Artifact(program, metadata or {})),
            ONNX_FILE: lambda: export_onnx(program, OnnxOptions(self.encoding), metadata or {}),
            HEADER_FILE: lambda: header_text(program, few_bytes=self.few_bytes).encode(),
        }
        return {name: writers[name]() for name in self.files}

    def sizes(self, program: Program) -> dict[str, int]:
        """Bytes of each file that limits hold for, with room for what the final files say about themselves."""
        return self._sizes(self.contents(program))

    def _sizes(self, files: Mapping[str, bytes]) -> dict[str, int]:
        return {name: limited_bytes(name, files[name]) + METADATA_BYTES[name] for name in self.engines}

    def footprint(
        self, program: Program, records: Sequence[dict[str, Any]], constraints: Constraints | None = None
    ) -> Footprint:
        """Sizes, and a quick latency unless there are constraints without a limit on it.

        Args:
            program: What would ship.
            records: Raw records to measure with.
            constraints: The limits.
        """
        batch = None if constraints is None or constraints.batch_size == 1 else constraints.batch_size
        files = self.contents(program)
        sizes = self._sizes(files)
        if constraints is not None and constraints.max_latency_us is None:
            return Footprint(sizes, {})
        if self.costs is not None:
            return Footprint(sizes, self.costs.predict_us(program), self.costs.upper_us(program))
        work = {name: (engine, files[name]) for name, engine in self.engines.items()}
        return Footprint(sizes, self.timer(program, work, list(records), batch))

    def models(self, program: Program) -> dict[str, Model]:
        """A Program as each file would serve it, by name."""
        files = self.contents(program)
        return {name: _model(program, files[name], engine) for name, engine in self.engines.items()}


def limited_bytes(name: str, content: bytes) -> int:
    """What a limit on size is for: the bytes of a file, or of a header's code and tables, compiled."""
    return header_bytes(content.decode()) if name == HEADER_FILE else len(content)


def _model(program: Program, content: bytes, engine: str) -> Model:
    if engine == "onnx":
        session = OnnxEngine(content)
        return Model(session, session.columns, session.classes, {})
    return Model(make_engine(program, engine), program.columns, program.classes, {})


EVERY_FILE: Final = Deployment({ARTIFACT_FILE: "auto", ONNX_FILE: "onnx"})


@dataclass(frozen=True)
class Footprint:
    """What a Program costs.

    Attributes:
        sizes: Bytes of each file.
        latency_us: Median of a call for each file with its own engine, measured in this process, or predicted for a
            device that is not here; empty without a limit.
        upper_us: For such a device, what the limit is checked against: with margin and tail.
    """

    sizes: dict[str, int]
    latency_us: dict[str, float]
    upper_us: dict[str, float] = field(default_factory=dict)

    def violations(self, constraints: Constraints) -> dict[str, float]:
        """Relative excess over each limit: `value / limit - 1`, at most 0 where it is met."""
        found = {}
        if constraints.max_size_bytes is not None:
            found["size"] = max(self.sizes.values()) / constraints.max_size_bytes - 1
        if constraints.max_latency_us is not None and self.latency_us:
            found["latency"] = self.slowest_us / constraints.max_latency_us - 1
        return found

    def meets_in_part(self, constraints: Constraints) -> bool:
        """Whether one file alone meets every limit."""
        alone = (
            Footprint({name: size}, _only(name, self.latency_us), _only(name, self.upper_us))
            for name, size in self.sizes.items()
        )
        return any(all(excess <= 0 for excess in one.violations(constraints).values()) for one in alone)

    @property
    def limited_us(self) -> dict[str, float]:
        """What a limit on latency is checked against."""
        return self.upper_us or self.latency_us

    @property
    def slowest_us(self) -> float:
        """The same of the slowest file; 0 without a limit on latency."""
        return max(self.limited_us.values(), default=0.0)

    @property
    def bytes(self) -> int:
        """Of the largest file."""
        return max(self.sizes.values())


def _only(name: str, values: dict[str, float]) -> dict[str, float]:
    return {name: values[name]} if name in values else {}


def fastest_engine() -> str:
    """The fastest installed engine for an artifact."""
    return next(name for name in ENGINES if available(name))


def choose_deployment(
    target: str, columns: tuple[Column, ...], records: Sequence[dict[str, Any]], constraints: Constraints
) -> tuple[Deployment, tuple[str, ...]]:
    """Files that ship for a target, and a line for each that is left out.

    Raises:
        InfeasibleError: Even a model that does nothing breaks a limit with every engine.
        ConfigError: There is a limit on memory, and this system does not tell how much a process has.
        MissingDependencyError: The target's engine is not installed.
        ToolchainError: The target is `c`, and there is no compiler.
    """
    wanted = _engines(target, constraints)
    program, reasons = least_program(columns), dict[str, str]()
    few_bytes = constraints.max_size_bytes is not None and constraints.max_size_bytes <= FEW_BYTES
    floors: dict[str, float] = {}
    if constraints.max_latency_us is not None:
        floors = Deployment(wanted, few_bytes=few_bytes).footprint(program, records, constraints).latency_us
        for name, floor_us in floors.items():
            if floor_us > constraints.max_latency_us:
                reasons[name] = f"a call takes {floor_us:,.1f} us before any model, over the limit of "
                reasons[name] += f"{constraints.max_latency_us:,g} us"
    if constraints.max_memory_bytes is not None:
        reasons |= _too_much_memory(Deployment(wanted), program, records, constraints.max_memory_bytes)
    left_out = tuple(f"{name} is left out: with the {wanted[name]} engine {why}" for name, why in reasons.items())
    kept = {name: engine for name, engine in wanted.items() if name not in reasons}
    if not kept:
        raise InfeasibleError(f"no engine is lean enough here. {'; '.join(left_out)}.")
    encoding = _encoding(constraints, floors.get(ONNX_FILE, 0.0))
    kept_floors = {name: floors[name] for name in kept if name in floors}
    sheds = target == "auto"
    return Deployment(kept, kept_floors, encoding=encoding, few_bytes=few_bytes, sheds=sheds), left_out


def _engines(target: str, constraints: Constraints) -> dict[str, str]:
    """Engine of each file that could ship.

    Raises:
        ConfigError: A limit is not one of the target's.
        MissingDependencyError: An engine is not installed.
        ToolchainError: The target is `c`, and there is no compiler.
    """
    if target == "c":
        if constraints.max_memory_bytes is not None:
            raise ConfigError("--max-memory-mb is for a process with Python. Leave it out with --serve-with c.")
        find_compiler(WHY)
        return {HEADER_FILE: "c"}
    wanted = {ONNX_FILE: "onnx"} if target == "onnx" else {ARTIFACT_FILE: target}
    if target == "auto":
        wanted = {ARTIFACT_FILE: fastest_engine(), ONNX_FILE: "onnx"}
    for engine in wanted.values():
        require_engine(engine)
    return wanted


def _too_much_memory(
    deployment: Deployment, program: Program, records: Sequence[dict[str, Any]], limit_bytes: float
) -> dict[str, str]:
    """Why files are left out whose engine takes more memory than the limit, by name."""
    reasons = {}
    for name, floor_mb in memory_mb(deployment.contents(program), deployment.engines, records).items():
        if floor_mb is None:
            raise ConfigError("--max-memory-mb: this system does not tell the memory of a process. Leave it out.")
        if floor_mb * 1e6 > limit_bytes:
            reasons[name] = f"a process has {floor_mb:,.1f} MB before any model, over the limit of "
            reasons[name] += f"{limit_bytes / 1e6:,g} MB"
    return reasons


def leave_out_slow(
    deployment: Deployment, small_us: Mapping[str, float], limit_us: float
) -> tuple[Deployment, tuple[str, ...]]:
    """What ships less the files of which a small model takes longer than students may, and a line for each.

    Students would lose more by being cut to it than the file is worth. The quickest one stays in any case.

    Args:
        deployment: Files that could ship.
        small_us: What a quick look at a small model of as many columns found, by file name.
        limit_us: The limit on latency.
    """
    if not deployment.sheds:
        return deployment, ()
    quickest = min(deployment.engines, key=lambda name: small_us[name])
    aims_us = {name: deployment.aim_us(name, limit_us) for name in deployment.engines if name != quickest}
    slow = {name: aim_us for name, aim_us in aims_us.items() if small_us[name] > aim_us}
    lines = tuple(
        f"{name} is left out: with the {deployment.engines[name]} engine a call on a small model of as many columns "
        f"takes {small_us[name]:,.4g} us, and one that takes over {aim_us:,.4g} us would have slow calls above the "
        f"limit of {limit_us:,g} us. --serve-with {deployment.engines[name]} looks for a model that fits"
        for name, aim_us in slow.items()
    )
    return deployment.without(slow), lines


def _encoding(constraints: Constraints, floor_us: float = 0.0) -> TreeEncoding:
    """The encoding of fewest bytes where those count and time does not, else the quickest.

    Args:
        constraints: The limits.
        floor_us: What an ONNX file takes before any model.
    """
    limit = constraints.max_latency_us
    is_distant = limit is None or limit >= DISTANT * floor_us
    return TreeEncoding.COMPACT if constraints.max_size_bytes is not None and is_distant else TreeEncoding.AUTO
