"""Tests are called by short sentences, and no file of tests is too long."""

import ast

import pytest

from tests.support.servers import REPOSITORY

LONGEST_NAME = 60
LONGEST_FILE = 500

FILES = sorted((REPOSITORY / "tests").rglob("test_*.py"))

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")


@each_file
def test_names_of_tests_are_short_sentences(path):
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.walk(ast.parse(path.read_text()))
    names = [node.name for node in tree if isinstance(node, functions) and node.name.startswith("test_")]
    assert [name for name in names if len(name) > LONGEST_NAME] == []


@each_file
def test_no_file_of_tests_is_too_long(path):
    assert len(path.read_text().splitlines()) <= LONGEST_FILE
