# What both Python halves share. On the wire an instance is the name of its class,
# product.Product, and its attributes; methods stay at home. The same as a
# dataclass is dataclass/product.py.


class Product(object):
    def __init__(self, pid, pname, pprice):
        self.pid = pid
        self.pname = pname
        self.pprice = pprice

    def label(self):
        return "%d: %s costs %.2f" % (self.pid, self.pname, self.pprice)
