// Package validator1 offers the eight functions of the XML-RPC validator of
// 1999, which clients in many languages still test themselves against, and
// validates servers that offer them.
//
// Register puts the functions into a registry. The suite knows 32-bit integers
// only; larger ones are refused, so that no sum can overflow. A struct without one
// of the members that a function adds up is refused too: a client that loses or
// misspells a name must not get a sum.
//
// Check calls the functions of any server, by a client of any transport, and
// reports what is wrong.
package validator1

import (
	"errors"
	"strings"

	"github.com/parley-rpc/parley/rpc"
)

// prefix is what the names of the functions begin with.
const prefix = "validator1."

// Register puts the functions into reg under their names, validator1.*.
func Register(reg *rpc.Registry) error {
	return errors.Join(
		reg.Register(prefix+"arrayOfStructsTest", arrayOfStructsTest, rpc.Params("structs"),
			rpc.Help("Takes an array of structs with the members moe, larry and curly; returns the sum of all curly.")),
		reg.Register(prefix+"countTheEntities", countTheEntities, rpc.Params("text"),
			rpc.Help("Counts the characters < > & ' and \" in a text.")),
		reg.Register(prefix+"easyStructTest", easyStructTest, rpc.Params("struct"),
			rpc.Help("Returns moe + larry + curly.")),
		reg.Register(prefix+"echoStructTest", echoStructTest, rpc.Params("struct"),
			rpc.Help("Returns the struct that it got.")),
		reg.Register(prefix+"manyTypesTest", manyTypesTest,
			rpc.Params("number", "boolean", "text", "double", "date", "blob"),
			rpc.Help("Returns its six arguments as an array.")),
		reg.Register(prefix+"moderateSizeArrayCheck", moderateSizeArrayCheck, rpc.Params("texts"),
			rpc.Help("Returns the first text of an array with the last appended.")),
		reg.Register(prefix+"nestedStructTest", nestedStructTest, rpc.Params("calendar"),
			rpc.Help("Takes a calendar of years, months and days; returns moe + larry + curly of [\"2000\"][\"04\"][\"01\"].")),
		reg.Register(prefix+"simpleStructReturnTest", simpleStructReturnTest, rpc.Params("number"),
			rpc.Help("Returns a struct with the number times 10, 100 and 1000.")),
	)
}

// stooges is the struct that the suite adds up. It may have other members too.
type stooges struct {
	Moe   *int32 `rpc:"moe"`
	Larry *int32 `rpc:"larry"`
	Curly *int32 `rpc:"curly"`
}

// sum adds up the three members for a function.
func (s stooges) sum(function string) (int64, error) {
	var sum int64
	for _, m := range []struct {
		name   string
		number *int32
	}{{"moe", s.Moe}, {"larry", s.Larry}, {"curly", s.Curly}} {
		if m.number == nil {
			return 0, rpc.Errorf(rpc.CodeInvalidParams, "%s: the struct has no member %s; expected moe, larry and curly", function, m.name)
		}
		sum += int64(*m.number)
	}
	return sum, nil
}

func arrayOfStructsTest(structs []stooges) (int64, error) {
	var sum int64
	for i, s := range structs {
		if s.Curly == nil {
			return 0, rpc.Errorf(rpc.CodeInvalidParams, "arrayOfStructsTest: struct %d of the array has no member curly", i)
		}
		sum += int64(*s.Curly)
	}
	return sum, nil
}

// entities are the characters that XML gives a meaning to, counted.
type entities struct {
	LeftAngleBrackets  int `rpc:"ctLeftAngleBrackets"`
	RightAngleBrackets int `rpc:"ctRightAngleBrackets"`
	Ampersands         int `rpc:"ctAmpersands"`
	Apostrophes        int `rpc:"ctApostrophes"`
	Quotes             int `rpc:"ctQuotes"`
}

func countTheEntities(text string) entities {
	return entities{
		LeftAngleBrackets:  strings.Count(text, "<"),
		RightAngleBrackets: strings.Count(text, ">"),
		Ampersands:         strings.Count(text, "&"),
		Apostrophes:        strings.Count(text, "'"),
		Quotes:             strings.Count(text, `"`),
	}
}

func easyStructTest(s stooges) (int64, error) { return s.sum("easyStructTest") }

func echoStructTest(s map[string]any) map[string]any { return s }

// manyTypesTest takes whatever comes, so that each value goes back as it was.
func manyTypesTest(number, boolean, text, double, date, blob any) []any {
	return []any{number, boolean, text, double, date, blob}
}

func moderateSizeArrayCheck(texts []string) (string, error) {
	if len(texts) == 0 {
		return "", rpc.Errorf(rpc.CodeInvalidParams, "moderateSizeArrayCheck: the array is empty; expected 100 to 200 texts")
	}
	return texts[0] + texts[len(texts)-1], nil
}

// calendar names the one day that is asked for; what is on the others does not
// matter.
type calendar struct {
	Year struct {
		April struct {
			First *stooges `rpc:"01"`
		} `rpc:"04"`
	} `rpc:"2000"`
}

func nestedStructTest(c calendar) (int64, error) {
	day := c.Year.April.First
	if day == nil {
		return 0, rpc.Errorf(rpc.CodeInvalidParams, `nestedStructTest: the calendar has no ["2000"]["04"]["01"]`)
	}
	return day.sum("nestedStructTest")
}

// multiples is a number times three powers of ten.
type multiples struct {
	Times10   int64 `rpc:"times10"`
	Times100  int64 `rpc:"times100"`
	Times1000 int64 `rpc:"times1000"`
}

func simpleStructReturnTest(number int32) multiples {
	n := int64(number)
	return multiples{Times10: 10 * n, Times100: 100 * n, Times1000: 1000 * n}
}
