"""The modules of the bundle as one script: the same as what a browser makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from caviar.report import joining

MODULES = {
    "main.js": """
import { one, two as second } from "./folder/a.js";
import "./b.js"; // for its effects
run(one, second);
""",
    "folder/a.js": """
import {
  three,
} from "../b.js";
export const one = 1;
export async function two() {}
export class Four {}
""",
    "b.js": "const x = 3, y = 4;export{x as three,y};//# sourceMappingURL=b.js.map\n",
}


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    joining.joined.cache_clear()
    monkeypatch.setattr(joining, "BUNDLE", tmp_path)
    (tmp_path / "folder").mkdir()

    def made(**changed: str) -> str:
        for name, text in {**MODULES, **{name.replace("_", "."): text for name, text in changed.items()}}.items():
            (tmp_path / name).write_text(text)
        joining.joined.cache_clear()
        return joining.joined("main.js")

    yield made
    joining.joined.cache_clear()


def test_a_module_stands_after_those_that_it_imports(bundle):
    script = bundle()
    assert [line.split("// ")[1] for line in script.splitlines() if "(() => {" in line] == [
        "b.js",
        "folder/a.js",
        "main.js",
    ]
    assert "return { three: x, y: y };" in script
    assert "return { one, two, Four };" in script
    assert "const { three: three } = module0;" in script
    assert "const { one: one, two: second } = module1;" in script
    for gone in ("import ", "export", "sourceMappingURL"):
        assert gone not in script


@pytest.mark.parametrize(
    "text",
    [
        'import main from "./b.js";\n',
        'import * as b from "./b.js";\n',
        "export default 1;\n",
        "export let changing = 1;\n",
        'export * from "./b.js";\n',
        'export { x } from "./b.js";\n',
    ],
)
def test_a_form_that_it_does_not_know_is_refused(bundle, text: str):
    with pytest.raises(ValueError, match=r"main\.js has an import or export"):
        bundle(main_js=text)


def test_a_circle_is_refused(bundle):
    with pytest.raises(ValueError, match=r"main\.js -> b\.js -> main\.js"):
        bundle(b_js='import { y } from "./main.js";\n', main_js='import { x } from "./b.js";\n')


def test_the_bundle_itself_is_joined():
    script = joining.joined("main.js")
    assert script.count("(() => { // ") == len(list(joining.BUNDLE.glob("*.js"))) + 2  # of preact with htm, and signals
