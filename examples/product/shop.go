package main

import "github.com/parley-rpc/parley/rpc/native/pickle"

// Product is the class Product of product.py. The tags are the names of its
// attributes.
type Product struct {
	ID    int     `rpc:"pid"`
	Name  string  `rpc:"pname"`
	Price float64 `rpc:"pprice"`
}

// Shop is a dictionary in Python: a struct without a name in the registry.
type Shop struct {
	Name     string `rpc:"name"`
	Products int    `rpc:"products"`
}

// classes says that the class Product in the module product is the type Product:
// so it is read, and so it is written.
func classes() (pickle.Options, error) {
	reg := pickle.NewRegistry()
	if err := reg.Name("product.Product", Product{}); err != nil {
		return pickle.Options{}, err
	}
	return pickle.Options{Registry: reg}, nil
}
