"""The Open Inference Protocol, asked by a client that was written elsewhere, and by hand where it cannot go wrong."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sandbox.service.model import Model
from sandbox.service.schema import Flight

from .conftest import Client, Served
from .test_api import is_problem

triton = pytest.importorskip("tritonclient.http")

INFER = "/v2/models/flight-delay/infer"
KINDS: dict[str, tuple[str, Any]] = {
    "carrier": ("BYTES", np.object_), "origin": ("BYTES", np.object_), "dest": ("BYTES", np.object_),
    "month": ("INT64", np.int64), "day": ("INT32", np.int32), "sched_dep_time": ("UINT16", np.uint16),
    "distance": ("INT64", np.int64), "humid": ("FP64", np.float64), "precip": ("FP32", np.float32),
}  # fmt: skip


def arrays(flights: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    return {name: np.array([flight[name] for flight in flights], kind) for name, (_, kind) in KINDS.items()}


def tensors(flights: list[dict[str, Any]], **changes: dict[str, Any]) -> list[dict[str, Any]]:
    made = [
        {"name": name, "shape": [len(flights)], "datatype": datatype, "data": [flight[name] for flight in flights]}
        for name, (datatype, _) in KINDS.items()
    ]
    return [tensor | changes.get(tensor["name"], {}) for tensor in made]


def triton_inputs(flights: list[dict[str, Any]], *, binary: bool, column: bool = False) -> list[Any]:
    inputs = []
    for name, values in arrays(flights).items():
        shaped = values.reshape(-1, 1) if column else values
        tensor = triton.InferInput(name, list(shaped.shape), KINDS[name][0])
        tensor.set_data_from_numpy(shaped, binary_data=binary)
        inputs.append(tensor)
    return inputs


@pytest.fixture
def few(july: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [flight for flight in july if None not in flight.values()][:40]


@pytest.fixture
def expected(call: Client, few: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What POST /predict says of the same flights, with the same readings left out."""
    told: list[dict[str, Any]] = call("POST", "/predict", json=[{n: f[n] for n in KINDS} for f in few]).json()
    return told


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False, None])
def test_tritonclient_gets_the_answers_of_predict(
    served: Served, few: list[dict[str, Any]], expected: list[dict[str, Any]], binary_in: bool, binary_out: bool | None
) -> None:
    outputs = None  # what the client sends when nobody asks for anything: binary
    if binary_out is not None:
        outputs = [triton.InferRequestedOutput(name, binary_data=binary_out) for name in ("late", "probability")]
    with triton.InferenceServerClient(served.url.removeprefix("http://")) as client:
        answer = client.infer(
            "flight-delay", triton_inputs(few, binary=binary_in), outputs=outputs, request_id="from a test"
        )
    assert answer.as_numpy("probability").tolist() == [told["probability"] for told in expected]
    assert answer.as_numpy("late").tolist() == [told["late"] for told in expected]
    assert answer.get_response()["id"] == "from a test"
    assert answer.get_response()["model_version"] == expected[0]["model_version"]


def test_tritonclient_may_send_columns(
    served: Served, few: list[dict[str, Any]], expected: list[dict[str, Any]]
) -> None:
    with triton.InferenceServerClient(served.url.removeprefix("http://")) as client:
        for binary in (True, False):
            answer = client.infer("flight-delay", triton_inputs(few, binary=binary, column=True))
            assert answer.as_numpy("probability").tolist() == [told["probability"] for told in expected]


def test_tritonclient_reads_health_and_metadata(served: Served, model: Model) -> None:
    with triton.InferenceServerClient(served.url.removeprefix("http://")) as client:
        assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("flight-delay")
        assert client.is_model_ready("flight-delay", model.card.version)
        assert not client.is_model_ready("another")
        assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
        told = client.get_model_metadata("flight-delay")
    assert told["versions"] == [model.card.version]
    assert {tensor["name"] for tensor in told["inputs"]} == set(Flight.model_fields)
    assert all(tensor["shape"] == [-1] for tensor in told["inputs"] + told["outputs"])


def test_tritonclient_shows_the_words_of_a_refusal(served: Served, few: list[dict[str, Any]]) -> None:
    few[3] = few[3] | {"carrier": "ZZ"}
    with (
        triton.InferenceServerClient(served.url.removeprefix("http://")) as client,
        pytest.raises(Exception, match=r"3\.carrier: Input should be"),
    ):
        client.infer("flight-delay", triton_inputs(few, binary=True))


def test_tritonclient_s_compression_is_refused_in_words(served: Served, few: list[dict[str, Any]]) -> None:
    with (
        triton.InferenceServerClient(served.url.removeprefix("http://")) as client,
        pytest.raises(Exception, match="compressed"),
    ):
        client.infer("flight-delay", triton_inputs(few, binary=True), request_compression_algorithm="gzip")


def test_nested_data_and_one_output(call: Client, few: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    nested = [
        tensor | {"shape": [len(few), 1], "data": [[value] for value in tensor["data"]]} for tensor in tensors(few)
    ]
    body = {"inputs": nested, "outputs": [{"name": "probability"}]}
    (output,) = call("POST", INFER, json=body).json()["outputs"]
    assert output["data"] == [told["probability"] for told in expected]
    assert (output["name"], output["shape"], output["datatype"]) == ("probability", [40], "FP64")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"carrier": {"data": ["ZZ"] * 2}}, "0.carrier: Input should be"),
        ({"carrier": {"datatype": "FP32"}}, "carrier: its datatype must be BYTES"),
        ({"month": {"datatype": "FP64"}}, "month: its datatype must be INT64"),
        ({"month": {"datatype": "INT65"}}, "month: its datatype must be INT64"),
        ({"month": {"data": [7.5, 7.5]}}, "0.month: Input should be a valid integer"),
        ({"month": {"data": [7]}}, "month: its shape [2] does not fit its 1 values"),
        ({"month": {"data": [[7], [7]]}}, "0.month: Input should be a valid integer"),
        ({"month": {"shape": [2, 2]}}, "month: its shape must be [n] or [n, 1]"),
        ({"month": {"shape": [2, 1], "data": [[7], [7, 8]]}}, "0.month: Input should be a valid integer"),
        ({"month": {"shape": []}}, "inputs.3.shape"),
        ({"month": {"shape": [-2]}}, "inputs.3.shape.0"),
        ({"month": {"shape": [0], "data": []}}, "month: it must hold 1 to 1,000 flights, not 0"),
        ({"month": {"shape": [3], "data": [7, 7, 7]}}, "inputs: tensors are of different lengths"),
        ({"month": {"name": "arr_delay"}}, "arr_delay: there is no such input"),
        ({"month": {"name": "day"}}, "day: given twice"),
        ({"month": {"data": None}}, "month: has neither data nor binary_data_size"),
        ({"month": {"parameters": {"binary_data_size": 16}}}, "month: has both data and binary_data_size"),
        ({"month": {"data": None, "parameters": {"binary_data_size": 16}}}, "month: its binary_data_size does not fit"),
        ({"month": {"data": None, "parameters": {"binary_data_size": "16"}}}, "month: its binary_data_size"),
        ({"month": {"parameters": {"shared_memory_region": "r"}}}, "month: the shared memory extension"),
        ({"humid": {"data": [None, "wet"]}}, "1.humid: Input should be a valid number"),
    ],
)
def test_a_refusal_names_the_tensor(
    call: Client, few: list[dict[str, Any]], change: dict[str, dict[str, Any]], message: str
) -> None:
    problem = is_problem(call("POST", INFER, json={"inputs": tensors(few[:2], **change)}), 422)
    assert problem["detail"].startswith(message)
    assert problem["error"] == problem["detail"], "where clients of the protocol look"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": []}, "inputs"),
        ({"outputs": [{"name": "delay"}]}, "outputs.0.name"),
        ({"outputs": [{"name": "late", "parameters": {"classification": 1}}]}, "outputs: the classification"),
        ({"surprise": 1}, "surprise"),
        ({"id": 7}, "id"),
    ],
)
def test_a_wrong_request_is_refused(
    call: Client, few: list[dict[str, Any]], change: dict[str, Any], message: str
) -> None:
    problem = is_problem(call("POST", INFER, json={"inputs": tensors(few[:2])} | change), 422)
    assert problem["detail"].startswith(message)


def test_a_missing_tensor_is_named(call: Client, few: list[dict[str, Any]]) -> None:
    problem = is_problem(call("POST", INFER, json={"inputs": tensors(few)[1:]}), 422)
    assert problem["detail"] == "0.carrier: Field required"


def binary(
    call: Client, name: str, datatype: str, content: bytes, few: list[dict[str, Any]], head: str | None = None
) -> Any:
    """A request in which one tensor comes as these raw bytes."""
    inputs = [
        {"name": name, "shape": [2], "datatype": datatype, "parameters": {"binary_data_size": len(content)}}
        if tensor["name"] == name
        else tensor
        for tensor in tensors(few[:2])
    ]
    json_part = json.dumps({"inputs": inputs}).encode()
    headers = {"inference-header-content-length": head if head is not None else str(len(json_part))}
    return call("POST", INFER, content=json_part + content, headers=headers)


@pytest.mark.parametrize(
    ("name", "datatype", "content", "message"),
    [
        ("month", "INT64", b"\x07" * 15, "month: its shape [2] does not fit its 15 bytes"),
        ("humid", "FP64", np.array([50, np.nan]).tobytes(), "1.humid: Input should be a finite number"),
        ("humid", "FP32", np.array([np.inf, 50], "f4").tobytes(), "0.humid: Input should be"),
        ("carrier", "BYTES", b"\x02\0\0\0UA", "carrier: its shape [2] does not fit its 1 values"),
        ("carrier", "BYTES", b"\x02\0\0\0UA\x02\0", "carrier: its bytes end in the middle of a length"),
        ("carrier", "BYTES", b"\xff\xff\xff\xffUA", "carrier: a string of 4294967295 bytes does not fit"),
        ("carrier", "BYTES", b"\x02\0\0\0\xff\xfe\x02\0\0\0UA", "carrier: its bytes are not UTF-8"),
    ],
)
def test_wrong_bytes_are_refused(
    call: Client, few: list[dict[str, Any]], name: str, datatype: str, content: bytes, message: str
) -> None:
    assert is_problem(binary(call, name, datatype, content, few), 422)["detail"].startswith(message)


@pytest.mark.parametrize("head", ["-1", "x", "1e3", "99999999", "²"])
def test_a_wrong_length_of_the_json_is_refused(call: Client, few: list[dict[str, Any]], head: str) -> None:
    header = head.encode()
    answer = call("POST", INFER, content=b"{}", headers={"inference-header-content-length": header})
    assert "inference-header-content-length" in is_problem(answer, 422)["detail"]


def test_bytes_that_nobody_claims_are_refused(call: Client, few: list[dict[str, Any]]) -> None:

    head = json.dumps({"inputs": tensors(few[:2])}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    problem = is_problem(call("POST", INFER, content=head + b"123", headers=headers), 422)
    assert problem["detail"].startswith("inputs: 3 bytes follow")
