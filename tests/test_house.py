"""The house keeps its rules: words, plain first lines, sizes, and imports that go down only.

Each test reads the source with ``ast``. An exception is written down here, with its reason.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "caviar"
OTHERS_FILES = ("frameworks/shortest/", "clients/")
"""Programs in other frameworks, and files that other programs copy: they follow the customs of their readers."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def room(path: Path) -> str:
    """The path from the repository's root, or from src/caviar for a module of ours."""
    return path.relative_to(SOURCE if path.is_relative_to(SOURCE) else ROOT).as_posix()


def ours() -> list[Path]:
    return [path for path in files("src/caviar") if not room(path).startswith(OTHERS_FILES)]


# --- words ---

RETIRED = {
    "book": "ledger",
    "shelf": "parked trainings",
    "crew": "thread executor",
    "company": "helpers, ensemble or peers",
    "cub": "trainee",
    "raise": "run",
    "tell": "report",
    "heed": "apply",
    "obey": "apply",
    "guess": "chance_loss",
    "merit": "rank key or smoothed score",
    "keeper": "owner",
    "nursing": "nurse",
    "piece": "task",
    "order": "intervention",
}
_FORMS = {
    "book": ("book", "books"),
    "shelf": ("shelf", "shelves"),
    "crew": ("crew", "crews"),
    "company": ("company", "companies"),
    "cub": ("cub", "cubs"),
    "raise": ("raise", "raised", "raising"),
    "tell": ("tell", "tells", "told", "telling"),
    "heed": ("heed", "heeds", "heeded"),
    "obey": ("obey", "obeys", "obeyed"),
    "guess": ("guess", "guesses", "guessed"),
    "merit": ("merit", "merits"),
    "keeper": ("keeper", "keepers"),
    "nursing": ("nursing",),
    "piece": ("piece", "pieces"),
    "order": ("order", "orders", "ordered"),
}
_WORD_OF = {form: word for word, forms in _FORMS.items() for form in forms}

OTHERS_NAMES = {
    "raise_signal": "of the module signal",
    "raising": "of pytest's monkeypatch.setattr",
    "TellState": "ask and tell is the field's term",
    "ask_tell": "ask and tell is the field's term",
    "tell": "ask and tell is the field's term: study.tell, and Optuna's",
    "order_by": "of SQLAlchemy",
}
ORDER_IS_AN_INTERVENTION = ("runs/", "cli/", "views/", "report/", "store/run", "babysit.py", "tests/runs/")
"""Elsewhere an order is the sequence of rows, examples or trials."""
PIECE_IS_A_TASK = ("executors/", "study/", "store/", "scheduling/", "tests/executors/", "tests/study/")
"""Elsewhere a piece is a part: of an epoch, of a table."""
MIGRATIONS = "store/migrations/"
"""They speak of the tables of their time."""


def identifiers(module: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Name):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg, node.value.lineno
        elif isinstance(node, ast.alias):
            yield node.asname or node.name, 0


def retired_in(path: Path) -> Iterator[str]:
    where = room(path)
    for name, line in identifiers(tree(path)):
        if name in OTHERS_NAMES:
            continue
        for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name):
            word = _WORD_OF.get(part.lower())
            if word == "order" and not where.startswith(ORDER_IS_AN_INTERVENTION):
                continue
            if word == "piece" and not where.startswith(PIECE_IS_A_TASK):
                continue
            if word is not None:
                yield f"{where}:{line}: {name} ({word} -> {RETIRED[word]})"


def test_no_identifier_has_a_retired_word():
    checked = [path for path in files("src/caviar", "tests", "benchmarks") if path != Path(__file__)]
    checked = [path for path in checked if not room(path).startswith(MIGRATIONS)]
    assert [found for path in checked for found in retired_in(path)] == []


# --- plain first lines ---


def docstrings(module: ast.Module) -> Iterator[tuple[str, int]]:
    """All docstrings, and the strings that stand below a constant."""
    for node in ast.walk(module):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        for one in body:
            if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant) and isinstance(one.value.value, str):
                yield one.value.value, one.lineno


def comments(path: Path) -> Iterator[tuple[str, int]]:
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT:
            yield token.string, token.start[0]


_TWO_WORDS = re.compile(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b")
_OTHERS_WORDS = {
    *("DataLoader", "GitHub", "LeCun", "LeVeque", "NumPy", "PyTorch", "SciPy", "StandardScaler", "TensorFlow"),
    "TimeSeriesSplit",  # of scikit-learn
    *(
        "BackProp",
        "CatBoost",
        "DeLong",
        "McCulloch",
        "PaddlePaddle",
        "PriorBand",
    ),  # papers' titles and authors, a framework
    *("CategoricalDistribution", "FloatDistribution", "IntDistribution"),  # of Optuna
}
_OLD_CLASSES = re.compile(r"\b(Cub|Cubs|Shelf|Shelves|Keeper)\b")  # not Crew: the author of a paper, too


def names_in_use() -> set[str]:
    """All names that the source has, and those that it imports."""
    return {name.split(".")[-1] for path in ours() for name, _ in identifiers(tree(path))}


def test_a_class_that_a_comment_or_docstring_names_exists():
    known = names_in_use() | _OTHERS_WORDS
    found = [
        f"{room(path)}:{line}: {name}"
        for path in ours()
        for text, line in (*docstrings(tree(path)), *comments(path))
        for name in (*(name for name in _TWO_WORDS.findall(text) if name not in known), *_OLD_CLASSES.findall(text))
    ]
    assert found == []


def test_a_docstring_opens_with_a_verb_or_a_noun():
    inverted = re.compile(r"(What|Who|Whose|Whom|Whether|How|That|Whoever|Whatever)\b")
    found = [
        f"{room(path)}:{line}: {text.strip().splitlines()[0]}"
        for path in (*ours(), *files("tests", "benchmarks", "docs"))
        for text, line in docstrings(tree(path))
        if inverted.match(text.strip())
    ]
    assert found == []


# --- errors speak of arguments, not of options ---

_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
_COMMAND = re.compile(r"\bcaviar [a-z-]+[^,;:()]*")
_OTHERS_OPTIONS = {
    "protocol/template.py": ("--lr", "--momentum", "--nesterov", "--name", "--no-name", "--X"),  # of the user's program
    "store/backends/postgresql.py": ("--encoding", "--template"),  # of createdb
    "web/acts.py": ("--seconds", "--trials", "--snapshot", "--because"),  # of the commands that it starts
}


def strings(module: ast.Module) -> Iterator[tuple[str, int]]:
    """All strings, an f-string as one of them, with its values as X."""
    parts = set()
    for node in ast.walk(module):
        if isinstance(node, ast.JoinedStr):
            parts |= set(map(id, node.values))
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "X" for v in node.values), node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value, node.lineno


def test_below_the_commands_no_string_names_an_option():
    """An error names an argument as Python does; cli/errors.py makes an option of it. A whole command may stand."""
    found = []
    for path in ours():
        where = room(path)
        if where.startswith(("cli/", "report/", "frameworks/")):  # screens of the command line
            continue
        for text, line in strings(tree(path)):
            options = set(_OPTION.findall(_COMMAND.sub("", text))) - set(_OTHERS_OPTIONS.get(where, ()))
            found += [f"{where}:{line}: {name}" for name in sorted(options)]
    assert found == []


# --- sizes ---


def test_modules_and_classes_are_of_a_size_to_be_read_at_once():
    found = []
    for path in ours():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines >= 450:
            found.append(f"{room(path)}: {lines} lines")
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and (node.end_lineno or 0) - node.lineno >= 300:
                found.append(f"{room(path)}:{node.lineno}: class {node.name}")
    assert found == []


# --- imports ---

AFTER_ALL = {
    ("caviar.following", "caviar.report.showing"): "it loads rich, and a study that is not shown need not wait for it",
    ("caviar.cli.entry", "caviar.cli.main"): "it loads typer, and Ctrl-C is heard before",
    ("caviar.cli.dashboard", "caviar.web.serving"): "starlette and uvicorn are an extra, which may be missing",
}
"""Imports of ours within a function, with the reason."""


def module_of(path: Path) -> str:
    name = ".".join(("caviar", *path.relative_to(SOURCE).with_suffix("").parts))
    return name.removesuffix(".__init__")


MODULES = {module_of(path): path for path in files("src/caviar")}


def imported(node: ast.AST, importer: str) -> Iterator[str]:
    """The modules of ours that an import statement names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in MODULES)
    elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
        for alias in node.names:
            inner = f"{node.module}.{alias.name}"
            yield inner if inner in MODULES else str(node.module)


def imports(module: str) -> set[str]:
    """All modules of ours that ``module`` imports: at its head, for types only, and within functions."""
    return {name for node in ast.walk(tree(MODULES[module])) for name in imported(node, module)}


def layers() -> list[list[str]]:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    return [[name.strip() for name in layer.split("|")] for layer in contract["layers"]]


def test_imports_go_down_only_also_for_types_and_within_functions():
    floor = {name: height for height, names in enumerate(reversed(layers())) for name in names}
    up = []
    for module in MODULES:
        own = module.split(".")[1] if module != "caviar" else ""
        for other in imports(module):
            theirs = other.split(".")[1] if other != "caviar" else ""
            if own and theirs and own != theirs and floor[theirs] >= floor[own]:
                up.append(f"{module} -> {other}")
    assert sorted(up) == []


def test_there_is_no_cycle_of_imports():
    done, under_way = set(), []

    def visit(module: str) -> None:
        if module in under_way:
            raise AssertionError(f"a cycle: {' -> '.join([*under_way[under_way.index(module) :], module])}")
        if module in done:
            return
        under_way.append(module)
        for other in sorted(imports(module) - {module}):
            visit(other)
        under_way.pop()
        done.add(module)

    for module in MODULES:
        if module != "caviar":  # the index names everything, for types
            visit(module)


def test_imports_of_ours_stand_at_the_head_of_a_module():
    """Heavy libraries of others are loaded within functions; our own modules are not."""
    found = []
    for module, path in MODULES.items():
        if room(path).startswith(OTHERS_FILES):
            continue
        for function in ast.walk(tree(path)):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                for node in ast.walk(function):
                    found += [
                        f"{room(path)}:{node.lineno}: {other}"
                        for other in imported(node, module)
                        if (module, other) not in AFTER_ALL
                    ]
    assert sorted(set(found)) == []


DENSE = ("caviar.learners.dense.", "caviar.nn.")
NOT_DENSE = {
    ("caviar.views.health", "caviar.learners.dense.layout"): "it lists the instruction sets of this processor",
    ("caviar.views.run", "caviar.nn.averages"): "a smoothed curve needs no network",
    ("caviar.views.run_page", "caviar.learners.dense.knobs"): "the limits of a nursed network's controls",
}
_DENSE_NAMES = re.compile(r"\b(Architecture|Optimisation|parameter_shapes|hidden_units)\b")


def test_a_study_depends_on_no_kind_of_network():
    """Layers and their hyperparameters are for learners/dense, for nursing (runs/) and for planning (analysis/)."""
    names = ("study", "executors", "scheduling", "search", "store", "records", "views", "report")
    rooms = tuple(f"caviar.{name}." for name in names)
    found = []
    for module, path in MODULES.items():
        if module.startswith(rooms):
            used = sorted(other for other in imports(module) if other.startswith(DENSE))
            found += [f"{module} -> {other}" for other in used if (module, other) not in NOT_DENSE]
            found += [f"{module}: {name}" for name in _DENSE_NAMES.findall(path.read_text(encoding="utf-8"))]
    assert found == []


def test_the_picture_of_the_floors_is_that_of_the_contract():
    """The first block in CONTRIBUTING.md: a floor a line, its rooms before two spaces or more."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    picture = text.split("```")[1].strip("\n").splitlines()
    drawn = [sorted(re.findall(r"[a-z_]+", re.split("  +", line)[0])) for line in picture if not line.startswith(" ")]
    assert drawn == [sorted(names) for names in layers()]


@pytest.mark.parametrize(
    ("source", "name"),
    [("class Shelf: ...", "Shelf"), ("def give_order(x): ...", "give_order"), ("x.told_at = 1", "told_at")],
)
def test_a_retired_word_is_found(source, name, tmp_path, monkeypatch):
    path = tmp_path / "runs" / "one.py"
    path.parent.mkdir()
    path.write_text(source)
    monkeypatch.setitem(globals(), "SOURCE", tmp_path)
    assert [found.split()[1] for found in retired_in(path)] == [name]


def test_every_file_that_contributing_names_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`([\w/.-]+\.(?:py|toml|h|cpp|md))`", text))
    named -= {"frameworks/shortest/NAME.py", "setup.toml", "train.py"}  # of a framework that is to come
    places = [ROOT, SOURCE, ROOT / "native", SOURCE / "runs", SOURCE / "learners"]
    assert sorted(name for name in named if not any((place / name).exists() for place in places)) == []
    assert len(named) > 30


def prose(text: str) -> Iterator[str]:
    """Lines of a document that are neither code, table, picture nor written by a benchmark."""
    text = re.sub(r"<!-- (rows|speeds|known) -->.*?<!-- end of \1 -->", "", text, flags=re.DOTALL)
    for part in text.split("```")[::2]:
        yield from (line for line in part.splitlines() if not line.startswith(("|", "![")))


def test_prose_in_documents_breaks_at_100_characters():
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    found = [f"{room(path)}: {line}" for path in documents for line in prose(path.read_text()) if len(line) > 100]
    assert found == []
    assert len(documents) > 10


def test_the_distribution_is_called_caviar_tuner():
    """On the Python index "caviar" is a stranger's package."""
    wrong = re.compile(r"install[^\n`]*['\" ]caviar(?![-\w./])|\bcaviar\\?\[[a-z]")
    kinds = ("*.md", "*.py", "*.toml", "*.sh", "*.ipynb")
    found = [
        f"{path.relative_to(ROOT)}: {text.group()}"
        for folder in (ROOT / "src", ROOT / "docs", ROOT / "tests", ROOT / "benchmarks", ROOT / ".ci")
        for kind in kinds
        for path in folder.rglob(kind)
        if path != Path(__file__)
        for text in wrong.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []
    assert wrong.search("pip install caviar")
    assert wrong.search("pip install 'caviar[torch]'")
    assert not wrong.search("pip install 'caviar-tuner[torch]'")


def test_the_readme_is_for_a_first_reader():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    bullets = [line for line in lines[: lines.index("## Install")] if line.startswith("- ")]
    assert len(lines) <= 180
    assert len(bullets) == 5
    assert [bullet for bullet in bullets if len(bullet.split()) - 1 > 12] == []


def test_links_between_documents_lead_somewhere():
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    found = [
        f"{path.relative_to(ROOT)}: {link}"
        for path in documents
        for link in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8"))
        if "://" not in link and not (path.parent / link).exists()
    ]
    assert found == []
