package main

import (
	"context"
	"errors"
	"strings"

	"github.com/parley-rpc/parley/rpc"
)

// types is what system.methodTypes says of a function.
type types struct {
	Params []typedParam `rpc:"params" json:"params"`
	Result shape        `rpc:"result" json:"result"`
	Stream bool         `rpc:"stream" json:"stream,omitempty"` // of the result
}

type typedParam struct {
	Name string `rpc:"name" json:"name,omitempty"`
	shape
	Optional bool `rpc:"optional" json:"optional,omitempty"`
	Variadic bool `rpc:"variadic" json:"variadic,omitempty"`
	Stream   bool `rpc:"stream" json:"stream,omitempty"`
}

// shape is what a value looks like: a word of signatures, and what is in it.
type shape struct {
	Type    string   `rpc:"type" json:"type"`
	Members []member `rpc:"members" json:"members,omitempty"`
	Items   *shape   `rpc:"items" json:"items,omitempty"`
}

type member struct {
	Name string `rpc:"name" json:"name"`
	shape
}

// typesOf returns nil if the server does not say.
func typesOf(ctx context.Context, caller rpc.Caller, name string) (*types, error) {
	t, err := rpc.Invoke[types](ctx, caller, "system.methodTypes", name)
	if f := new(rpc.Fault); errors.As(err, &f) || errors.Is(err, rpc.ErrResult) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// names returns those of the parameters, as far as they are known.
func (t *types) names() (names []string) {
	for _, p := range t.Params {
		names = append(names, p.Name)
	}
	return names
}

// tells reports whether t says all that signatures do, which tell of a function that
// takes or returns any what kinds it knows.
func (t *types) tells(signatures []signature) bool {
	if t == nil || len(signatures) == 0 {
		return false
	}
	lengths := 1
	for _, p := range t.Params {
		if p.Optional {
			lengths++
		}
	}
	last := signatures[len(signatures)-1]
	if len(signatures) != lengths || len(last.Params) != len(t.Params) || last.Returns != t.Result.Type {
		return false
	}
	for i, p := range last.Params {
		if p.Type != t.Params[i].Type {
			return false
		}
	}
	return true
}

// String returns "(prefix string, limit? int, xs …{name string}) -> []double", and
// nothing behind the parameters where nothing comes back.
func (t *types) String() string {
	var params []string
	for _, p := range t.Params {
		name, kind := p.Name, p.String()
		if p.Optional {
			name += "?"
		}
		if p.Variadic {
			kind = "…" + kind
		}
		params = append(params, strings.TrimPrefix(name+" "+kind, " "))
	}
	text := "(" + strings.Join(params, ", ") + ")"
	if t.Result.Type != "nil" {
		text += " -> " + t.Result.String()
	}
	return text
}

func (s shape) String() string {
	switch {
	case len(s.Members) > 0:
		var members []string
		for _, m := range s.Members {
			members = append(members, m.Name+" "+m.String())
		}
		return "{" + strings.Join(members, ", ") + "}"
	case s.Type == "array" && s.Items != nil && s.Items.Type != "any":
		return "[]" + s.Items.String()
	}
	return s.Type
}
