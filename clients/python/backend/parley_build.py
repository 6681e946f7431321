"""Builds the wheel of the package, with the standard library alone.

pip runs these functions, the hooks of PEP 517 and 660, since pyproject.toml names
this module. So an installation fetches nothing. What pyproject.toml says of the
project in lines of the form name = "text" goes into the wheel.
"""

import base64
import hashlib
import io
import os
import re
import tarfile
import zipfile

TAG = "py3-none-any"
_OLD = (1980, 1, 1, 0, 0, 0)  # of every file, so that the same sources make the same wheel


def _read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def _project():
    """Return the fields of [project], with the version that the package has."""
    _, table = _read("pyproject.toml").split("\n[project]\n")
    fields = dict(re.findall(r'^([a-z-]+) = "(.*)"$', table.split("\n[")[0], re.M))
    fields["version"] = re.search(r'^__version__ = "(.*)"$', _read("parley", "__init__.py"), re.M)[1]
    return fields


def _metadata():
    """Return METADATA, as the core metadata of packages has it."""
    p = _project()
    lines = ["Metadata-Version: 2.1", "Name: " + p["name"], "Version: " + p["version"], "Summary: " + p["description"],
             "License: MIT", "Requires-Python: " + p["requires-python"], "Description-Content-Type: text/markdown"]
    _, extras = _read("pyproject.toml").split("\n[project.optional-dependencies]\n")
    for extra, requirement in re.findall(r'^(\w+) = \["(.*)"\]$', extras.split("\n[")[0], re.M):
        lines += ["Provides-Extra: " + extra, 'Requires-Dist: %s; extra == "%s"' % (requirement, extra)]
    return "\n".join(lines) + "\n\n" + _read("README.md")


def _name():
    p = _project()
    return "%s-%s" % (p["name"], p["version"])


def _sources():
    return sorted("parley/" + name for name in os.listdir("parley") if name.endswith((".py", ".typed")))


def _wheel(directory, files):
    """Write a wheel of files, a dict of their contents by name, and return its name."""
    info = _name() + ".dist-info/"
    files[info + "METADATA"] = _metadata()
    files[info + "WHEEL"] = "Wheel-Version: 1.0\nGenerator: parley_build\nRoot-Is-Purelib: true\nTag: %s\n" % TAG
    record = ""
    for name in sorted(files):
        content = files[name].encode()
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += "%s,sha256=%s,%d\n" % (name, digest, len(content))
    files[info + "RECORD"] = record + info + "RECORD,,\n"
    wheel = "%s-%s.whl" % (_name(), TAG)
    with zipfile.ZipFile(os.path.join(directory, wheel), "w", zipfile.ZIP_DEFLATED) as z:
        for name in files:
            entry = zipfile.ZipInfo(name, _OLD)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            z.writestr(entry, files[name])
    return wheel


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return _wheel(wheel_directory, {name: _read(*name.split("/")) for name in _sources()})


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return _wheel(wheel_directory, {"parley.pth": os.getcwd() + "\n"})


def build_sdist(sdist_directory, config_settings=None):
    name = _name() + ".tar.gz"
    with tarfile.open(os.path.join(sdist_directory, name), "w:gz", format=tarfile.PAX_FORMAT) as t:
        for path in ["pyproject.toml", "README.md", "backend/parley_build.py"] + _sources():
            t.add(path, "%s/%s" % (_name(), path))
        content = _metadata().encode()
        entry = tarfile.TarInfo(_name() + "/PKG-INFO")
        entry.size = len(content)
        t.addfile(entry, io.BytesIO(content))
    return name
