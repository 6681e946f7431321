package pickle_test

import (
	"fmt"
	"time"

	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// A message is looked at before it is known what it is: a tuple whose first part
// names a function.
func ExampleRead() {
	data, err := pickle.Append(nil, value.Tuple{"put", Product{"tea", 2.5}}, pickle.EncodeOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := pickle.Read(data, pickle.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	parts, ok := m.Parts()
	if !ok || len(parts) != 2 {
		fmt.Println("no call, but", m.Kind())
		return
	}
	name, err := parts[0].Value()
	if err != nil {
		fmt.Println(err)
		return
	}
	var p Product
	s := parts[1].Source()
	value.Decode(s, &p)
	fmt.Println(name, p.Name, p.Price, s.Err())
	// Output: put tea 2.5 <nil>
}

// An answer is in the protocol that the peer has used, which is one that it reads.
func ExampleAnswerProtocol() {
	question := []byte("\x80\x03K\x03.") // pickle.dumps(3) of Python 3.7
	v, info, err := pickle.Decode(question, pickle.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := pickle.Append(nil, v, pickle.EncodeOptions{Protocol: pickle.AnswerProtocol(info.Protocol)})
	fmt.Printf("%q %v\n", answer, err)
	// Output: "\x80\x03K\x03." <nil>
}

// An instance of a class that nobody has registered, as what it says of itself.
func ExampleObject() {
	// pickle.dumps(Point(1, 2)), of a class in the module shapes
	data := []byte("\x80\x04\x8c\x06shapes\x8c\x05Point\x93)\x81}(\x8c\x01xK\x01\x8c\x01yK\x02ub.")
	v, _, err := pickle.Decode(data, pickle.Options{Objects: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	o := v.(*pickle.Object)
	fmt.Println(o.Class(), o.Attributes())
	var p struct {
		X int `rpc:"x"`
		Y int `rpc:"y"`
	}
	fmt.Println(o.Convert(&p), p)
	// Output:
	// shapes.Point map[x:1 y:2]
	// <nil> {1 2}
}

// Python's timedelta.
func ExampleNewDelta() {
	d := pickle.NewDelta(-90 * time.Second)
	fmt.Printf("%+v\n", d)
	fmt.Println(d.Duration())
	// Output:
	// {Days:-1 Seconds:86310 Microseconds:0}
	// -1m30s true
}

// What datetime has and package time has not.
func ExampleDate() {
	for _, v := range []any{
		pickle.Date{Year: 2024, Month: time.February, Day: 29},
		pickle.Clock{Hour: 12, Minute: 30},
		pickle.ZoneClock{Clock: pickle.Clock{Hour: 12, Minute: 30}, Zone: "Europe/Berlin"},
	} {
		data, err := pickle.Append(nil, v, pickle.EncodeOptions{})
		if err != nil {
			fmt.Println(err)
			return
		}
		back, _, err := pickle.Decode(data, pickle.Options{})
		fmt.Println(back, back == v, err)
	}
	// Output:
	// 2024-02-29 true <nil>
	// 12:30:00 true <nil>
	// 12:30:00[Europe/Berlin] true <nil>
}
