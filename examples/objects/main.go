// Objects passes objects between two programs without calls, the way that
// Python's multiprocessing.connection does it: a Listener accepts, and then
// both ends send and receive whatever they like, whenever they like.
//
// Here a thermometer reports its readings, while the station tells it at any
// time how often to do so. The other end of either could be a Python program.
//
//	go run ./examples/objects
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
)

// Reading is what the thermometer sends. Python receives it as a dict.
type Reading struct {
	Sensor  string  `rpc:"sensor"`
	Celsius float64 `rpc:"celsius"`
	Every   int     `rpc:"every"` // seconds between readings, at the moment
}

// Order is what the station sends.
type Order struct {
	Every int `rpc:"every"`
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	key := auth.GenerateKey() // both ends need the same one; two programs share it in a file
	l, err := native.Listen("tcp://127.0.0.1:0", native.ListenConfig{Auth: key})
	if err != nil {
		return err
	}
	defer l.Close()

	ended := make(chan error, 1)
	go func() { ended <- thermometer(ctx, l.Addr(), key) }()

	conn, err := l.Accept(ctx) // of a peer that has proved that it has the key
	if err != nil {
		return err
	}
	defer conn.Close()
	return errors.Join(station(ctx, conn, out), <-ended)
}

// station prints readings, and asks for fewer once it has seen two.
func station(ctx context.Context, conn *native.Conn, out io.Writer) error {
	for n := 1; ; n++ {
		var r Reading
		err := conn.Recv(ctx, &r)
		if errors.Is(err, io.EOF) {
			return nil // the thermometer has closed its end
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %.1f °C, the next one in %d s\n", r.Sensor, r.Celsius, r.Every)
		if n == 2 {
			if err := conn.Send(ctx, Order{Every: 60}); err != nil {
				return err
			}
		}
	}
}

// thermometer sends two readings, obeys one order and sends a last reading.
func thermometer(ctx context.Context, url string, key *auth.Authkey) error {
	conn, err := native.DialConn(ctx, url, native.ConnConfig{Auth: key})
	if err != nil {
		return err
	}
	defer conn.Close()

	orders := make(chan Order, 1)
	failed := make(chan error, 1)
	go func() { // receiving goes on beside sending
		var o Order
		if err := conn.Recv(ctx, &o); err != nil {
			failed <- err
			return
		}
		orders <- o
	}()

	r := Reading{Sensor: "roof", Celsius: 21.5, Every: 1}
	for range 2 {
		if err := conn.Send(ctx, r); err != nil {
			return err
		}
		r.Celsius += 0.2
	}
	select {
	case o := <-orders:
		r.Every = o.Every
	case err := <-failed:
		return err
	}
	return conn.Send(ctx, r)
}
