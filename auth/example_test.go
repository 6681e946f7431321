package auth_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
)

func ExampleLoadKey() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "authkey")

	if err := auth.GenerateKey().WriteFile(path); err != nil {
		log.Fatal(err)
	}
	key, err := auth.LoadKey(path, auth.KeyConfig{Identity: "deploy-bot"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key, len(key.Reveal()))
	// Output: [authkey] 64
}

func ExampleNewPolicy() {
	policy, err := auth.NewPolicy(map[string][]string{
		"deploy-bot": {"catalog.*", "add"},
		"admin":      {"*"},
	})
	if err != nil {
		log.Fatal(err)
	}
	bot := rpc.Identity{Name: "deploy-bot"}
	fmt.Println(policy.Allow(context.Background(), bot, "catalog.list"))
	fmt.Println(policy.Allow(context.Background(), bot, "system.shutdown"))
	fmt.Println(policy.Allow(context.Background(), rpc.Identity{Name: "stranger"}, "add"))
	// Output:
	// true
	// false
	// false
}
