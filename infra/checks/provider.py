"""Providers that know their schemas and nothing else.

Terraform's own `validate` and `test` check modules against what providers say of themselves; these say it over the plugin
protocol (version 6). Terraform holds configurations to a schema by itself, but for two things that it leaves to providers:
what can only be read, and which values there are. They create nothing: tests mock what would be created.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager

import grpc
import msgpack

SOURCES = {"aws": "hashicorp/aws", "cloudflare": "cloudflare/cloudflare", "random": "hashicorp/random"}

# Of the protocol: Schema.NestedBlock.NestingMode and Schema.Object.NestingMode.
NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}


def field(number: int, value: bytes | str | int) -> bytes:
    """A field of a protocol buffer; zero is left out."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value) if value else b""
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def attribute(name: str, schema: dict) -> bytes:
    """Schema.Attribute."""
    flags = set(schema["flags"])
    if "required" in flags:
        flags.discard("computed")
    if "nested" in schema:
        inner = b"".join(field(1, attribute(*entry)) for entry in schema["nested"].items())
        kind = field(10, inner + field(3, NESTING[schema["nesting"]]))
    else:
        kind = field(2, json.dumps(schema["type"]))
    said = ((4, "required"), (5, "optional"), (6, "computed"))
    return field(1, name) + kind + b"".join(field(number, int(flag in flags)) for number, flag in said)


def block(schema: dict) -> bytes:
    """Schema.Block."""
    attributes = b"".join(field(2, attribute(*entry)) for entry in schema["attributes"].items())
    return attributes + b"".join(field(3, nested(*entry)) for entry in schema["blocks"].items())


def nested(name: str, schema: dict) -> bytes:
    """Schema.NestedBlock."""
    limits = field(4, schema["min"]) + field(5, schema["max"])
    return field(1, name) + field(2, block(schema["block"])) + field(3, NESTING[schema["nesting"]]) + limits


def provider_schema(schemas: dict) -> bytes:
    """GetProviderSchema.Response."""

    def by_name(number: int, all_of_kind: dict) -> bytes:
        return b"".join(
            field(number, field(1, name) + field(2, field(2, block(schema)))) for name, schema in all_of_kind.items()
        )

    own = field(1, field(2, block(schemas["provider"])))
    return own + by_name(2, schemas["resources"]) + by_name(3, schemas["data"])


def objections(schema: dict, value: dict, path: bytes = b"") -> Iterator[bytes]:
    """What is wrong with a configuration that fits its schema: Diagnostics."""
    for name, of_name in schema["attributes"].items():
        given, here = value.get(name), path + field(1, field(1, name))
        if given is None:
            continue
        if not {"optional", "required"} & set(of_name["flags"]):
            yield diagnostic("Value for unconfigurable attribute", f'"{name}" can only be read.', here)
        elif "nested" in of_name:
            for at, inner in elements(of_name["nesting"], given):
                yield from objections({"attributes": of_name["nested"], "blocks": {}}, inner, here + at)
        elif isinstance(given, str) and given not in of_name.get("values", [given]):
            yield diagnostic("Value that there is not", f'"{name}" is one of {", ".join(of_name["values"])}.', here)
    for name, of_name in schema["blocks"].items():
        here = path + field(1, field(1, name))
        for at, inner in elements(of_name["nesting"], value.get(name)):
            yield from objections(of_name["block"], inner, here + at)


def elements(nesting: str, value) -> Iterator[tuple[bytes, dict]]:
    """The objects that are nested in a value, each with the step of AttributePath that leads to it."""
    if nesting == "single":
        entries = [(b"", value)]
    elif isinstance(value, dict):
        entries = [(field(1, field(2, key)), inner) for key, inner in value.items()]
    elif isinstance(value, list):
        # Elements of sets have no place, and the first has the number zero, which goes without saying.
        entries = [(field(1, varint(3 << 3) + varint(at)) if nesting == "list" else b"", inner) for at, inner in enumerate(value)]
    else:
        entries = []
    return ((at, inner) for at, inner in entries if isinstance(inner, dict))


def diagnostic(summary: str, detail: str, path: bytes) -> bytes:
    """Diagnostic: an error."""
    return field(1, 1) + field(2, summary) + field(3, detail) + field(4, path)


def read_config(request: bytes) -> tuple[str, dict]:
    """ValidateResourceConfig.Request, ValidateDataResourceConfig.Request: the type, and what is configured."""
    fields = dict(read_fields(request))
    [(_, packed)] = read_fields(fields[2])
    # What is not known yet is an extension, and no objection can be made to it.
    return fields[1].decode(), msgpack.unpackb(packed, ext_hook=lambda code, data: None, strict_map_key=False)


def read_fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a message that has none but strings and messages (varints are skipped)."""
    at = 0

    def read_varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = read_varint()
        length = read_varint()
        if key & 7 == 2:
            yield key >> 3, message[at : at + length]
            at += length


class Service(grpc.GenericRpcHandler):
    """tfplugin6.Provider, as much of it as `validate` and mocked tests call."""

    def __init__(self, schemas: dict):
        self.schemas = schemas
        self.answers = {
            "GetProviderSchema": lambda request: provider_schema(schemas),
            "ValidateProviderConfig": lambda request: b"",
            "ValidateResourceConfig": lambda request: self.validate("resources", request),
            "ValidateDataResourceConfig": lambda request: self.validate("data", request),
            "ConfigureProvider": lambda request: b"",
            "StopProvider": lambda request: b"",
        }

    def validate(self, kind: str, request: bytes) -> bytes:
        name, config = read_config(request)
        return b"".join(field(1, one) for one in objections(self.schemas[kind][name], config))

    def service(self, call: grpc.HandlerCallDetails):
        answer = self.answers.get(call.method.rpartition("/")[2])
        return answer and grpc.unary_unary_rpc_method_handler(lambda request, context: answer(request))


@contextmanager
def serving(schemas: dict[str, dict]) -> Iterator[str]:
    """Serves all providers; gives what `TF_REATTACH_PROVIDERS` has to say of them."""
    servers, attached = [], {}
    try:
        for name, of_provider in schemas.items():
            server = grpc.server(futures.ThreadPoolExecutor(8))
            server.add_generic_rpc_handlers([Service(of_provider)])
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            servers.append(server)
            address = {"Network": "tcp", "String": f"127.0.0.1:{port}"}
            source = f"registry.terraform.io/{SOURCES[name]}"
            attached[source] = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": 1, "Test": True, "Addr": address}
        yield json.dumps(attached)
    finally:
        for server in servers:
            server.stop(None).wait(5)
