"""The directive `public`: everything that the `__all__` of some modules names, each thing once, under the module that it lives in."""

import importlib
import inspect
import pkgutil
from types import ModuleType

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def modules_named(words: list[str]) -> list[str]:
    """Module names; one that ends with `.*` stands for a package with all that is in it."""
    named: list[str] = []
    for word in words:
        name = word.removesuffix(".*")
        named.append(name)
        if word.endswith(".*"):
            package = importlib.import_module(name)
            named += sorted(found.name for found in pkgutil.walk_packages(package.__path__, name + "."))
    return named


class Public(SphinxDirective):
    """Lists modules; writes a section for each that names something of its own."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        written: list[nodes.Node] = []
        for name in modules_named(" ".join(self.content).split()):
            module = importlib.import_module(name)
            own = own_names(module)
            if own:
                section = nodes.section(ids=[nodes.make_id(name)])
                section += nodes.title(name, name)
                section += self._parsed([f".. automodule:: {name}", "   :no-members:", "", *_entries(module, own)])
                written.append(section)
        return written

    def _parsed(self, lines: list[str]) -> list[nodes.Node]:
        holder = nodes.Element()
        holder.document = self.state.document
        content = StringList(["```{eval-rst}", *lines, "```"], source=self.env.docname)
        self.state.nested_parse(content, self.content_offset, holder)
        return holder.children


def own_names(module: ModuleType) -> list[str]:
    """Names in `__all__` that the module defines itself."""

    def home(value: object) -> str | None:
        return getattr(value, "__module__", None) if inspect.isclass(value) or inspect.isroutine(value) else module.__name__

    names = getattr(module, "__all__", [])
    if module.__name__ == "stormcell":
        return []
    return [name for name in names if home(getattr(module, name)) == module.__name__ and not _comes_from_below(module, name)]


def _comes_from_below(module: ModuleType, name: str) -> bool:
    """Is this a constant that a package's `__init__` takes from a module of its own?"""
    value = getattr(module, name)
    if not hasattr(module, "__path__") or inspect.isclass(value) or inspect.isroutine(value):
        return False
    return not any(line.startswith((f"{name}:", f"{name} =")) for line in inspect.getsource(module).splitlines())


def _entries(module: ModuleType, names: list[str]) -> list[str]:
    lines: list[str] = []
    for name in names:
        value = getattr(module, name)
        kind = "autoclass" if inspect.isclass(value) else "autofunction" if inspect.isroutine(value) else "autodata"
        lines += [f".. {kind}:: {module.__name__}.{name}"]
        lines += ["   :members:"] if kind == "autoclass" else ["   :no-value:"] if kind == "autodata" else []
        lines += [""]
    return lines


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("public", Public)
    return {"parallel_read_safe": True}
