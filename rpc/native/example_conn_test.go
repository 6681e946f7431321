package native_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/value"
)

// The other end of either side may be Python:
//
//	c = multiprocessing.connection.Client(('127.0.0.1', port), authkey=key)
//	c.send((3, 5))
//	print(c.recv())
func ExampleListen() {
	ctx := context.Background()
	key := auth.GenerateKey()

	l, err := native.Listen("tcp://127.0.0.1:0", native.ListenConfig{Auth: key, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept(ctx)
		if err != nil {
			log.Fatal(err)
		}
		defer conn.Close()
		var pair [2]int
		for conn.Recv(ctx, &pair) == nil { // until the peer closes
			if err := conn.Send(ctx, pair[0]+pair[1]); err != nil {
				log.Fatal(err)
			}
		}
	}()

	conn, err := native.DialConn(ctx, l.Addr(), native.ConnConfig{Auth: key})
	if err != nil {
		log.Fatal(err)
	}
	var sum int
	if err := conn.Send(ctx, value.Tuple{3, 5}); err != nil {
		log.Fatal(err)
	}
	if err := conn.Recv(ctx, &sum); err != nil {
		log.Fatal(err)
	}
	fmt.Println(sum)
	conn.Close()
	<-done
	// Output: 8
}
