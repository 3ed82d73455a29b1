"""Checks that a parser of Google-style docstrings understands every docstring of the package.

Run `python -m tools.check_docstrings`. The exit code is 1 if the parser gives a warning. What the package
exports must say more: each parameter, each error and each attribute has a line of its own, each class
describes its attributes, and each public method of the two APIs its parameters and what it returns.
"""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import griffe

ROOT = Path(__file__).parent.parent
APIS = ("AsyncCryptoOrderSystem", "AsyncUserOrders", "CryptoOrderSystem", "UserOrders")


class _WarningCollector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.warnings: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.warnings.append(record.getMessage())


def find_problems(root: Path = ROOT) -> list[str]:
    """Return what is wrong with the docstrings of the package in a folder."""
    collector = _WarningCollector()
    logger = logging.getLogger("griffe")
    logger.addHandler(collector)
    try:
        package = griffe.load("cryptoorders_redis", search_paths=[root], docstring_parser="google")
        # To read the sections: the parser logs a warning for what it does not understand.
        unknown = [problem for each in _all_objects(package) for problem in _unknown_sections(each)]
    finally:
        logger.removeHandler(collector)
    exported = [package[name] for name in package.exports or ()]
    joined = [
        problem for parent in exported for each in _all_objects(parent) for problem in _joined_names(each)
    ]
    classes = [*package["errors"].classes.values(), *(each for each in exported if each.is_class)]
    attributes = [problem for each in classes for problem in _undescribed_attributes(each)]
    methods = [problem for name in APIS for problem in _undescribed_methods(package[name])]
    return collector.warnings + unknown + joined + attributes + methods


def _all_objects(parent: griffe.Object | griffe.Alias) -> Iterator[griffe.Object | griffe.Alias]:
    yield parent
    for member in parent.members.values():
        if not member.is_alias:
            yield from _all_objects(member)


def _sections(documented: griffe.Object | griffe.Alias) -> list[griffe.DocstringSection]:
    return documented.docstring.parsed if documented.docstring else []


def _unknown_sections(documented: griffe.Object | griffe.Alias) -> Iterator[str]:
    for section in _sections(documented):
        if (
            section.kind.value == "admonition"
        ):  # such as Example for Examples, which would not be shown as code
            yield f"{documented.path}: the parser knows no section {section.title!r}"


def _joined_names(documented: griffe.Object | griffe.Alias) -> Iterator[str]:
    for section in _sections(documented):
        if section.kind.value in ("parameters", "attributes", "raises"):
            for item in section.value:
                name = str(item.annotation) if section.kind.value == "raises" else item.name
                if "," in name:
                    yield f"{documented.path}: give each of {name} a line of its own"


def _undescribed_attributes(documented: griffe.Object | griffe.Alias) -> Iterator[str]:
    described = {
        item.name
        for section in _sections(documented)
        if section.kind.value == "attributes"
        for item in section.value
    }
    for name, attribute in documented.attributes.items():
        if not (name.startswith("_") or attribute.docstring or name in described):
            yield f"{documented.path}: describe {name!r} under Attributes"


def _undescribed_methods(api: griffe.Object | griffe.Alias) -> Iterator[str]:
    for method in api.functions.values():
        if method.name.startswith("_") and method.name != "__init__":
            continue
        sections = {section.kind.value: section.value for section in _sections(method)}
        described = {item.name for item in sections.get("parameters", ())}
        for parameter in list(method.parameters)[1:]:
            if parameter.name not in described:
                yield f"{method.path}: describe {parameter.name!r} under Args"
        if str(method.returns) != "None" and "returns" not in sections:
            yield f"{method.path}: say under Returns what it returns"


if __name__ == "__main__":
    if problems := find_problems():
        sys.exit("\n".join(problems))
