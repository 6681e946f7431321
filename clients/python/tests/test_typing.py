"""The package is typed: everything that others see has annotations that mean something."""

import ast
import inspect
import pathlib
import typing
import unittest

import parley

ROOT = pathlib.Path(parley.__file__).parent


class TestTyping(unittest.TestCase):
    def test_marker(self):
        self.assertTrue((ROOT / "py.typed").is_file())

    def test_annotations_of_what_is_exported(self):
        """Each can be resolved, on the oldest Python too."""
        seen = 0
        for name in parley.__all__:
            thing = getattr(parley, name)
            self.assertTrue(inspect.getdoc(thing), name)
            functions = [thing] if inspect.isfunction(thing) else [
                f.fget if isinstance(f, property) else f for f in vars(thing).values() if isinstance(f, property) or inspect.isfunction(f)]
            for f in functions:
                hints = typing.get_type_hints(f)
                wanted = [p for p in inspect.signature(f).parameters if p != "self"] + ["return"]
                self.assertEqual(sorted(hints), sorted(wanted), f.__qualname__)
                seen += 1
        self.assertGreater(seen, 15)
        self.assertEqual(typing.get_type_hints(parley.Fault)["code"], int)
        self.assertEqual(typing.get_type_hints(parley.LinkError)["sent"], bool)
        self.assertEqual(typing.get_type_hints(parley.connect)["return"], parley.Client)

    def test_every_function_is_annotated(self):
        for path in ROOT.glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.FunctionDef):
                    continue
                args = node.args.args + node.args.kwonlyargs + [a for a in (node.args.vararg, node.args.kwarg) if a]
                bare = [a.arg for a in args if a.annotation is None and a.arg != "self"]
                self.assertEqual((bare, node.returns is None), ([], False), "%s:%d: %s" % (path.name, node.lineno, node.name))

    def test_only_the_standard_library_is_imported(self):
        """And pickle is for writing alone: no module here can unpickle."""
        allowed = set("__future__ base64 builtins collections datetime decimal enum fractions functools hashlib hmac os pickle re reprlib secrets select socket "
                      "ssl stat struct sys threading time typing uuid weakref zlib zoneinfo argon2".split())
        for path in ROOT.glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    self.assertLessEqual({a.name for a in node.names}, allowed, path.name)
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    self.assertIn(node.module, allowed, path.name)
                elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "pickle":
                    self.assertEqual(node.attr, "dumps", path.name)
