// Package catalog offers a small catalogue of products: records, errors that
// keep their meaning on the wire, and a stream. [Register] puts its functions into
// a registry, for a [Catalog] that [New] has made.
package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc"
)

// Product is one entry of a Catalog.
type Product struct {
	ID    int     `rpc:"pid"`
	Name  string  `rpc:"pname"`
	Price float64 `rpc:"pprice"`
}

// The errors of a Catalog, and the fault codes that Register gives them.
var (
	ErrNotFound = errors.New("no such product")                 // 404
	ErrExists   = errors.New("a product with this pid exists")  // 409
	ErrFull     = errors.New("the catalogue is full")           // 507
	ErrInvalid  = errors.New("this cannot be a product")        // 422
	ErrPause    = errors.New("the pause is not from 0 to 10 s") // 422
)

const (
	// MaxProducts is how many products a Catalog holds at most.
	MaxProducts = 10_000
	// MaxName bounds Product.Name, in bytes.
	MaxName = 200
	// MaxPause bounds the pause of Catalog.Watch.
	MaxPause = 10 * time.Second
)

// Catalog holds products by their ID. It is safe for concurrent use. The zero
// Catalog is empty and ready.
type Catalog struct {
	mu       sync.Mutex // protects products
	products map[int]Product
}

// New returns a Catalog that begins with five products.
func New() *Catalog {
	return &Catalog{products: map[int]Product{
		1: {1, "Teapot", 24.5},
		2: {2, "Cup and saucer", 8.25},
		3: {3, "Biscuit tin", 12},
		4: {4, "Sugar tongs", 6.75},
		5: {5, "Tea towel", 3.5},
	}}
}

// Register puts the functions of c into reg: catalog.list, catalog.get,
// catalog.add and catalog.watch.
func Register(reg *rpc.Registry, c *Catalog) error {
	reg.MapError(ErrNotFound, 404)
	reg.MapError(ErrExists, 409)
	reg.MapError(ErrInvalid, 422)
	reg.MapError(ErrPause, 422)
	reg.MapError(ErrFull, 507)
	return errors.Join(
		reg.Register("catalog.list", c.List,
			rpc.Help("Returns all products, in the order of their pid.")),
		reg.Register("catalog.get", c.Get, rpc.Params("pid"),
			rpc.Help("Returns the product with this pid. Fault 404 if there is none.")),
		reg.Register("catalog.add", c.Add, rpc.Params("product"),
			rpc.Help("Adds a product. Fault 409 if its pid is taken, 422 if it is not valid, 507 if the catalogue is full.")),
		reg.Register("catalog.watch", c.Watch, rpc.Params("pause"),
			rpc.Help("Yields the products one after another, with a pause between them (optional, in seconds, at most 10).")),
	)
}

// List returns all products in the order of their ID.
func (c *Catalog) List() []Product {
	c.mu.Lock()
	list := slices.Collect(maps.Values(c.products))
	c.mu.Unlock()
	slices.SortFunc(list, func(p, q Product) int { return cmp.Compare(p.ID, q.ID) })
	return list
}

// Get returns the product with this ID, or ErrNotFound.
func (c *Catalog) Get(id int) (Product, error) {
	c.mu.Lock()
	p, ok := c.products[id]
	c.mu.Unlock()
	if !ok {
		return Product{}, fmt.Errorf("catalog: pid %d: %w", id, ErrNotFound)
	}
	return p, nil
}

// Add takes p up. It fails with ErrInvalid, ErrExists or ErrFull.
func (c *Catalog) Add(p Product) error {
	if err := p.check(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.products[p.ID]; ok {
		return fmt.Errorf("catalog: pid %d: %w", p.ID, ErrExists)
	}
	if len(c.products) >= MaxProducts {
		return fmt.Errorf("catalog: %w: it holds %d products", ErrFull, MaxProducts)
	}
	if c.products == nil {
		c.products = make(map[int]Product)
	}
	c.products[p.ID] = p
	return nil
}

// check returns an ErrInvalid that says what is wrong with p.
func (p Product) check() error {
	switch {
	case p.ID <= 0:
		return fmt.Errorf("catalog: %w: pid is %d, expected 1 or more", ErrInvalid, p.ID)
	case p.Name == "":
		return fmt.Errorf("catalog: %w: pname is empty", ErrInvalid)
	case len(p.Name) > MaxName:
		return fmt.Errorf("catalog: %w: pname has %d bytes, expected at most %d", ErrInvalid, len(p.Name), MaxName)
	case !utf8.ValidString(p.Name):
		return fmt.Errorf("catalog: %w: pname is not UTF-8", ErrInvalid)
	case !(p.Price >= 0) || math.IsInf(p.Price, 1):
		return fmt.Errorf("catalog: %w: pprice is %v, expected a number from 0", ErrInvalid, p.Price)
	}
	return nil
}

// Watch yields the products that there are when it begins, one after another in
// the order of their ID. pause is the time between two of them, in seconds; nil
// means none.
func (c *Catalog) Watch(ctx context.Context, pause *float64) iter.Seq2[Product, error] {
	return func(yield func(Product, error) bool) {
		wait, err := pauseOf(pause)
		if err != nil {
			yield(Product{}, err)
			return
		}
		for i, p := range c.List() {
			if i > 0 {
				if err := sleep(ctx, wait); err != nil {
					yield(Product{}, err)
					return
				}
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

func pauseOf(seconds *float64) (time.Duration, error) {
	if seconds == nil {
		return 0, nil
	}
	if !(*seconds >= 0 && *seconds <= MaxPause.Seconds()) {
		return 0, fmt.Errorf("catalog: %w: got %v", ErrPause, *seconds)
	}
	return time.Duration(*seconds * float64(time.Second)), nil
}

// sleep waits for d, or fails once ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
