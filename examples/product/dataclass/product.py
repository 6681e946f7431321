# Product as a dataclass (Python 3.7). Its name is the same and so are its
# attributes, and that is all that the other end gets to know:
#
#   PYTHONPATH=examples/product/dataclass python3 - <examples/product/client.py
from dataclasses import dataclass


@dataclass
class Product:
    pid: int
    pname: str
    pprice: float

    def label(self):
        return f"{self.pid}: {self.pname} costs {self.pprice:.2f}"
