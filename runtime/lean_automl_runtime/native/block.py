"""Arrays of an artifact as typed memoryviews: what `ir.serial` does with numpy, without it."""

from lean_automl_runtime.errors import CorruptArtifactError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

ALIGNMENT = 8
FORMATS = {"float32": "f", "int8": "b", "int16": "h", "int32": "i", "uint8": "B", "uint16": "H", "bool": "?"}
SIZES = {"d": 8, "q": 8, "f": 4, "b": 1, "h": 2, "i": 4, "I": 4, "B": 1, "H": 2, "?": 1}


def require(condition: bool, problem: str) -> None:
    """Raise `CorruptArtifactError` unless the condition holds."""
    if not condition:
        raise CorruptArtifactError(f"the program is not valid: {problem}")


def whole(value: object) -> int:
    """An integer of a JSON document."""
    if type(value) is not int:
        raise CorruptArtifactError(f"the program is not valid: {value!r:.40} is not an integer")
    return value


class Table:
    """Constant numbers of a plan.

    Attributes:
        kind: Letter of `struct` for one number.
        data: Their bytes.
    """

    __slots__ = ("data", "kind")

    def __init__(self, kind: str, data: bytes) -> None:
        self.kind = kind
        self.data = data

    @classmethod
    def of(cls, kind: str, numbers: "Iterable[int]") -> "Table":
        """A table of integers."""
        if kind == "B":
            return cls(kind, bytes(list(numbers)))  # of a memoryview, `bytes` would take the raw ones
        size = SIZES[kind]
        return cls(kind, b"".join([n.to_bytes(size, "little", signed=kind in "bhi") for n in numbers]))

    def __len__(self) -> int:
        """How many numbers."""
        return len(self.data) // SIZES[self.kind]

    def numbers(self) -> "memoryview[Any]":
        """The numbers, typed."""
        return memoryview(self.data).cast(self.kind)  # type: ignore[call-overload, no-any-return]


class Node:
    """One op of a head, and the block that its arrays lie in.

    Attributes:
        name: The op.
        inputs: Value numbers.
    """

    __slots__ = ("_block", "_fields", "inputs", "name")

    def __init__(self, fields: "dict[str, Any]", block: "memoryview[int]") -> None:
        self._fields = fields
        self._block = block
        self.name: str = fields["op"]
        self.inputs = [whole(i) for i in fields["in"]]

    def get(self, name: str) -> "Any":
        """A field as it is in the head."""
        return self._fields[name]

    def number(self, name: str) -> float:
        """A finite number."""
        value = self._fields[name]
        require(type(value) in (int, float) and value - value == 0, f"{name} is not a number")
        return float(value)

    def shape(self, name: str) -> list[int]:
        """Shape of an array."""
        shape = [whole(n) for n in self._fields[name]["shape"]]
        require(min(shape, default=0) >= 0, f"shape of {name}")
        return shape

    def array(self, name: str, dtypes: str, shape: tuple[int, ...]) -> Table:
        """An array, flat; checked to lie in the block, to have that shape and one of the dtypes, as letters."""
        described = self._fields[name]
        kind = FORMATS.get(described["dtype"])
        require(kind is not None and kind in dtypes, f"{self.name}.{name} has dtype {described['dtype']!r}")
        assert kind is not None
        require(tuple(self.shape(name)) == shape, f"{self.name}.{name} has shape {self.shape(name)}, not {shape}")
        count = 1
        for n in shape:
            count *= n
        start, size = whole(described["at"]), count * SIZES[kind]
        require(start >= 0 and start % ALIGNMENT == 0 and start + size <= len(self._block), f"{name} lies outside")
        return Table(kind, self._block[start : start + size].tobytes())

    def vector(self, name: str, dtypes: str, count: int | None = None) -> Table:
        """A one-dimensional array."""
        shape = self.shape(name)
        require(len(shape) == 1, f"{self.name}.{name} is not a vector")
        return self.array(name, dtypes, (shape[0] if count is None else count,))

    def offsets(self, name: str, total: int, count: int | None = None) -> list[int]:
        """Ascending offsets from 0 to `total`."""
        offsets: list[int] = self.vector(name, "i", None if count is None else count + 1).numbers().tolist()
        require(len(offsets) > 0 and offsets[0] == 0 and offsets[-1] == total, f"{name} do not span their array")
        require(offsets == sorted(offsets), f"{name} descend")
        return offsets
