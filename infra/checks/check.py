"""Checks the Terraform modules: `cargo xtask infra`, which installs what this needs and says in which folder (`check.py FOLDER`).

Terraform itself does the checking, `fmt`, `validate` and `test`, with providers that know their real schemas (provider.py).
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

import provider
import schemas
import terraform

INFRA = Path(__file__).resolve().parent.parent
ROOT = INFRA.parent
CHECKS = INFRA / "checks"
MODULES = ("cloudflare", "aws", "aws-ingest-cloudflare-edge")



class Checks:
    def __init__(self, tools: Path, providers: str):
        self.tools, self.providers = tools, providers
        self.failures: list[str] = []

    def terraform(self, folder: Path, *args: str) -> tuple[int, str]:
        data = self.tools / "data" / str(folder.relative_to(INFRA)).replace("/", "-")
        return terraform.run(folder, *args, data=data, providers=self.providers)

    def hold(self, what: str, is_so: bool, why: str = "") -> None:
        print(f"{'ok' if is_so else 'FAILED':6} {what}")
        if not is_so:
            self.failures.append(what)
            print(why)

    def succeeds(self, what: str, folder: Path, *args: str) -> None:
        code, out = self.terraform(folder, *args)
        self.hold(what, code == 0, out)

    def init(self, folder: Path) -> None:
        code, out = self.terraform(folder, "init", "-backend=false", "-no-color")
        if code != 0:
            self.hold(f"init {folder.relative_to(INFRA)}", False, out)


def check_format(checks: Checks) -> None:
    checks.succeeds("format", INFRA, "fmt", "-check", "-recursive", "-diff", "-no-color")


def check_examples(checks: Checks) -> None:
    for module in MODULES:
        folder = INFRA / module / "example"
        checks.init(folder)
        checks.succeeds(f"{module}: the example is valid", folder, "validate", "-no-color")


def check_tests(checks: Checks) -> None:
    package = stand_in_package(checks.tools / "package")
    with_tests = sorted({file.parent.parent for file in INFRA.rglob("*.tftest.hcl")})
    checks.hold("each module has tests", all(INFRA / module in with_tests for module in MODULES))
    for folder in with_tests:
        checks.init(folder)
        has_package = 'variable "package_dir"' in (folder / "variables.tf").read_text()
        variables = [f"-var=package_dir={package}"] if has_package else []
        checks.succeeds(f"{folder.relative_to(INFRA)}: tests", folder, "test", "-no-color", *variables)


def stand_in_package(folder: Path) -> Path:
    """Files where `cargo xtask package` puts its own. Plans ask whether they are there, not what is in them."""
    files = ["ingest.zip", "segments.zip", "lambda-edge.zip", "worker/entry.js", "worker/index_bg.wasm"]
    for file in [*files, "worker/assets/-/player/index.html"]:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("stands in for it\n")
    return folder


def check_mistakes(checks: Checks) -> None:
    """The check finds what is wrong, where it is wrong, and nothing else."""
    folder = CHECKS / "mistakes"
    checks.init(folder)
    code, out = checks.terraform(folder, "validate", "-json")
    lines = (folder / "main.tf").read_text().splitlines()
    planted = {(number, line.partition("# wrong: ")[2]) for number, line in enumerate(lines, 1) if "# wrong: " in line}
    found = {
        (diagnostic["range"]["start"]["line"], diagnostic["summary"])
        for diagnostic in json.loads(out)["diagnostics"]
        if diagnostic["severity"] == "error"
    }
    shown = "\n".join(f"  line {line}: {why}" for line, why in sorted(found ^ planted))
    checks.hold(f"{len(planted)} planted mistakes are found, and no others", code != 0 and found == planted, shown)


def check_pins(checks: Checks, all_schemas: dict) -> None:
    """What is checked against is what the modules ask for: `~> 6.69` and a schema of 6.69.1."""
    pinned = re.compile(r'source\s*= "(?P<source>[^"]+)"\s*version\s*= "~> (?P<major>\d+)\.(?P<minor>\d+)"')
    names = {source: name for name, source in provider.SOURCES.items()}
    files = [file for file in INFRA.rglob("*.tf") if CHECKS not in file.parents]
    for file in files:
        text = file.read_text()
        pins = list(pinned.finditer(text))
        wrong = len(pins) != len(re.findall(r"^      source +=", text, re.M))
        for pin in pins:
            major, minor = map(int, all_schemas[names[pin["source"]]]["version"].split(".")[:2])
            wrong |= major != int(pin["major"]) or minor < int(pin["minor"])
        if wrong:
            checks.hold(f"{file.relative_to(INFRA)}: providers are pinned to what is checked", False, text)
    versions = ", ".join(f"{name} {schema['version']}" for name, schema in all_schemas.items())
    checks.hold(f"checked against {versions}", all(schema["version"] for schema in all_schemas.values()))


def check_variables(checks: Checks) -> None:
    """Each has a type and says what it is; the READMEs name all of them, and nothing that is not there."""
    block = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}$', re.M | re.S)
    for module in [*(INFRA / name for name in MODULES), *sorted((INFRA / "modules").iterdir())]:
        names, silent = [], []
        for file in ("variables.tf", "outputs.tf"):
            for kind, name, body in block.findall((module / file).read_text()):
                names.append(name)
                needed = ("description", "type" if kind == "variable" else "value")
                if not all(re.search(rf"^  {word} +=", body, re.M) for word in needed):
                    silent.append(name)
        checks.hold(f"{module.name}: all it takes and gives is typed and described", not silent, f"  {silent}")
        if module.name in MODULES:
            rows = re.findall(r"^\| `(\w+)` \|", (module / "README.md").read_text(), re.M)
            what = f"{module.name}: its README names all it takes and gives"
            checks.hold(what, sorted(rows) == sorted(names), f"  {set(rows) ^ set(names)}")


def check_worker(checks: Checks) -> None:
    """Terraform says of the Worker what wrangler.toml says."""
    wrangler = tomllib.loads((ROOT / "wrangler.toml").read_text())
    text = (INFRA / "modules/worker/main.tf").read_text()
    variables = (INFRA / "cloudflare/main.tf").read_text()
    defaults = dict(re.findall(r'variable "(\w+)" \{.*?default +=\s+"?(\w+)', (INFRA / "cloudflare/variables.tf").read_text(), re.S))
    bindings = {f'name = "{it["name"]}", class_name = "{it["class_name"]}"' for it in wrangler["durable_objects"]["bindings"]}
    caches = {name: str(export["cache"]["enabled"]).lower() for name, export in wrangler["exports"].items()}
    classes = [name for migration in wrangler["migrations"] for name in migration["new_sqlite_classes"]]
    said = {
        "compatibility date": f'compatibility_date = "{wrangler["compatibility_date"]}"' in text,
        "objects": all(binding in text for binding in bindings) and text.count('"durable_object_namespace"') == len(bindings),
        "classes": all(re.search(rf'{name} += \{{ type = "durable-object", storage = "sqlite" \}}', text) for name in classes),
        "caches": all(
            re.search(rf'{name} += \{{ type = "worker", cache = \{{ enabled = {on} \}} \}}', text) for name, on in caches.items()
        ),
        "assets": f'name = "{wrangler["assets"]["binding"]}"' in text
        and f'html_handling = "{wrangler["assets"]["html_handling"]}"' in text,
        "bucket": f'name = "{wrangler["r2_buckets"][0]["binding"]}"' in text,
        "variables": all(
            re.search(rf"{name} += tostring\(var\.{name.lower()}\)", variables) and defaults[name.lower()] == value
            for name, value in wrangler["vars"].items()
        ),
    }
    checks.hold("the Worker is as wrangler.toml has it", all(said.values()), f"  {said}")


def main() -> None:
    tools = Path(sys.argv[1]).resolve()
    wheels = {name: next((tools / "schemas").glob(f"cdktn_provider_{name}-*.whl")) for name in provider.SOURCES}
    all_schemas = schemas.load(wheels, schemas.used_types([INFRA]), tools / "schemas.json")
    with provider.serving(all_schemas) as providers:
        checks = Checks(tools, providers)
        check_format(checks)
        check_pins(checks, all_schemas)
        check_mistakes(checks)
        check_examples(checks)
        check_tests(checks)
        check_variables(checks)
        check_worker(checks)
    if checks.failures:
        sys.exit("\n".join(checks.failures))


if __name__ == "__main__":
    main()
