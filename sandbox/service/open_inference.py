"""The Open Inference Protocol, version 2, over JSON, with Triton's binary tensors: what its standard clients speak.

A request brings one tensor a field of `Flight`, each of shape [n] or [n, 1]. Weather may be left out. Tensors may come
as JSON or, after the JSON, as raw bytes ("binary tensor data extension"); answers go out the way the client asked for.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sandbox.service import problems
from sandbox.service.card import NAME
from sandbox.service.predicting import FLIGHTS, Predicting
from sandbox.service.problems import ProblemError
from sandbox.service.schema import MOST_FLIGHTS, Flight

HEADER_LENGTH = "inference-header-content-length"
PLATFORM = {"onnx": "onnxruntime_onnx", "skops": "sklearn"}
_NUMBERS = {
    "INT8": "<i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8", "UINT8": "<u1", "UINT16": "<u2", "UINT32": "<u4",
    "UINT64": "<u8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
_TEXT = ("carrier", "origin", "dest")
_WHOLE = ("month", "day", "sched_dep_time", "distance", "year")
_LONGEST_CODE = 16  # bytes; a code has two or three letters

Parameters = dict[str, Any]


class Tensor(BaseModel):
    """One input."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str
    shape: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=2)]
    datatype: str
    parameters: Parameters = {}
    data: list[Any] | None = None


class Output(BaseModel):
    """One output that the client asks for."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Literal["probability", "late"]
    parameters: Parameters = {}


class InferenceRequest(BaseModel):
    """Body of `POST /v2/models/flight-delay/infer`."""

    model_config = ConfigDict(extra="forbid", strict=True)
    id: Annotated[str | None, Field(max_length=256)] = None
    parameters: Parameters = {}
    inputs: Annotated[list[Tensor], Field(min_length=1, max_length=len(Flight.model_fields))]
    outputs: Annotated[list[Output] | None, Field(max_length=2)] = None


class OutputTensor(BaseModel):
    """One output."""

    name: Literal["probability", "late"]
    shape: list[int]
    datatype: Literal["FP64", "BOOL"]
    data: list[float | bool]


class InferenceResponse(BaseModel):
    """Answer of `POST /v2/models/flight-delay/infer`."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


class TensorDescription(BaseModel):
    """An input or an output in the model's metadata; -1 stands for any number of flights."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """Answer of `GET /v2/models/flight-delay`."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorDescription]
    outputs: list[TensorDescription]


class ServerMetadata(BaseModel):
    """Answer of `GET /v2`."""

    name: str
    version: str
    extensions: list[str]


class Health(BaseModel):
    """Answers of the health endpoints."""

    live: bool | None = None
    ready: bool | None = None


_REQUEST = TypeAdapter(InferenceRequest)


def metadata(predicting: Predicting) -> ModelMetadata:
    """What the model takes and gives."""
    card = predicting.model.card
    return ModelMetadata(
        name=NAME,
        versions=[card.version],
        platform=PLATFORM[card.format],
        inputs=[TensorDescription(name=name, datatype=_datatype(name), shape=[-1]) for name in Flight.model_fields],
        outputs=[
            TensorDescription(name="probability", datatype="FP64", shape=[-1]),
            TensorDescription(name="late", datatype="BOOL", shape=[-1]),
        ],
    )


def _datatype(field: str) -> str:
    return "BYTES" if field in _TEXT else "INT64" if field in _WHOLE else "FP64"


async def infer(predicting: Predicting, body: bytes, header_length: str | None) -> tuple[bytes, dict[str, str]]:
    """Body and headers of the answer to one inference request.

    Args:
        predicting: what answers.
        body: JSON, or JSON followed by raw tensors.
        header_length: the header of that name: how long the JSON is; None where there is nothing else.

    Raises:
        ProblemError: 422, naming the tensor that is wrong.
    """
    length = _json_length(body, header_length)
    try:
        request = _REQUEST.validate_json(body[:length])
        flights = FLIGHTS.validate_python(_flights(request.inputs, body[length:]))
    except ValidationError as error:
        raise problems.refused(error) from None
    if "classification" in {key for output in request.outputs or () for key in output.parameters}:
        raise ProblemError(422, "outputs: the classification extension is not offered; ask for `probability`")

    probabilities, late = await predicting.all(flights)
    answers = {"probability": ("FP64", probabilities), "late": ("BOOL", late)}
    by_default = request.parameters.get("binary_data_output") is True
    asked = request.outputs or [Output(name="probability"), Output(name="late")]
    outputs, raw = [], []
    for output in asked:
        datatype, values = answers[output.name]
        tensor: dict[str, Any] = {"name": output.name, "shape": [len(values)], "datatype": datatype}
        if output.parameters.get("binary_data", by_default) is True:
            raw.append(values.astype(values.dtype.newbyteorder("<")).tobytes())
            tensor["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            tensor["data"] = values.tolist()
        outputs.append(tensor)
    answer: dict[str, Any] = {"model_name": NAME, "model_version": predicting.model.card.version, "outputs": outputs}
    if request.id is not None:
        answer["id"] = request.id
    content = orjson.dumps(answer)
    if not raw:
        return content, {"content-type": "application/json"}
    return b"".join([content, *raw]), {"content-type": "application/octet-stream", HEADER_LENGTH: str(len(content))}


def _json_length(body: bytes, header_length: str | None) -> int:
    if header_length is None:
        return len(body)
    if not (header_length.isascii() and header_length.isdigit() and int(header_length) <= len(body)):
        raise ProblemError(422, f"{HEADER_LENGTH}: must be a number of bytes, at most the length of the body")
    return int(header_length)


def _flights(tensors: Sequence[Tensor], raw: bytes) -> list[dict[str, Any]]:
    """The tensors turned into one dictionary a flight; their values are not yet looked at."""
    columns: dict[str, list[Any]] = {}
    for tensor in tensors:
        _check_kind(tensor, columns)
        if "binary_data_size" in tensor.parameters:
            content, raw = _cut(tensor, raw)
            columns[tensor.name] = _from_bytes(tensor, content)
        else:
            columns[tensor.name] = _from_json(tensor)
    if raw:
        raise ProblemError(422, f"inputs: {len(raw)} bytes follow the JSON that no tensor claims with binary_data_size")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ProblemError(422, f"inputs: tensors are of different lengths: {lengths}")
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _check_kind(tensor: Tensor, seen: Mapping[str, list[Any]]) -> None:
    name, datatype = tensor.name, tensor.datatype
    if name not in Flight.model_fields:
        raise _refused(name, f"there is no such input; there are {', '.join(Flight.model_fields)}")
    if name in seen:
        raise _refused(name, "given twice")
    wanted = _datatype(name)
    if not (datatype == "BYTES" if wanted == "BYTES" else datatype in _NUMBERS):
        raise _refused(name, f"its datatype must be {wanted}, not {datatype[:20]}")
    if wanted == "INT64" and datatype.startswith("FP"):
        raise _refused(name, f"its datatype must be {wanted}, not {datatype}")
    if len(tensor.shape) == 2 and tensor.shape[1] != 1:
        raise _refused(name, f"its shape must be [n] or [n, 1], not {tensor.shape}")
    if not 1 <= tensor.shape[0] <= MOST_FLIGHTS:
        raise _refused(name, f"it must hold 1 to {MOST_FLIGHTS:,} flights, not {tensor.shape[0]}")
    if any(key.startswith("shared_memory") for key in tensor.parameters):
        raise _refused(name, "the shared memory extension is not offered")


def _from_json(tensor: Tensor) -> list[Any]:
    data = tensor.data
    if data is None:
        raise _refused(tensor.name, "has neither data nor binary_data_size")
    if len(tensor.shape) == 2 and all(isinstance(item, list) and len(item) == 1 for item in data):
        data = [item[0] for item in data]
    if len(data) != math.prod(tensor.shape):
        raise _refused(tensor.name, f"its shape {tensor.shape} does not fit its {len(data)} values")
    return data


def _cut(tensor: Tensor, raw: bytes) -> tuple[bytes, bytes]:
    size = tensor.parameters["binary_data_size"]
    if tensor.data is not None:
        raise _refused(tensor.name, "has both data and binary_data_size")
    if type(size) is not int or not 0 <= size <= len(raw):
        raise _refused(tensor.name, f"its binary_data_size does not fit the {len(raw)} bytes that are left")
    return raw[:size], raw[size:]


def _from_bytes(tensor: Tensor, content: bytes) -> list[Any]:
    count = math.prod(tensor.shape)
    if tensor.datatype == "BYTES":
        values = list(_texts(tensor.name, content))
        if len(values) != count:
            raise _refused(tensor.name, f"its shape {tensor.shape} does not fit its {len(values)} values")
        return values
    kind = np.dtype(_NUMBERS[tensor.datatype])
    if len(content) != count * kind.itemsize:
        raise _refused(tensor.name, f"its shape {tensor.shape} does not fit its {len(content)} bytes")
    numbers: NDArray[Any] = np.frombuffer(content, kind)
    return list(numbers.tolist())


def _texts(name: str, content: bytes) -> Iterator[str]:
    """Strings, each after its length in four bytes, little end first."""
    at = 0
    while at < len(content):
        if at + 4 > len(content):
            raise _refused(name, "its bytes end in the middle of a length")
        (length,) = struct.unpack_from("<I", content, at)
        at += 4
        if length > _LONGEST_CODE or at + length > len(content):
            raise _refused(name, f"a string of {length} bytes does not fit")
        try:
            yield content[at : at + length].decode()
        except UnicodeDecodeError:
            raise _refused(name, "its bytes are not UTF-8") from None
        at += length


def _refused(name: str, message: str) -> ProblemError:
    name = name[:40]
    return ProblemError(422, f"{name}: {message}", [{"field": name, "message": message}])
