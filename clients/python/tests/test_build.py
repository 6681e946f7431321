"""The package is installed without an index, and with the standard library alone."""

import base64
import glob
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import warnings
import zipfile

import parley

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class TestBuild(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="py")
        self.addCleanup(shutil.rmtree, self.dir)

    def python(self, *args, cwd=None, **env):
        done = subprocess.run([sys.executable] + list(args), cwd=cwd or self.dir, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, universal_newlines=True, timeout=120,
                              env=dict({k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))},
                                       PIP_NO_INDEX="1", PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONDONTWRITEBYTECODE="1", **env))
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def hook(self, name):
        code = "import sys; sys.path.insert(0, 'backend'); import parley_build; print(parley_build.%s(sys.argv[1]))"
        return os.path.join(self.dir, self.python("-c", code % name, self.dir, cwd=ROOT).strip())

    def test_wheel(self):
        wheel = self.hook("build_wheel")
        self.assertEqual(os.path.basename(wheel), "parley-%s-py3-none-any.whl" % parley.__version__)
        with zipfile.ZipFile(wheel) as z:
            names = z.namelist()
            record = [line.split(",") for line in z.read("parley-%s.dist-info/RECORD" % parley.__version__).decode().splitlines()]
            self.assertEqual(sorted(names), sorted(r[0] for r in record))
            for name, digest, size in record[:-1]:
                content = z.read(name)
                self.assertEqual((digest, size), ("sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("="), str(len(content))))
        have = {"parley/" + os.path.basename(p) for p in glob.glob(os.path.join(ROOT, "parley", "*.*"))}
        self.assertEqual(have, {n for n in names if n.startswith("parley/")})
        with open(wheel, "rb") as f:
            first = f.read()
        with open(self.hook("build_wheel"), "rb") as f:
            self.assertEqual(f.read(), first, "the same sources make the same wheel")
        shown = self.python("-c", "import parley, importlib.metadata as m; d = m.metadata('parley');"
                            "print(parley.__file__, d['Version'], d['Requires-Python'], d['Provides-Extra'], *m.requires('parley'))", PYTHONPATH=wheel)
        self.assertIn("parley-%s-py3-none-any.whl" % parley.__version__, shown)
        self.assertIn("%s >=3.8 passphrase argon2-cffi" % parley.__version__, shown)

    def test_source(self):
        """What is in the archive builds the same wheel."""
        with open(self.hook("build_wheel"), "rb") as f:
            want = f.read()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of 3.12 and later, about archives of strangers
            shutil.unpack_archive(self.hook("build_sdist"), self.dir)
        code = "import sys; sys.path.insert(0, 'backend'); import parley_build; print(parley_build.build_wheel(sys.argv[1]))"
        made = self.python("-c", code, self.dir, cwd=os.path.join(self.dir, "parley-" + parley.__version__)).strip()
        with open(os.path.join(self.dir, made), "rb") as f:
            self.assertEqual(f.read(), want)

    def test_pip(self):
        if importlib.util.find_spec("pip") is None:
            return  # the Python of a distribution may be without; then test_wheel is what there is
        to = os.path.join(self.dir, "to")
        self.python("-m", "pip", "install", "--quiet", "--target", to, ROOT)
        shown = self.python("-c", "import parley; print(parley.__file__)", PYTHONPATH=to)
        self.assertEqual(os.path.dirname(shown.strip()), os.path.join(to, "parley"))
