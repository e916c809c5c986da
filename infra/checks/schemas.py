"""The providers' schemas, out of the packages that were generated from them.

Providers themselves come from a registry that a test cannot count on. Their schemas also come with the bindings that CDK
Terrain publishes on PyPI: JavaScript that is generated from what each provider says of itself (`terraform providers schema`),
and regular enough to be read back. What is lost on the way: sensitive attributes, and limits other than "one" and "at least one". What is there beside it, in the
documentation of Cloudflare's, is which values an attribute may have.
"""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
from pathlib import Path

# Protocol 6 has nested attributes, `rules = [{ … }]`, where protocol 5 has blocks, `rule { … }`; the bindings show both alike.
NESTED_ATTRIBUTES = {"aws": False, "cloudflare": True, "random": False}

PRIMITIVES = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}

ENTRY = re.compile(
    r'^ +(?P<name>\w+): \{\n +value: (?P<value>.*),\n +isBlock: (?P<nested>true|false),\n'
    r' +type: "(?P<kind>\w+)",\n +storageClassType: "(?P<stored>[\w.]+)",$',
    re.M,
)
STRUCT = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{$(.*?)^\}$", re.M | re.S)
CLASS = re.compile(r"^class (\w+) extends cdktn\.(\w+) \{$(.*?)^\}$", re.M | re.S)
PROPERTY = re.compile(r"^ +// (\w+) - computed: (true|false), optional: (true|false), required: (true|false)$", re.M)
GETTER = re.compile(r"(?P<set>Fn\.tolist\()?this\.(?:get(?P<kind>\w+)Attribute|(?P<any>interpolationForAttribute))\('(?P<name>\w+)'\)")
MEMBER = re.compile(r'_\w+ = new (?P<cdktn>cdktn\.)?(?P<name>\w+)\(this, "(?P<attribute>\w+)"(?:, (?P<is_set>true|false))?\);')
INTERFACE = re.compile(r"^export interface (\w+)[^{\n]*\{$(.*?)^\}$", re.M | re.S)
DOCUMENTED = re.compile(r"/\*\*((?:(?!\*/).)*)\*/\s+readonly \w+", re.S)
VALUES = re.compile(r'Available values: ("[^"]*"(?:, "[^"]*")*)')
NAME = re.compile(r"#(\w+) \w+#\w+\}")
VERSION = re.compile(r"providerVersion: '([^']+)'")


class Bindings:
    """One provider's package: a wheel that holds the JavaScript it calls."""

    def __init__(self, wheel: Path, provider: str):
        self.wheel, self.provider = wheel, provider

    def read(self, types: set[str]) -> dict:
        """The schemas of these resources (`aws_x`) and data sources (`data.aws_x`), and of the provider itself."""
        wanted = {f"package/lib/{folder(name, self.provider)}": name for name in types}
        wanted["package/lib/provider"] = "provider"
        texts = {name: {} for name in wanted.values()}
        schemas = {"resources": {}, "data": {}, "provider": None, "version": None}
        with zipfile.ZipFile(self.wheel) as wheel:
            [inner] = [name for name in wheel.namelist() if name.endswith(".jsii.tgz")]
            with wheel.open(inner) as packed, tarfile.open(fileobj=packed, mode="r|gz") as tar:
                for member in tar:
                    at, _, file = member.name.rpartition("/")
                    if at in wanted and file in ("index.js", "index.d.ts"):
                        texts[wanted[at]][file] = tar.extractfile(member).read().decode()
        for name, files in texts.items():
            if not files:
                # There is no such type; Terraform will say so.
                continue
            block = Source(files["index.js"], files["index.d.ts"], self.provider).main()
            if name == "provider":
                schemas["provider"] = block
                schemas["version"] = VERSION.search(files["index.js"])[1]
            elif name.startswith("data."):
                schemas["data"][name.removeprefix("data.")] = block
            else:
                schemas["resources"][name] = block
        return schemas


def folder(name: str, provider: str) -> str:
    """Where the package has a type: `aws_s3_bucket` in s3-bucket, `data.aws_region` in data-aws-region."""
    if name.startswith("data."):
        return "data-" + name.removeprefix("data.").replace("_", "-")
    return name.removeprefix(f"{provider}_").replace("_", "-")


class Source:
    """What is generated for one type: a program, and the declaration of it, which has the documentation."""

    def __init__(self, text: str, declaration: str, provider: str):
        self.provider = provider
        self.values = {found[1]: values(found[2]) for found in INTERFACE.finditer(declaration)}
        self.structs = {found[1]: entries(found[2]) for found in STRUCT.finditer(text)}
        self.classes = {found[1]: (found[2], found[3]) for found in CLASS.finditer(text)}

    def main(self) -> dict:
        kinds = ("TerraformResource", "TerraformDataSource", "TerraformProvider")
        [(name, body)] = [(name, body) for name, (kind, body) in self.classes.items() if kind in kinds]
        return self.block(f"{name}Config", body, entries(body))

    def block(self, struct: str, body: str, settable: dict) -> dict:
        """Attributes and blocks of a class, as its comments and its synthesis say."""
        block = {"attributes": {}, "blocks": {}}
        getters = {found["name"]: found for found in GETTER.finditer(body)}
        members = {found["attribute"]: found for found in MEMBER.finditer(body)}
        values_of = self.values.get(struct, {})
        for name, computed, optional, required in PROPERTY.findall(body):
            flags = {
                flag for flag, said in (("computed", computed), ("optional", optional), ("required", required)) if said == "true"
            }
            entry, member = settable.get(name), members.get(name)
            if member and not member["cdktn"]:
                self.nested(block, name, flags, entry, member)
                continue
            if entry and entry["nested"]:
                self.unread(block, name, entry)
                continue
            attribute = {"type": entry["type"] if entry else read_type(getters.get(name), member), "flags": sorted(flags)}
            if name in values_of:
                attribute["values"] = values_of[name]
            block["attributes"][name] = attribute
        return block

    def unread(self, block: dict, name: str, entry: dict) -> None:
        """A block of a provider: nothing reads it again, so that only its synthesis tells what it holds."""
        [struct] = re.findall(r"(\w+)ToHclTerraform", entry["value"])
        inner = {"attributes": {}, "blocks": {}}
        for inside, entry_inside in self.structs[struct].items():
            if entry_inside["nested"]:
                self.unread(inner, inside, entry_inside)
            else:
                inner["attributes"][inside] = {"type": entry_inside["type"], "flags": ["optional"]}
        block["blocks"][name] = {"block": inner, "nesting": entry["kind"], "min": 0, "max": 0}

    def nested(self, block: dict, name: str, flags: set, entry: dict | None, member: re.Match) -> None:
        struct = re.sub(r"(OutputReference|List|Map)$", "", member["name"])
        body = self.classes[f"{struct}OutputReference"][1]
        inner = self.block(struct, body, self.structs.get(struct[0].lower() + struct[1:], {}))
        is_one = member["name"].endswith("OutputReference")
        if entry:
            nesting = entry["kind"]
        elif is_one:
            nesting = "single"
        else:
            nesting = "map" if member["name"].endswith("Map") else "set" if member["is_set"] == "true" else "list"
        if NESTED_ATTRIBUTES[self.provider]:
            block["attributes"][name] = {"nested": inner["attributes"], "nesting": nesting, "flags": sorted(flags)}
        elif "computed" in flags:
            kind = object_type(inner)
            kind = kind if nesting == "single" else [nesting, kind]
            block["attributes"][name] = {"type": kind, "flags": sorted(flags)}
        else:
            at_least, at_most = int("required" in flags), int(is_one and nesting in ("list", "set"))
            block["blocks"][name] = {"block": inner, "nesting": nesting, "min": at_least, "max": at_most}


def values(body: str) -> dict[str, list[str]]:
    """Which values there are, by name, where the documentation of an interface says it."""
    found = {}
    for documentation in DOCUMENTED.findall(body):
        said, name = VALUES.search(documentation), NAME.search(documentation)
        if said and name:
            found[name[1]] = json.loads(f"[{said[1]}]")
    return found


def entries(body: str) -> dict:
    """What can be set, by name, of a synthesis."""
    found = {}
    for entry in ENTRY.finditer(body):
        nested, kind, stored = entry["nested"] == "true", entry["kind"], entry["stored"]
        kind = "single" if kind == "struct" else kind
        found[entry["name"]] = {
            "nested": nested,
            "kind": kind,
            "type": None if nested else simple_type(kind, stored),
            "value": entry["value"],
        }
    return found


def simple_type(kind: str, stored: str):
    if kind == "simple":
        return PRIMITIVES[stored]
    element = re.sub(r"(List|Map)+$", "", stored)
    inner = PRIMITIVES.get(element, "dynamic")
    if stored.endswith("ListList"):
        inner = ["list", inner]
    return [kind, inner]


def read_type(getter: re.Match | None, member: re.Match | None):
    """The type of what can only be read."""
    if member:
        kind = re.fullmatch(r"(String|Number|Boolean|Any)?(Map|List)(List)?", member["name"])
        if not kind:
            return "dynamic"
        element = PRIMITIVES.get((kind[1] or "any").lower(), "dynamic")
        inner = [kind[2].lower(), element]
        return ["list", inner] if kind[3] else inner
    if not getter or getter["any"]:
        return "dynamic"
    kind = getter["kind"]
    if kind in ("String", "Number", "Boolean"):
        return PRIMITIVES[kind.lower()]
    element = PRIMITIVES[re.sub(r"(List|Map)$", "", kind).lower() or "string"]
    return ["map" if kind.endswith("Map") else "set" if getter["set"] else "list", element]


def object_type(block: dict):
    attributes = {name: attribute["type"] for name, attribute in block["attributes"].items()}
    for name, nested in block["blocks"].items():
        inner = object_type(nested["block"])
        attributes[name] = inner if nested["nesting"] == "single" else [nested["nesting"], inner]
    return ["object", attributes]


USED = re.compile(r'^(resource|data) "(\w+)"', re.M)


def used_types(folders: list[Path]) -> set[str]:
    """All types that are named in these folders' files."""
    texts = [file.read_text() for top in folders for file in top.rglob("*.tf") if ".terraform" not in file.parts]
    return {("data." if kind == "data" else "") + name for text in texts for kind, name in USED.findall(text)}


def provider_of(name: str) -> str:
    return name.removeprefix("data.").split("_")[0]


def load(wheels: dict[str, Path], types: set[str], cache: Path) -> dict[str, dict]:
    """Schemas by provider; kept in the cache until the packages or the types change."""
    version = Path(__file__).stat().st_mtime_ns
    key = [sorted(types), sorted(wheel.name for wheel in wheels.values()), version]
    if cache.exists():
        kept = json.loads(cache.read_text())
        if kept["key"] == key:
            return kept["schemas"]
    schemas = {}
    for provider, wheel in wheels.items():
        schemas[provider] = Bindings(wheel, provider).read({name for name in types if provider_of(name) == provider})
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_text(json.dumps({"key": key, "schemas": schemas}))
    return schemas
