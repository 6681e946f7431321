// Package adder offers one function, add, whose operands may be of any kind
// that adding makes sense for: 3+5, "Hello"+"World", [1,2,3]+[4,5]. [Register] puts
// it into a registry.
package adder

import (
	"math/big"
	"slices"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// Register puts the function into reg under the name add.
func Register(reg *rpc.Registry) error {
	return reg.Register("add", Add,
		rpc.Params("a", "b"),
		rpc.Signature("int", "int", "int"),
		rpc.Signature("double", "double", "double"),
		rpc.Signature("double", "int", "double"),
		rpc.Signature("double", "double", "int"),
		rpc.Signature("string", "string", "string"),
		rpc.Signature("base64", "base64", "base64"),
		rpc.Signature("array", "array", "array"),
		rpc.Help("Adds two numbers, or joins two texts, two blobs, two lists or two tuples. Integers are exact at any size."),
	)
}

// Add returns a + b. Its operands are dynamic values, as a function with
// parameters of type any receives them:
//
//   - two integers give their exact sum, an int64 if it fits and else a
//     *big.Int; an integer and a float, or two floats, give a float64, which is
//     infinite where it leaves the range of one;
//   - two strings, two binaries, two lists or two tuples give the second one
//     appended to the first. An appended ByteArray stays one.
//
// Anything else, booleans among it, is a fault with CodeInvalidParams. The
// operands are not changed, and the result shares no list or binary with them,
// though lists share their elements.
func Add(a, b any) (any, error) {
	if m, ok := a.(int64); ok {
		if n, ok := b.(int64); ok {
			return addInt64(m, n), nil
		}
	}
	x, aNumber := numberOf(a)
	y, bNumber := numberOf(b)
	if aNumber && bNumber {
		return x.plus(y), nil
	}
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok {
			return a + b, nil
		}
	case []byte:
		if b, ok := binaryOf(b); ok {
			return slices.Concat(a, b), nil
		}
	case value.ByteArray:
		if b, ok := binaryOf(b); ok {
			return slices.Concat(a, b), nil
		}
	case []any:
		if b, ok := b.([]any); ok {
			return join(a, b), nil
		}
	case value.Tuple:
		if b, ok := b.(value.Tuple); ok {
			return join(a, b), nil
		}
	}
	return nil, rpc.Errorf(rpc.CodeInvalidParams, "add: cannot add %s and %s", value.Word(a), value.Word(b))
}

// join is slices.Concat, but two empty lists make an empty list and not nil.
func join[S ~[]any](a, b S) S {
	sum := make(S, 0, len(a)+len(b))
	return append(append(sum, a...), b...)
}

func binaryOf(v any) ([]byte, bool) {
	switch v := v.(type) {
	case []byte:
		return v, true
	case value.ByteArray:
		return v, true
	}
	return nil, false
}

func addInt64(m, n int64) any {
	sum := m + n
	if (m^sum)&(n^sum) >= 0 { // no overflow: the sum has the sign of one of them
		return sum
	}
	return new(big.Int).Add(big.NewInt(m), big.NewInt(n))
}

// A number is an integer, or a float where the integer is nil.
type number struct {
	integer *big.Int
	float   float64
}

func numberOf(v any) (number, bool) {
	switch v := v.(type) {
	case int64:
		return number{integer: big.NewInt(v)}, true
	case int: // what a Go program writes when it calls Add itself
		return number{integer: big.NewInt(int64(v))}, true
	case *big.Int:
		return number{integer: v}, v != nil
	case float64:
		return number{float: v}, true
	}
	return number{}, false
}

func (x number) plus(y number) any {
	if x.integer == nil || y.integer == nil {
		return x.asFloat() + y.asFloat()
	}
	sum := new(big.Int).Add(x.integer, y.integer)
	if sum.IsInt64() {
		return sum.Int64()
	}
	return sum
}

func (x number) asFloat() float64 {
	if x.integer == nil {
		return x.float
	}
	f, _ := new(big.Float).SetInt(x.integer).Float64()
	return f
}
